"""Convolutional networks for pictures: LeNet, a small modern network and residual networks."""

from collections.abc import Sequence

from zoo.plugin import Architecture, Entry, hookimpl

_TARGETS = ("classes", "binary", "labels", "values")


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The architectures of this package."""
    return [
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
            name="resnet",
            factory="zoo_convolutional.resnet:ResNet",
            summary="Residual network of 18 to 152 layers, with a stem for small pictures",
            reference="arXiv:1512.03385",
            accepts=("image",),
            predicts=_TARGETS,
            image_size=224,
        ),
    ]
