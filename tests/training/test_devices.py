import pytest
import torch

from zoo.contracts.recipe import Choice
from zoo.errors import EnvironmentFault
from zoo.training import setup
from zoo.training.devices import choose_device, determinism


def test_auto_takes_the_fastest_device_there_is():
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert choose_device("auto") == torch.device(best)
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "is_there"), [("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)]
)
def test_a_device_that_is_not_there_is_an_environment_fault(name, is_there):
    if is_there():
        assert choose_device(name).type == name
        return
    with pytest.raises(EnvironmentFault, match=f"device={name}: there is no such device here") as caught:
        choose_device(name)
    assert "use device=auto or " in caught.value.fix
    assert caught.value.exit_code == 6


def test_the_cpu_is_deterministic_and_a_gpu_when_it_is_asked_to_be():
    for device, is_asked, is_on in (("cpu", False, True), ("cuda", False, False), ("cuda", True, True)):
        with determinism(torch.device(device), is_asked=is_asked):
            assert torch.are_deterministic_algorithms_enabled() == is_on
        assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("name", "device", "is_compiled", "fused", "capturable"),
    [
        ("adam", "cuda", False, True, False),
        ("adam", "cuda", True, None, True),
        ("adam", "cpu", True, None, False),
        ("adagrad", "cpu", False, True, None),
        ("adagrad", "cuda", False, None, None),
        ("sgd", "cuda", True, None, None),
    ],
)
def test_an_optimizer_is_made_as_it_is_fastest_where_it_runs(
    registry, name, device, is_compiled, fused, capturable
):
    built = setup._build_optimizer(
        torch.nn.Linear(2, 1), Choice(name, {}), registry, torch.device(device), is_compiled=is_compiled
    )
    assert built.defaults["fused"] is fused
    assert built.defaults.get("capturable") is capturable
