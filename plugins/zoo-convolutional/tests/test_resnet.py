import pytest
import torch

from zoo.plugin import Classes
from zoo_convolutional.resnet import Residual, ResNet

THOUSAND_CLASSES = Classes(tuple(map(str, range(1000))))
TEN_CLASSES = Classes(tuple("0123456789"))


@pytest.fixture
def no_weights():
    """Shapes alone: the deep networks would take seconds to fill."""
    with torch.device("meta"):
        yield


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize(
    ("depth", "num_parameters"),
    [(18, 11_689_512), (34, 21_797_672), (50, 25_557_032), (101, 44_549_160), (152, 60_192_808)],
)
def test_parameter_counts_are_the_published_ones(depth, num_parameters, signature_of):
    # As torchvision publishes with its pretrained weights (num_params of ResNet*_Weights.IMAGENET1K_V1).
    network = ResNet(signature_of((3, 224, 224), THOUSAND_CLASSES), depth=depth)
    assert sum(parameter.numel() for parameter in network.parameters()) == num_parameters


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_the_depth_counts_the_layers_with_weights(depth, signature_of):
    network = ResNet(signature_of((3, 224, 224), THOUSAND_CLASSES), depth=depth)
    branches = [module.branch for module in network.modules() if isinstance(module, Residual)]
    convolutions = [m for branch in branches for m in branch.modules() if isinstance(m, torch.nn.Conv2d)]
    assert 1 + len(convolutions) + 1 == depth


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize(("depth", "maps"), [(18, 512), (50, 2048)])
def test_stages_leave_the_sizes_of_the_papers_table(depth, maps, signature_of):
    network = ResNet(signature_of((3, 224, 224), THOUSAND_CLASSES), depth=depth)
    pictures = network.stem(torch.empty(2, 3, 224, 224))
    assert pictures.shape == (2, 64, 56, 56)
    sides = []
    for stage in network.stages:
        pictures = stage(pictures)
        sides.append(pictures.shape[-1])
    assert sides == [56, 28, 14, 7]
    assert pictures.shape == (2, maps, 7, 7)


@pytest.mark.usefixtures("no_weights")
def test_bottlenecks_halve_at_their_3_by_3_convolution(signature_of):
    network = ResNet(signature_of((3, 224, 224), THOUSAND_CLASSES), depth=50)
    first = network.stages[1][0].branch
    strides = [layer.stride[0] for layer in first.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert strides == [1, 2, 1]


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize(
    ("side", "stem", "kernel"),
    [(64, "auto", 3), (65, "auto", 7), (28, "small", 3), (224, "small", 3), (32, "large", 7)],
)
def test_the_stem_is_small_for_small_pictures_unless_told(side, stem, kernel, signature_of):
    network = ResNet(signature_of((3, side, side), TEN_CLASSES), stem=stem)
    assert network.stem[0].kernel_size == (kernel, kernel)
    kept = network.stem(torch.empty(2, 3, side, side)).shape[-1]
    assert kept == (side if kernel == 3 else (side + 3) // 4)


def test_zero_init_makes_every_block_start_as_its_shortcut(signature_of):
    torch.manual_seed(0)
    network = ResNet(signature_of((1, 16, 16), TEN_CLASSES), depth=50, zero_init=True)
    pictures = network.stem(torch.randn(2, 1, 16, 16))
    for residual in (block for stage in network.stages for block in stage):
        expected = residual.shortcut(pictures).relu()
        pictures = residual(pictures)
        torch.testing.assert_close(pictures, expected)
