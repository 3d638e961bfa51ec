"""Convolutional networks: for pictures LeNet, a small modern one, residual ones, a detector and U-Net; one for clips."""

from collections.abc import Sequence

from zoo.plugin import Architecture, Entry, Loss, Objective, hookimpl

_TARGETS = ("classes", "binary", "labels", "values", "several")
_DETECTOR_RECIPE = {
    "optimizer.name": "adamw",
    "optimizer.lr": 1e-3,
    "schedule.name": "cosine",
    "batch_size": 8,
    "epochs": 60,
    "clip_norm": 10.0,
    "ema": 0.99,
}
_UNET_RECIPE = {
    "optimizer.name": "adamw",
    "optimizer.lr": 1e-3,
    "schedule.name": "cosine",
    "batch_size": 8,
    "epochs": 60,
}

_ARCHITECTURES = (
    Architecture(
        name="lenet",
        factory="zoo_convolutional.lenet:LeNet",
        summary="LeNet-5: two convolutions and three linear layers",
        reference="LeCun, Bottou, Bengio and Haffner 1998, doi:10.1109/5.726791",
        accepts=("image",),
        predicts=_TARGETS,
        image_size=32,
    ),
    Architecture(
        name="convnet",
        factory="zoo_convolutional.convnet:ConvNet",
        summary="Small network of 3 x 3 convolutions with batch normalisation, from 8 x 8 digits to photos",
        reference="arXiv:1409.1556 and arXiv:1502.03167",
        accepts=("image",),
        predicts=_TARGETS,
        image_size=64,
    ),
    Architecture(
        name="convnet3d",
        factory="zoo_convolutional.convnet3d:ConvNet3D",
        summary="Small network of 3 x 3 x 3 convolutions with batch normalisation, for clips",
        reference="arXiv:1412.0767",
        accepts=("video",),
        predicts=_TARGETS,
        image_size=112,
        num_frames=16,
    ),
    Architecture(
        name="resnet",
        factory="zoo_convolutional.resnet:ResNet",
        summary="Residual network of 18 to 152 layers, with a stem for small pictures",
        reference="arXiv:1512.03385",
        accepts=("image",),
        predicts=_TARGETS,
        image_size=224,
    ),
    Architecture(
        name="detector",
        factory="zoo_convolutional.detector:Detector",
        summary="FCOS: a one-stage detector without anchors, on a light backbone or a ResNet",
        reference="arXiv:1904.01355 and arXiv:2006.09214",
        accepts=("image",),
        predicts=("boxes",),
        objective="detection",
        image_size=320,
        recipe=_DETECTOR_RECIPE,
    ),
    Architecture(
        name="unet",
        factory="zoo_convolutional.unet:UNet",
        summary="U-Net: a label for each pixel, from what is around it at several scales",
        reference="arXiv:1505.04597",
        accepts=("image",),
        predicts=("mask",),
        image_size=256,
        recipe=_UNET_RECIPE,
    ),
)

_DETECTION = (
    Objective(
        name="detection",
        factory="zoo_convolutional.detection:detection",
        summary="Boxes become what each location is to answer; flips, zooms and recolours in training",
        reference="arXiv:1904.01355, section 3",
        fits=("boxes",),
    ),
    Loss(
        name="focal-giou",
        factory="zoo_convolutional.detection_loss:FocalGIoU",
        summary="Focal loss of classes, GIoU loss of boxes and cross-entropy of centre-ness",
        reference="arXiv:1708.02002, eq. 5, arXiv:1902.09630 and arXiv:1904.01355, eq. 2",
        fits=("boxes",),
        expects="logits",
    ),
)


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The architectures of this package, and what trains its detector."""
    return [*_ARCHITECTURES, *_DETECTION]
