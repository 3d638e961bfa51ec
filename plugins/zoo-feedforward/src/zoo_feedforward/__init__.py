"""Feed-forward networks: a perceptron and a multilayer perceptron."""

from collections.abc import Sequence

from zoo.plugin import Architecture, Entry, hookimpl

_TARGETS = ("classes", "binary", "labels", "values", "several")


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The architectures of this package."""
    return [
        Architecture(
            name="perceptron",
            factory="zoo_feedforward.perceptron:Perceptron",
            summary="One linear layer: logistic, softmax or linear regression by the target",
            reference="Rosenblatt 1958, doi:10.1037/h0042519",
            accepts=("vector",),
            predicts=_TARGETS,
            image_size=32,
        ),
        Architecture(
            name="mlp",
            factory="zoo_feedforward.mlp:MLP",
            summary="Fully connected layers with a choice of activation, normalisation and dropout",
            reference="Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0",
            accepts=("vector",),
            predicts=_TARGETS,
            image_size=32,
            recipe={"optimizer.name": "adamw", "optimizer.lr": 2e-3},
        ),
    ]
