"""Residual networks (He, Zhang, Ren and Sun 2015)."""

from typing import Literal, NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from zoo.plugin import Signature
from zoo_convolutional.head import Scores, head_for
from zoo_convolutional.pictures import picture_shape

STEM_WIDTH = 64
LARGEST_SMALL_SIDE = 64


class Layout(NamedTuple):
    """A column of table 1 of the paper.

    Attributes:
        blocks: Residual blocks in each of the four stages.
        expansion: Maps that a block emits for each map inside it: 1 for basic blocks, 4 for bottlenecks.
    """

    blocks: tuple[int, int, int, int]
    expansion: int


LAYOUTS = {
    18: Layout((2, 2, 2, 2), 1),
    34: Layout((3, 4, 6, 3), 1),
    50: Layout((3, 4, 6, 3), 4),
    101: Layout((3, 4, 23, 3), 4),
    152: Layout((3, 8, 36, 3), 4),
}


class ResNet(nn.Module):
    """Residual network (He, Zhang, Ren and Sun 2015, arXiv:1512.03385, table 1; projection shortcuts, option B).

    Two 3 x 3 convolutions make a block in the networks of 18 and 34 layers; the deeper ones have
    bottlenecks of 1 x 1, 3 x 3 and 1 x 1, with the stride on the 3 x 3, which is a little more accurate
    than the paper's first 1 x 1.

    Args:
        signature: One picture ``[channels, height, width]`` and the scores to emit.
        depth: Layers with weights, the last linear one included.
        stem: Large is the paper's 7 x 7 convolution and 3 x 3 max pooling, each halving, for pictures of 32
            pixels or more; small is one 3 x 3 convolution that keeps the size (the paper's section 4.2), for
            8 pixels or more; auto takes the small one up to a shorter side of 64 pixels.
        zero_init: Whether every block starts as the identity, with the scale of its last normalisation at
            zero (arXiv:1706.02677, section 5.1).

    Raises:
        DataError: The pictures are too small.
    """

    def __init__(
        self,
        signature: Signature,
        *,
        depth: Literal[18, 34, 50, 101, 152] = 18,
        stem: Literal["auto", "large", "small"] = "auto",
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        name, smallest = ("resnet with stem=large", 32) if stem == "large" else ("resnet", 8)
        channels, *sides = picture_shape(signature, network=name, smallest=smallest)
        is_small = stem == "small" or (stem == "auto" and min(sides) <= LARGEST_SMALL_SIDE)
        self.stem = small_stem(channels) if is_small else large_stem(channels)
        layout = LAYOUTS[depth]
        self.stages = nn.Sequential(*(stage(layout, index, zero_init) for index in range(4)))
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = head_for(8 * STEM_WIDTH * layout.expansion, signature.outputs)

    def forward(self, pictures: Tensor) -> Scores:
        """Scores ``[batch, *scores]``, of several targets a tuple, of pictures ``[batch, channels, height, width]``."""
        scores: Scores = self.head(self.pool(self.stages(self.stem(pictures))))
        return scores


class Residual(nn.Module):
    """``relu(shortcut(x) + branch(x))``, equations 1 and 2 of the paper."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut

    def forward(self, maps: Tensor) -> Tensor:
        """Maps ``[batch, maps, height, width]``; the branch decides how many and how large."""
        return F.relu(self.shortcut(maps) + self.branch(maps))


def small_stem(channels: int) -> nn.Sequential:
    """A 3 x 3 convolution that keeps the size."""
    return nn.Sequential(*convolution(channels, STEM_WIDTH, 3), nn.ReLU())


def large_stem(channels: int) -> nn.Sequential:
    """A 7 x 7 convolution and 3 x 3 max pooling, which leave a quarter of each side."""
    pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    return nn.Sequential(*convolution(channels, STEM_WIDTH, 7, stride=2), nn.ReLU(), pool)


def stage(layout: Layout, index: int, zero_init: bool) -> nn.Sequential:
    """The blocks of one of the four stages; every stage but the first one halves the picture."""
    width = STEM_WIDTH * 2**index
    num_out = width * layout.expansion
    num_in, stride = (STEM_WIDTH, 1) if index == 0 else (num_out // 2, 2)
    first = block(num_in, width, layout.expansion, stride, zero_init)
    rest = (block(num_out, width, layout.expansion, 1, zero_init) for _ in range(layout.blocks[index] - 1))
    return nn.Sequential(first, *rest)


def block(num_in: int, width: int, expansion: int, stride: int, zero_init: bool) -> Residual:
    """A basic block (expansion 1) or a bottleneck, projecting its input where the shape changes."""
    num_out = width * expansion
    scale = 0.0 if zero_init else 1.0
    convolutions = (
        [convolution(num_in, width, 3, stride), convolution(width, num_out, 3, scale=scale)]
        if expansion == 1
        else [
            convolution(num_in, width, 1),
            convolution(width, width, 3, stride),
            convolution(width, num_out, 1, scale=scale),
        ]
    )
    keeps_shape = stride == 1 and num_in == num_out
    shortcut = nn.Identity() if keeps_shape else nn.Sequential(*convolution(num_in, num_out, 1, stride))
    first, *others = convolutions
    return Residual(
        nn.Sequential(*first, *(layer for other in others for layer in (nn.ReLU(), *other))), shortcut
    )


def convolution(
    num_in: int, num_out: int, kernel: int, stride: int = 1, scale: float = 1.0
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """A convolution and its normalisation; weights as in He et al. 2015 (arXiv:1502.01852)."""
    weights = nn.Conv2d(num_in, num_out, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(weights.weight, mode="fan_out", nonlinearity="relu")
    norm = nn.BatchNorm2d(num_out)
    nn.init.constant_(norm.weight, scale)
    return weights, norm
