"""What a detector looks through: networks that give maps at several strides."""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from zoo_convolutional.resnet import LAYOUTS, STEM_WIDTH, Layout, block, convolution, large_stem, stage

BackboneName = Literal["small", "resnet18", "resnet34", "resnet50"]
STRIDES = (4, 8, 16, 32)
SMALL = Layout((1, 2, 2, 1), 1)


class Backbone(nn.Module):
    """Stages of which each but the first one halves the picture.

    Args:
        stem: Leaves a quarter of each side.
        stages: The first keeps the size; there is one a stride of ``STRIDES``.
        widths: Maps that each stage emits.
    """

    def __init__(self, stem: nn.Module, stages: list[nn.Module], widths: list[int]) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.widths: Mapping[int, int] = dict(zip(STRIDES, widths, strict=True))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Maps ``[batch, maps, rows, columns]`` at each stride, the finest first."""
        maps = self.stem(pictures)
        levels = []
        for each in self.stages:
            maps = each(maps)
            levels.append(maps)
        return levels


def make_backbone(name: BackboneName, channels: int, width: int) -> Backbone:
    """The backbone of this name for pictures of so many channels; ``width`` is for the small one alone."""
    if name == "small":
        return small_backbone(channels, width)
    layout = LAYOUTS[int(name.removeprefix("resnet"))]
    stages: list[nn.Module] = [stage(layout, index, zero_init=False) for index in range(len(STRIDES))]
    widths = [STEM_WIDTH * 2**index * layout.expansion for index in range(len(STRIDES))]
    return Backbone(large_stem(channels), stages, widths)


def small_backbone(channels: int, width: int) -> Backbone:
    """A residual network of few maps: six basic blocks behind two 3 x 3 convolutions that halve."""
    widths = [width // 2, width, width * 3 // 2, width * 2]
    stem = nn.Sequential(
        *convolution(channels, width // 4, 3, stride=2),
        nn.ReLU(),
        *convolution(width // 4, widths[0], 3, stride=2),
        nn.ReLU(),
    )
    stages: list[nn.Module] = []
    num_in = widths[0]
    for index, (num_out, num_blocks) in enumerate(zip(widths, SMALL.blocks, strict=True)):
        first = block(num_in, num_out, SMALL.expansion, stride=1 if index == 0 else 2, zero_init=False)
        rest = (
            block(num_out, num_out, SMALL.expansion, stride=1, zero_init=False) for _ in range(num_blocks - 1)
        )
        stages.append(nn.Sequential(first, *rest))
        num_in = num_out
    return Backbone(stem, stages, widths)
