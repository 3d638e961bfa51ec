import importlib.util
import json
import subprocess
import sys
import tomllib

import pytest
import torch

from zoo.distributions import plugins
from zoo.distributions.names import Name
from zoo.errors import UsageError
from zoo.plugin import Architecture, Binary, Classes, Loss, Signature, TensorSpec, Values
from zoo.registry import Plugin, Registry

NAME = Name.parse("zoo-mynet")
# What strangers' linters ask for; their files know Zoo as one library among others.
RULES = "A,ANN,B,C4,D,E,F,I,N,PIE,PT,PTH,RET,RUF,S,SIM,UP,W"
LIBRARY_RULES = ["--ignore", "ANN401,D107,E501,S101", "--config", 'lint.pydocstyle.convention = "google"']


@pytest.fixture
def write(tmp_path):
    """Writes a plugin of a kind; returns its folder."""
    return lambda kind: plugins.create(NAME, kind, into=tmp_path, registry=Registry()).path


def imported(path):
    """A module of the new plugin, imported from its file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files_of(path):
    return {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}


def signature_of(kind, shape, target):
    return Signature((TensorSpec(kind, kind, "float32", shape),), target, target.outputs)


@pytest.mark.parametrize(
    ("kind", "modules"),
    [
        ("architecture", {"network.py"}),
        ("loss", {"loss.py"}),
        ("optimizer", {"optimizer.py"}),
        ("all", {"network.py", "loss.py", "optimizer.py"}),
    ],
)
def test_a_new_plugin_is_complete(write, kind, modules):
    assert files_of(write(kind)) == {
        ".github/workflows/test.yml",
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "tests/test_conformance.py",
        *(f"src/zoo_mynet/{name}" for name in {"__init__.py", "py.typed", *modules}),
    }


def test_its_metadata_names_the_package_that_registers_and_the_core_it_was_written_for(write):
    document = tomllib.loads((write("architecture") / "pyproject.toml").read_text())
    assert document["project"]["entry-points"]["zoo"] == {"mynet": "zoo_mynet"}
    [requirement] = document["project"]["dependencies"]
    assert requirement.startswith("zoo-core[train]>=")


def test_its_conformance_test_has_three_lines(write):
    text = (write("architecture") / "tests" / "test_conformance.py").read_text()
    assert [line for line in text.splitlines() if line] == [
        "from zoo.testing import conformance",
        'test_conformance = conformance("zoo-mynet")',
    ]
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_formatter_and_linter_find_nothing_to_change(write, kind):
    path = write(kind)
    ruff = [sys.executable, "-m", "ruff"]
    for words in (
        ["format", "--isolated", "--check", path],
        ["check", "--isolated", path],
        ["check", "--isolated", "--select", RULES, *LIBRARY_RULES, path / "src"],
    ):
        done = subprocess.run([*ruff, *words], cwd=path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_registration_imports_no_torch_and_names_factories_that_exist(write):
    source = write("all") / "src"
    code = (
        "import sys, json, zoo_mynet; entries = zoo_mynet.zoo_register(); "
        "assert not {'torch', 'numpy'} & set(sys.modules); "
        "print(json.dumps([[entry.kind, entry.name, entry.factory] for entry in entries]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=True
    )
    entries = json.loads(done.stdout)
    assert [entry[:2] for entry in entries] == [[kind, "mynet"] for kind in plugins.KINDS[:-1]]
    for _, _, factory in entries:
        module, _, attribute = factory.partition(":")
        assert getattr(imported(source / f"{module.replace('.', '/')}.py"), attribute)


@pytest.mark.parametrize(("kind", "shape"), [("image", (3, 9, 7)), ("image", (1, 1, 1)), ("vector", (4,))])
@pytest.mark.parametrize("target", [Classes(("a", "b", "c")), Binary(("no", "yes")), Values(("x", "y"))])
def test_the_network_scores_pictures_and_vectors_each_example_by_itself(write, kind, shape, target):
    network = imported(write("architecture") / "src/zoo_mynet/network.py").MynetNetwork
    torch.manual_seed(0)
    built = network(signature_of(kind, shape, target), dropout=0.5).eval().double()
    inputs = torch.randn(5, *shape, dtype=torch.float64)
    scores = built(inputs)
    assert scores.shape == (5, *target.scores_shape)
    torch.testing.assert_close(built(inputs[2:3]), scores[2:3])


@pytest.mark.parametrize("power", [0.3, 1.0])
def test_the_loss_is_its_formula(write, power):
    loss = imported(write("loss") / "src/zoo_mynet/loss.py").MynetLoss(power=power)
    logits, target = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2])
    truth = logits.softmax(1)[torch.arange(6), target]
    torch.testing.assert_close(loss(logits, target), (1 - truth**power) / power)


def test_with_a_small_power_the_loss_is_nearly_cross_entropy(write):
    loss = imported(write("loss") / "src/zoo_mynet/loss.py").MynetLoss(power=1e-9)
    logits, target = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2])
    expected = torch.nn.functional.cross_entropy(logits, target, reduction="none")
    torch.testing.assert_close(loss(logits, target), expected, rtol=1e-6, atol=0)


def test_the_optimizer_makes_the_published_steps(write):
    module = imported(write("optimizer") / "src/zoo_mynet/optimizer.py")
    parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = module.MynetOptimizer([("x", parameter)], lr=0.1, betas=(0.9, 0.99), weight_decay=0.5)
    expected, momentum = parameter.detach().clone(), torch.zeros(2, dtype=torch.float64)
    for gradient in (torch.tensor([3.0, -1.0]), torch.tensor([-0.1, 5.0]), torch.tensor([-9.0, 0.0])):
        parameter.grad = gradient.double()
        optimizer.step()
        # arXiv:2302.06675, algorithm 2.
        direction = (0.9 * momentum + 0.1 * gradient).sign()
        momentum = 0.99 * momentum + 0.01 * gradient
        expected = expected - 0.1 * (direction + 0.5 * expected)
        torch.testing.assert_close(parameter.detach(), expected)


def test_a_folder_that_exists_is_left_as_it_is(write, tmp_path):
    (tmp_path / "zoo-mynet").mkdir()
    with pytest.raises(UsageError, match="zoo-mynet exists") as caught:
        write("architecture")
    assert caught.value.fix == "choose another name, or another folder with --into DIR"
    assert list(tmp_path.rglob("*")) == [tmp_path / "zoo-mynet"]


def test_the_name_of_an_installed_plugin_is_refused(tmp_path):
    registry = Registry(plugins=[Plugin("zoo-mynet", "2.0", "zoo_mynet")])
    with pytest.raises(UsageError, match=r"zoo-mynet 2\.0 is installed"):
        plugins.create(NAME, into=tmp_path, registry=registry)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_offered_already_is_refused_for_that_kind_alone(tmp_path):
    network = Architecture(name="mynet", factory="a:b", summary="", accepts=("image",), predicts=("classes",))
    registry = Registry([network])
    with pytest.raises(UsageError, match="the name is taken: architecture 'mynet' of local 0"):
        plugins.create(NAME, "all", into=tmp_path, registry=registry)
    assert plugins.create(NAME, "loss", into=tmp_path, registry=registry).path.is_dir()


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("architecture", "zoo train mynet --data digits"),
        ("loss", "zoo train mlp --data digits loss=mynet"),
        ("all", "zoo train mynet --data digits loss=mynet optimizer=mynet"),
    ],
)
def test_the_command_that_tries_it_uses_all_of_it(tmp_path, kind, command):
    loss = Loss(name="other", factory="a:b", summary="", fits=("classes",), expects="logits")
    assert plugins.create(NAME, kind, into=tmp_path, registry=Registry([loss])).train == command
