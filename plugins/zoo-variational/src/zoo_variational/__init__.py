"""Variational autoencoders: pictures from a Gaussian, with a bound on their likelihood."""

from collections.abc import Sequence

from zoo.plugin import Architecture, Entry, Loss, Objective, hookimpl


@hookimpl
def zoo_register() -> Sequence[Entry]:
    """The architecture, the objective and the loss of this package."""
    return [
        Architecture(
            name="vae",
            factory="zoo_variational.vae:VAE",
            summary="Variational autoencoder of convolutions or fully connected layers",
            reference="arXiv:1312.6114",
            accepts=("latent",),
            predicts=("sample",),
            objective="variational",
            latent_size=32,
            recipe={
                "loss.name": "evidence-lower-bound",
                "optimizer.name": "adam",
                "optimizer.lr": 1e-3,
                "batch_size": 128,
                # Of a sample nothing but the bound is measured, and it does order models.
                "checkpoint.best": "loss",
            },
        ),
        Objective(
            name="variational",
            factory="zoo_variational.objective:variational",
            summary="Encodes, draws and decodes each picture; the loss is a bound on its likelihood",
            reference="arXiv:1312.6114, algorithm 1",
            fits=("sample",),
        ),
        Loss(
            name="evidence-lower-bound",
            factory="zoo_variational.losses:EvidenceLowerBound",
            summary="Reconstruction and divergence from the prior; Bernoulli or Gaussian pixels, beta",
            reference="arXiv:1312.6114, eq. 10, and Higgins et al. 2017, ICLR (beta-VAE)",
            fits=("sample",),
            expects="real",
        ),
    ]
