"""Networks of torchvision that are offered by name alone, each with the reason."""

from collections.abc import Sequence

from zoo.plugin import Architecture

_REASONS = {
    "it is made of integers and cannot be trained; train the network without 'quantized_' instead": (
        "quantized_googlenet",
        "quantized_inception_v3",
        "quantized_mobilenet_v2",
        "quantized_mobilenet_v3_large",
        "quantized_resnet18",
        "quantized_resnet50",
        "quantized_resnext101_32x8d",
        "quantized_resnext101_64x4d",
        "quantized_shufflenet_v2_x0_5",
        "quantized_shufflenet_v2_x1_0",
        "quantized_shufflenet_v2_x1_5",
        "quantized_shufflenet_v2_x2_0",
    ),
    "it estimates the motion between two pictures, a target that Zoo has not": ("raft_large", "raft_small"),
    "it finds objects by torchvision's own training loop, which Zoo does not play yet": (
        "fasterrcnn_mobilenet_v3_large_320_fpn",
        "fasterrcnn_mobilenet_v3_large_fpn",
        "fasterrcnn_resnet50_fpn",
        "fasterrcnn_resnet50_fpn_v2",
        "fcos_resnet50_fpn",
        "keypointrcnn_resnet50_fpn",
        "maskrcnn_resnet50_fpn",
        "maskrcnn_resnet50_fpn_v2",
        "retinanet_resnet50_fpn",
        "retinanet_resnet50_fpn_v2",
        "ssd300_vgg16",
        "ssdlite320_mobilenet_v3_large",
    ),
    "it labels every pixel, a target that Zoo has not yet": (
        "deeplabv3_mobilenet_v3_large",
        "deeplabv3_resnet101",
        "deeplabv3_resnet50",
        "fcn_resnet101",
        "fcn_resnet50",
        "lraspp_mobilenet_v3_large",
    ),
    "it takes videos, which Zoo does not read yet": (
        "mc3_18",
        "mvit_v1_b",
        "mvit_v2_s",
        "r2plus1d_18",
        "r3d_18",
        "s3d",
        "swin3d_b",
        "swin3d_s",
        "swin3d_t",
    ),
}


def entries(supported: Sequence[str] = ()) -> Sequence[Architecture]:
    """One entry a network that is not among the supported ones."""
    return [
        Architecture(
            name=name,
            factory=f"torchvision.models:{name}",
            summary=f"torchvision's {name}: {reason.partition(';')[0].partition(',')[0]}",
            accepts=("image",),
            predicts=(),
            unsupported=reason,
        )
        for reason, names in _REASONS.items()
        for name in names
        if name not in supported
    ]
