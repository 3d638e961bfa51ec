"""What a variational autoencoder learns from: its own reconstructions."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from zoo.plugin import Batch, Turn, Turns, UsageError


def variational(models: Mapping[str, nn.Module], batch: Batch, loss: Any) -> Turns:
    """One player reconstructs the pictures (Kingma and Welling 2013, arXiv:1312.6114, algorithm 1).

    The latent vectors of the batch are not used: the network draws its own, one a picture.

    Args:
        models: The player ``model``, with ``reconstruct(pictures) -> (logits, mean, log_variance)``.
        batch: Its target holds the pictures.
        loss: ``loss(logits, pictures, mean, log_variance)`` gives values ``[batch]``.

    Raises:
        UsageError: The network or the loss is made for another objective.
    """
    reconstruct = getattr(models.get("model"), "reconstruct", None)
    if reconstruct is None:
        raise UsageError(
            "objective 'variational' needs a network that encodes pictures and reconstructs them",
            fix="choose vae, or leave out objective=",
        )
    if not callable(loss):
        raise UsageError(
            f"objective 'variational' needs a loss of reconstructions, and {type(loss).__name__} is none",
            fix="loss=evidence-lower-bound",
        )
    logits, mean, log_variance = reconstruct(batch.target)
    yield Turn("model", loss(logits, batch.target, mean, log_variance))
