"""Where an optimizer of the library does not do what others do, and why; the conformance kit sees to it that each is true."""

from collections.abc import Mapping

_DIVIDES = "it divides by its learning rate, which therefore may not reach 0"

EXEMPT: Mapping[str, Mapping[str, str]] = {
    "adafactor": {
        "takes-parameter-groups": "its steps are relative to the weights and their number, and lr counts only "
        "with relative_step=false"
    },
    "apollodqn": {"takes-parameter-groups": "while it warms up its rate comes from init_lr"},
    "asgd": {"takes-parameter-groups": _DIVIDES},
    "ftrl": {"takes-parameter-groups": _DIVIDES},
    "gravity": {"takes-parameter-groups": _DIVIDES},
    "kate": {
        "descends-a-quadratic": "its first step in a coordinate is the rate over the gradient, so that one which "
        "stands near its minimum is thrown far away, and the sum of squares that it divides by keeps it there"
    },
    "nero": {"takes-parameter-groups": "it brings every weight back to a sphere, at any rate"},
    "ranger21": {
        "options-are-typed": "its warm-up and its decay want to know num_iterations, the steps of the training"
    },
    "sara": {
        "descends-a-quadratic": "weights that are larger than its threshold stay as they are",
        "descends-rosenbrock": "weights that are larger than its threshold stay as they are",
    },
    "srmm": {"takes-parameter-groups": "it replaces the weights by an average of those of the last steps"},
}
