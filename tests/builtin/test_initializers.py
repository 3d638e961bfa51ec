import math

import pytest
import torch

from zoo.builtin import initializers
from zoo.errors import UsageError

SHAPE = (300, 400)
FAN_IN, FAN_OUT = 400, 300


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def filled(fill, *shape):
    tensor = torch.full(shape, torch.nan)
    fill(tensor)
    return tensor.double()


def assert_normal(tensor, mean, std):
    assert tensor.mean().item() == pytest.approx(mean, abs=5 * std / math.sqrt(tensor.numel()))
    assert tensor.std().item() == pytest.approx(std, rel=0.02)


def assert_uniform(tensor, low, high):
    width = high - low
    assert low <= tensor.min() < low + width / 1000
    assert high - width / 1000 < tensor.max() <= high
    assert tensor.std().item() == pytest.approx(width / math.sqrt(12), rel=0.02)


def test_uniform_fills_between_its_bounds():
    assert_uniform(filled(initializers.uniform(low=-0.2, high=0.6), *SHAPE), -0.2, 0.6)


def test_normal_has_the_given_moments():
    assert_normal(filled(initializers.normal(mean=1.0, std=0.5), *SHAPE), 1.0, 0.5)


def test_truncated_normal_is_cut_at_two_standard_deviations():
    weights = filled(initializers.trunc_normal(mean=1.0, std=0.02), *SHAPE)
    assert (weights - 1.0).abs().max().item() == pytest.approx(0.04, rel=1e-3)
    # Variance of a standard normal cut at 2: 1 - 4 pdf(2) / (2 cdf(2) - 1).
    density = math.exp(-2) / math.sqrt(2 * math.pi)
    assert_normal(weights, 1.0, 0.02 * math.sqrt(1 - 4 * density / math.erf(math.sqrt(2))))


def test_constants_fill_every_shape():
    for shape in [(3,), (2, 3), (2, 3, 4, 5)]:
        assert (filled(initializers.constant(value=0.1), *shape) == torch.tensor(0.1).double()).all()
        assert (filled(initializers.ones(), *shape) == 1).all()
        assert (filled(initializers.zeros(), *shape) == 0).all()


def test_eye_passes_its_input_on():
    vector = torch.arange(4.0).double()
    assert torch.equal(filled(initializers.eye(), 4, 4) @ vector, vector)


def test_dirac_passes_its_channels_on():
    image = torch.rand(1, 6, 5, 5).double()
    weights = filled(initializers.dirac(), 6, 6, 3, 3)
    assert torch.equal(torch.nn.functional.conv2d(image, weights, padding=1), image)
    grouped = filled(initializers.dirac(groups=3), 6, 2, 3, 3)
    assert torch.equal(torch.nn.functional.conv2d(image, grouped, padding=1, groups=3), image)


def test_xavier_follows_glorot_and_bengio():
    bound = math.sqrt(6 / (FAN_IN + FAN_OUT))
    assert_uniform(filled(initializers.xavier_uniform(), *SHAPE), -bound, bound)
    assert_normal(
        filled(initializers.xavier_normal(gain=2.0), *SHAPE), 0, 2 * math.sqrt(2 / (FAN_IN + FAN_OUT))
    )


def test_kaiming_follows_he():
    bound = math.sqrt(6 / FAN_IN)
    assert_uniform(filled(initializers.kaiming_uniform(), *SHAPE), -bound, bound)
    assert_normal(filled(initializers.kaiming_normal(), *SHAPE), 0, math.sqrt(2 / FAN_IN))
    leaky = initializers.kaiming_normal(a=0.25, mode="fan_out", nonlinearity="leaky_relu")
    assert_normal(filled(leaky, *SHAPE), 0, math.sqrt(2 / (1 + 0.25**2) / FAN_OUT))


def test_kaiming_counts_the_kernel_in_the_fan():
    weights = filled(initializers.kaiming_normal(mode="fan_out"), 64, 32, 3, 3)
    assert_normal(weights, 0, math.sqrt(2 / (64 * 9)))


def test_orthogonal_has_orthonormal_rows_or_columns():
    wide = filled(initializers.orthogonal(gain=2.0), 10, 30)
    torch.testing.assert_close(wide @ wide.T, 4 * torch.eye(10).double(), rtol=0, atol=1e-5)
    tall = filled(initializers.orthogonal(), 30, 2, 5).flatten(1)
    torch.testing.assert_close(tall.T @ tall, torch.eye(10).double(), rtol=0, atol=1e-5)


def test_sparse_zeroes_its_share_of_every_column():
    weights = filled(initializers.sparse(sparsity=0.9, std=0.1), 1000, 200)
    assert ((weights == 0).sum(0) == 900).all()
    assert_normal(weights[weights != 0], 0, 0.1)


@pytest.mark.parametrize(
    "name", ["xavier-uniform", "xavier-normal", "kaiming-uniform", "kaiming-normal", "orthogonal"]
)
def test_a_bias_has_no_fan(name):
    fill = getattr(initializers, name.replace("-", "_"))()
    with pytest.raises(UsageError) as caught:
        fill(torch.empty(10))
    assert caught.value.message == (
        f"initializer {name!r} fills tensors of 2 or more dimensions; this one has shape (10,)"
    )
    assert "'zeros' or 'constant'" in caught.value.fix


@pytest.mark.parametrize(
    ("fill", "words"),
    [(initializers.eye(), "2"), (initializers.sparse(), "2"), (initializers.dirac(), "3 or 4 or 5")],
)
def test_a_pattern_refuses_other_numbers_of_dimensions(fill, words):
    with pytest.raises(UsageError, match=rf"fills tensors of {words} dimensions; this one has shape \(10,\)"):
        fill(torch.empty(10))


def test_dirac_groups_must_divide_the_channels():
    with pytest.raises(
        UsageError, match=r"'dirac' with groups=4 cannot fill a tensor of shape \(6, 2, 3, 3\)"
    ):
        initializers.dirac(groups=4)(torch.empty(6, 2, 3, 3))


def test_every_initializer_of_torch_is_in_the_zoo():
    from zoo.builtin import INITIALIZERS

    in_place = {
        name[:-1].replace("_", "-") for name in dir(torch.nn.init) if name.endswith("_") and name[0] != "_"
    }
    assert in_place == {entry.name for entry in INITIALIZERS}
