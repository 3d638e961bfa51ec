"""Layers of timm that ONNX cannot say as timm writes them."""

from typing import Any

import torch
from timm.layers import CondConv2d
from timm.layers.conv2d_same import conv2d_same
from torch import Tensor, nn
from torch.nn import functional


class MixedConv2d(CondConv2d):  # type: ignore[misc]
    """timm's convolution whose filter each example mixes from several (arXiv:1904.04971), exported as it is defined.

    timm mixes the filters and convolves all examples as groups of one picture. ONNX knows no number of groups
    that depends on the batch; a convolution is linear in its filter, so there the answers are mixed instead.
    """

    def forward(self, x: Tensor, routing_weights: Tensor) -> Tensor:
        """Of pictures ``[batch, channels, height, width]`` and shares of the filters ``[batch, filters]``."""
        if not torch.compiler.is_exporting():
            return super().forward(x, routing_weights)  # type: ignore[no-any-return]
        convolve = conv2d_same if self.dynamic_padding else functional.conv2d
        mixed: Any = 0
        for number in range(self.num_experts):
            bias = None if self.bias is None else self.bias[number]
            weight = self.weight[number].view(self.weight_shape)
            given = convolve(x, weight, bias, self.stride, self.padding, self.dilation, self.groups)
            mixed = mixed + routing_weights[:, number, None, None, None] * given
        return mixed  # type: ignore[no-any-return]


def make_exportable(network: nn.Module) -> None:
    """Puts such layers in the place of timm's own; weights and answers stay as they are."""
    for module in network.modules():
        if type(module) is CondConv2d:
            module.__class__ = MixedConv2d
