"""Knowledge distillation: a network learns from the data and from a trained one."""

from collections.abc import Sequence

from zoo.plugin import Entry, Objective, hookimpl


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The objective of this package."""
    return [
        Objective(
            name="distillation",
            factory="zoo_distillation.objective:distillation",
            summary="Learns from the data and from the answers of a trained run",
            reference="arXiv:1503.02531",
            fits=("classes", "binary", "labels", "values"),
            players={"teacher": "zoo_distillation.teacher:load"},
            exempt={"options-are-typed": "the teacher is a run of the user's own: it has no default"},
        )
    ]
