"""The game: a discriminator learns to tell real pictures from fakes, a generator to mislead it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from zoo.plugin import Batch, Ge, Turn, Turns, UsageError

ONE_EACH: dict[Literal["discriminator", "generator"], int] = {"discriminator": 1, "generator": 1}


def adversarial(
    models: Mapping[str, nn.Module],
    batch: Batch,
    loss: Any,
    *,
    turns: dict[Literal["discriminator", "generator"], Annotated[int, Ge(1)]] = ONE_EACH,
) -> Turns:
    """Alternates between discriminator and generator (Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1).

    The batch holds latent vectors, perhaps the categories of the real pictures, and the pictures. Fakes
    for the discriminator are made once, without gradients. Of several turns each sees a share of the
    batch of its own; a batch with fewer examples than turns is seen whole each time.

    A loss may also have ``penalty(critic, real, fake)``, values ``[batch]`` that are added in the
    discriminator's turns while gradients are taken, and ``constrain(discriminator)``, which is called
    after each of its updates; neither is used to judge.

    Args:
        models: The players ``generator`` and ``discriminator``.
        batch: One micro-batch.
        loss: With ``discriminator(real_logits, fake_logits)`` and ``generator(fake_logits)``.
        turns: How often each plays in one step; one that is not named plays once.

    Raises:
        UsageError: The players or the loss are not those of this game.
    """
    require_game(models, loss)
    generator, discriminator = models["generator"], models["discriminator"]
    with torch.no_grad():
        fake = generator(*batch.inputs)
    condition = batch.inputs[1:]
    for real_share, fake_share, *condition_share in shares(
        (batch.target, fake, *condition), turns.get("discriminator", 1)
    ):
        yield Turn("discriminator", judge(discriminator, loss, real_share, fake_share, condition_share))
        constrain(discriminator, loss)
    for _ in range(turns.get("generator", 1)):
        yield Turn("generator", loss.generator(discriminator(generator(*batch.inputs), *condition)))


def require_game(models: Mapping[str, nn.Module], loss: Any) -> None:
    """Refuses networks and losses that are made for another objective.

    Raises:
        UsageError: Names what is missing.
    """
    if not {"generator", "discriminator"} <= models.keys():
        raise UsageError(
            f"objective 'adversarial' needs the players 'generator' and 'discriminator', not {', '.join(models)}",
            fix="choose gan, dcgan or a conditional one, or leave out objective=",
        )
    if not (callable(getattr(loss, "discriminator", None)) and callable(getattr(loss, "generator", None))):
        raise UsageError(
            f"objective 'adversarial' needs a loss for two players, and {type(loss).__name__} is for one",
            fix="for example loss=non-saturating, or least-squares, adversarial-hinge, wasserstein",
        )
    if hasattr(loss, "penalty") and mixes_examples(models["discriminator"]):
        raise UsageError(
            f"{type(loss).__name__} penalises the slope at each picture, "
            "but batch normalisation makes a logit depend on the other pictures",
            fix="model.normalisation=layer, or spectral",
        )


def mixes_examples(discriminator: nn.Module) -> bool:
    """Whether an answer depends on the rest of the batch."""
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in discriminator.modules())


def shares(tensors: Sequence[Tensor], num_shares: int) -> Iterator[tuple[Tensor, ...]]:
    """Cuts the batch into so many parts, or repeats it whole where it is too small to be cut."""
    if len(tensors[0]) < num_shares:
        return iter([tuple(tensors)] * num_shares)
    return zip(*(tensor.tensor_split(num_shares) for tensor in tensors), strict=True)


def judge(
    discriminator: nn.Module, loss: Any, real: Tensor, fake: Tensor, condition: Sequence[Tensor]
) -> Tensor:
    """The discriminator's values ``[batch]`` for as many real pictures as fakes, with their categories."""

    def critic(pictures: Tensor) -> Tensor:
        logits: Tensor = discriminator(pictures, *condition)
        return logits

    # Real and fake are normalised apart: together, a batch's statistics would give them away.
    values: Tensor = loss.discriminator(critic(real), critic(fake))
    if torch.is_grad_enabled() and hasattr(loss, "penalty"):
        values = values + loss.penalty(critic, real, fake)
    return values


def constrain(discriminator: nn.Module, loss: Any) -> None:
    """Lets the loss bound the weights that were just updated; a judge leaves them alone."""
    if torch.is_grad_enabled() and hasattr(loss, "constrain"):
        loss.constrain(discriminator)
