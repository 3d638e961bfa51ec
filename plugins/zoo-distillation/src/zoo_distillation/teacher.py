"""The trained network that another one learns from; it never changes."""

from pathlib import Path

import torch
from torch import nn

from zoo import plugin
from zoo.plugin import Signature, TensorSpec, UsageError


class Teacher(nn.Module):
    """A frozen network: always in eval mode, without gradients, whatever is asked of it.

    Args:
        module: The trained network.
        kind: What it predicts: ``"classes"``, ``"binary"``, ``"labels"`` or ``"values"``.
    """

    def __init__(self, module: nn.Module, kind: str) -> None:
        super().__init__()
        self.module = module.requires_grad_(False)
        self.kind = kind
        self.eval()

    def train(self, mode: bool = True) -> "Teacher":
        """Stays in eval mode: dropout and batch statistics are for those who learn."""
        return super().train(False)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Scores ``[batch, *scores]`` of encoded inputs."""
        with torch.no_grad():
            scores: torch.Tensor = self.module(*inputs)
        return scores


def load(signature: Signature, *, teacher: Path) -> Teacher:
    """The network of a trained run, checked to see and to answer what the student does.

    Args:
        signature: The student's.
        teacher: Folder of the run.

    Raises:
        UsageError: There is no such run, or the teacher's inputs or target are others.
        ArtifactError: The run has no whole checkpoint.
    """
    try:
        loaded = plugin.load_network(teacher)
    except UsageError as error:
        raise UsageError(
            f"objective.teacher={teacher}: {error.message}", fix="name the folder of a trained run"
        ) from error
    require_same_inputs(teacher, loaded.signature, signature)
    require_same_target(teacher, loaded.signature, signature)
    return Teacher(loaded.module, signature.target.kind)


def require_same_inputs(teacher: Path, theirs: Signature, ours: Signature) -> None:
    """Refuses a teacher that was trained on other inputs, or on the same ones in another form.

    Raises:
        UsageError: Shows both.
    """
    if theirs.inputs != ours.inputs:
        raise UsageError(
            f"objective.teacher={teacher} takes {in_words(theirs.inputs)}, "
            f"but the network to be trained takes {in_words(ours.inputs)}",
            fix="both see the same tensors: choose a teacher that was trained on this data in this form",
        )


def require_same_target(teacher: Path, theirs: Signature, ours: Signature) -> None:
    """Refuses a teacher that answers something else, or the same labels in another order.

    Raises:
        UsageError: Shows both.
    """
    if meaning_of(theirs) != meaning_of(ours):
        raise UsageError(
            f"objective.teacher={teacher} predicts {theirs.target.kind} {names_of(theirs)}, "
            f"but the data asks for {ours.target.kind} {names_of(ours)}",
            fix="choose a teacher that was trained on the same target",
        )


def in_words(specs: tuple[TensorSpec, ...]) -> str:
    """Name, kind and shape of each, and the number of distinct values where it counts."""
    return " and ".join(
        f"{spec.name} ({spec.kind} {list(spec.shape)}"
        + (f" of {spec.num_values} values)" if spec.num_values else ")")
        for spec in specs
    )


def meaning_of(signature: Signature) -> tuple[str, tuple[str, ...]]:
    """What each score stands for: the kind of target, and its labels or the names of its values.

    Thresholds, which are tuned after training, have no part in it.
    """
    target = signature.target
    return target.kind, tuple(getattr(target, "labels", ()) or getattr(target, "names", ()))


def names_of(signature: Signature) -> str:
    """The first ten labels, or names of values."""
    _, names = meaning_of(signature)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
