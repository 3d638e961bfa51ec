"""The factories of torchvision's one-stage detectors: each has the name of its model in torchvision."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import torch
from torchvision.models import get_model, get_model_builder, get_model_weights

from zoo.plugin import Boxes, DataError, Ge, Signature, UsageError
from zoo_torchvision.detection import facts
from zoo_torchvision.one_stage import FAMILIES, Detector


def build(
    name: str, num_labels: int, *, pretrained: bool, pretrained_backbone: bool, trainable_layers: int | None
) -> Any:
    """The network of torchvision for so many labels; of one that is pretrained the class head begins anew."""
    options: dict[str, Any] = (
        {} if trainable_layers is None else {"trainable_backbone_layers": trainable_layers}
    )
    num_classes = num_labels + family_of(name).num_backgrounds
    weights = backbone_weights(name) if pretrained_backbone else None
    if not pretrained:
        return get_model(name, weights=None, weights_backbone=weights, num_classes=num_classes, **options)
    network = get_model(name, weights=get_model_weights(name).DEFAULT, **options)
    fresh = get_model(name, weights=None, weights_backbone=None, num_classes=num_classes)
    classes = fresh.head.classification_head
    known = network.head.classification_head.state_dict()
    with torch.no_grad():
        for key, own in classes.state_dict().items():
            if own.shape == known[key].shape:
                own.copy_(known[key])
    network.head.classification_head = classes
    return network


def backbone_weights(name: str) -> Any:
    """The weights that torchvision begins with itself: the constants of pictures are made for them."""
    default = inspect.signature(get_model_builder(name)).parameters["weights_backbone"].default
    return default or "DEFAULT"


def picture_size(signature: Signature, name: str) -> tuple[int, int]:
    """Height and width of the pictures in pixels.

    Raises:
        DataError: They are too small for the detector, or have another number of channels.
    """
    channels, height, width = signature.inputs[0].shape
    assert height is not None
    assert width is not None
    if channels not in (1, 3):
        raise DataError(f"{name} takes pictures of 1 or 3 channels, not {channels}", fix="data.channels=3")
    smallest = facts()[name]["min_image_size"]
    if min(height, width) < smallest:
        raise DataError(
            f"{name} needs pictures of at least {smallest} x {smallest} pixels, "
            f"not {height} x {width} (height x width)",
            fix=f"enlarge them with data.size={smallest}",
        )
    return height, width


def family_of(name: str) -> type[Detector]:
    """How detectors of this name are asked."""
    return next(family for prefix, family in FAMILIES.items() if name.startswith(prefix))


def make_factory(name: str) -> Callable[..., Detector]:
    """The factory of one of torchvision's detectors."""

    def factory(
        signature: Signature,
        *,
        pretrained: bool = False,
        pretrained_backbone: bool = False,
        trainable_layers: Annotated[int, Ge(0)] | None = None,
    ) -> Detector:
        """A detector of torchvision.

        Args:
            signature: One picture of one or three channels, and boxes to emit.
            pretrained: Begins with torchvision's weights from COCO, but for what tells the classes.
            pretrained_backbone: Begins with a backbone that torchvision trained on ImageNet.
            trainable_layers: Of a pretrained backbone so many last layers are trained, as many as torchvision
                thinks best by default.

        Raises:
            DataError: The pictures are too small for it, or have another number of channels.
            UsageError: Layers are to be frozen that nobody trained.
        """
        size = picture_size(signature, name)
        assert isinstance(signature.target, Boxes)
        if trainable_layers is not None and not (pretrained or pretrained_backbone):
            raise UsageError(
                f"model.trainable_layers={trainable_layers} would leave layers as they were drawn",
                fix="leave it out, or say model.pretrained_backbone=true",
            )
        network = build(
            name,
            len(signature.target.labels),
            pretrained=pretrained,
            pretrained_backbone=pretrained_backbone,
            trainable_layers=trainable_layers,
        )
        return family_of(name)(network, size)

    return factory


def __getattr__(name: str) -> Callable[..., Detector]:
    if not name.startswith(tuple(FAMILIES)):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return make_factory(name)
