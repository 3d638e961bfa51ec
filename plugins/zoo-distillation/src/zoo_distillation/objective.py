"""What a student learns from: the data, and the scores of its teacher."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.plugin import Batch, Ge, Gt, Le, Turn, Turns


def distillation(
    models: Mapping[str, nn.Module],
    batch: Batch,
    loss: Callable[[Any, Any], Any],
    *,
    teacher: Path,
    temperature: Annotated[float, Gt(0)] = 4.0,
    weight: Annotated[float, Ge(0), Le(1)] = 0.9,
) -> Turns:
    """Minimises weight · T² · KL(teacher, student) + (1 - weight) · loss, at temperature T.

    Hinton, Vinyals and Dean 2015, arXiv:1503.02531, section 2: both distributions are those of the scores
    divided by T, and T² keeps the size of the gradient. For classes they are softmax, for yes or no and
    each of several labels the logistic function; for values, where there is no distribution to soften,
    the squared distance of the scores stands in place of T² · KL.

    Where the loss weighs examples, the whole is weighed alike.

    Args:
        models: The player ``model``, and the frozen ``teacher``.
        batch: One micro-batch.
        loss: The recipe's loss.
        teacher: Folder of the trained run that is learnt from; the player of that name is loaded from it.
        temperature: T, which divides the scores of both; higher says more of how the teacher ranks what it thinks is wrong.
        weight: Share of the teacher's answers, against the truth of the data.
    """
    scores = models["model"](*batch.inputs)
    with torch.no_grad():
        taught = models["teacher"](*batch.inputs)
    distance = DISTANCES[str(models["teacher"].kind)](scores, taught, temperature)
    values, *weights = own if isinstance(own := loss(scores, batch.target), tuple) else (own,)
    distance = distance.reshape(-1, *(1,) * (values.ndim - 1))
    mixed = weight * distance + (1 - weight) * values
    yield Turn("model", (mixed, *weights) if weights else mixed)


def of_classes(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² · KL of softmax ``[batch]``, of logits ``[batch, classes]``."""
    log_student, log_teacher = ((scores / temperature).log_softmax(1) for scores in (student, teacher))
    return temperature**2 * F.kl_div(log_student, log_teacher, reduction="none", log_target=True).sum(1)


def of_yes_or_no(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² · KL of Bernoulli distributions ``[batch]``, summed over labels; of logits ``[batch, ...]``."""
    student, teacher = student / temperature, teacher / temperature
    yes = F.kl_div(F.logsigmoid(student), F.logsigmoid(teacher), reduction="none", log_target=True)
    no = F.kl_div(F.logsigmoid(-student), F.logsigmoid(-teacher), reduction="none", log_target=True)
    return temperature**2 * (yes + no).reshape(len(student), -1).sum(1)


def of_values(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Mean squared distance ``[batch]`` of scores ``[batch, values]``."""
    return (student - teacher).square().reshape(len(student), -1).mean(1)


DISTANCES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "classes": of_classes,
    "binary": of_yes_or_no,
    "labels": of_yes_or_no,
    "values": of_values,
}
