"""U-Net: a label for each pixel, from what is around it at several scales."""

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.plugin import Ge, Le, Signature
from zoo_convolutional.convnet import convolution
from zoo_convolutional.pictures import picture_shape

SMALLEST_SIDE = 4


class UNet(nn.Module):
    """Maps halved and doubled again, each level seeing what it was halved from (arXiv:1505.04597).

    A level has two 3 x 3 convolutions, here with batch normalisation (arXiv:1502.03167) and with padding,
    so that the scores are as large as the picture. Pooling halves between levels on the way down and the
    maps double; on the way up a 2 x 2 transposed convolution doubles the size, and the maps of the same
    level on the way down are put beside. A picture whose sides are no multiples of the deepest level's
    stride is padded with its own edge, and the scores are cut to it again.

    Args:
        signature: One picture ``[channels, height, width]`` of 4 x 4 pixels or more, and the labels of its pixels.
        width: Maps on the first level; 64 in the paper.
        levels: How often the picture is halved, 4 in the paper; fewer where a side would be shorter than 2 pixels.

    Raises:
        DataError: The pictures are too small.
    """

    def __init__(
        self,
        signature: Signature,
        *,
        width: Annotated[int, Ge(1)] = 32,
        levels: Annotated[int, Ge(1), Le(6)] = 4,
    ) -> None:
        super().__init__()
        channels, *sides = picture_shape(signature, network="unet", smallest=SMALLEST_SIDE)
        num_levels = min(levels, min(sides).bit_length() - 2)
        num_labels = signature.outputs[0].shape[0]
        assert num_labels is not None
        self.padding = [-side % 2**num_levels for side in sides]
        widths = [width * 2**level for level in range(num_levels + 1)]
        self.down = nn.ModuleList(
            _level(num_in, num_out) for num_in, num_out in zip([channels, *widths], widths, strict=False)
        )
        self.doubling = nn.ModuleList(
            nn.ConvTranspose2d(2 * each, each, kernel_size=2, stride=2) for each in reversed(widths[:-1])
        )
        self.up = nn.ModuleList(_level(2 * each, each) for each in reversed(widths[:-1]))
        self.head = nn.Conv2d(width, num_labels, kernel_size=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits ``[batch, labels, height, width]`` of pictures ``[batch, channels, height, width]``."""
        bottom, right = self.padding
        maps = F.pad(pictures, (0, right, 0, bottom), mode="replicate")
        passed = []
        for place, level in enumerate(self.down):
            maps = level(maps if place == 0 else F.max_pool2d(maps, 2))
            passed.append(maps)
        for level, doubling, beside in zip(self.up, self.doubling, reversed(passed[:-1]), strict=True):
            maps = level(torch.cat([beside, doubling(maps)], dim=1))
        height, width = pictures.shape[2:]
        scores: Tensor = self.head(maps)[:, :, :height, :width]
        return scores


def _level(num_in: int, num_out: int) -> nn.Sequential:
    return nn.Sequential(convolution(num_in, num_out, 1), convolution(num_out, num_out, 1))
