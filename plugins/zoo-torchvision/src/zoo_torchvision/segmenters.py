"""One factory for all of torchvision's networks that label pixels: ``segmenters:fcn_resnet50`` is that network's."""

from collections.abc import Callable

import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.models import segmentation
from torchvision.models.segmentation.deeplabv3 import ASPPPooling

from zoo.plugin import Signature
from zoo_torchvision.weights import load, weights_of


class Segmenter(nn.Module):
    """A network of torchvision between Zoo's pictures and Zoo's scores.

    Args:
        network: Takes pictures of three channels, gives logits by name, ``"out"`` among them.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits ``[batch, labels, height, width]`` of pictures ``[batch, 1 or 3, height, width]``."""
        logits: Tensor = self.network(pictures.expand(-1, 3, -1, -1))["out"]
        return logits


class PooledNorm(nn.BatchNorm2d):
    """Batch normalisation of maps of one pixel, which of a single picture have no deviation: then the running ones."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as torch calls it
        """Maps ``[batch, maps, 1, 1]``."""
        if self.training and len(input) == 1:
            return F.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(input)


def __getattr__(name: str) -> Callable[..., Segmenter]:
    if name not in torchvision.models.list_models(module=segmentation):
        raise AttributeError(f"torchvision {torchvision.__version__} has no segmentation network {name!r}")

    def factory(signature: Signature, *, pretrained: bool = False) -> Segmenter:
        """A network of torchvision that labels every pixel.

        Args:
            signature: One picture ``[channels, height, width]``, and the labels of its pixels.
            pretrained: Whether to start from torchvision's weights, which are downloaded once; all but the last layers.

        Raises:
            UsageError: The weights cannot be loaded.
        """
        network = torchvision.models.get_model(
            name,
            weights=None,
            weights_backbone=None,
            num_classes=signature.outputs[0].shape[0],
            # Its loss half-way is not part of Zoo's; lraspp has none to switch off.
            **({} if name.startswith("lraspp") else {"aux_loss": False}),
        )
        _allow_single_pictures(network)
        if pretrained:
            # Layers that emit other labels begin anew.
            load(network, name, weights_of(name), own=network.state_dict())
        return Segmenter(network)

    factory.__name__ = factory.__qualname__ = name
    return factory


def _allow_single_pictures(network: nn.Module) -> None:
    """Where a head averages whole pictures and normalises, a last batch of one picture is no error."""
    for module in network.modules():
        if isinstance(module, ASPPPooling):
            module[2] = PooledNorm(module[2].num_features)
