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
}


def entries() -> Sequence[Architecture]:
    """One entry a network."""
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
    ]
