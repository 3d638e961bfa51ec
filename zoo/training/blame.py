"""What runs in a step is the plugins' own: whose fault an error in it is."""

import torch

from zoo.contracts.recipe import Recipe
from zoo.errors import EnvironmentFault, PluginError, ZooError
from zoo.registry import describe
from zoo.training.joining import is_loss, loss


def blame(error: Exception, step: int, recipe: Recipe) -> ZooError:
    """The error of a step as one of Zoo's, with what can be done about it."""
    where = f"step {step}"
    if is_loss(error):
        return loss()
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return EnvironmentFault(
            f"{where}: there is not enough memory", fix="a smaller batch_size, or accumulate=2 and more"
        )
    if "deterministic" in str(error) and recipe.settings.deterministic:
        return EnvironmentFault(
            f"{where}: deterministic=true cannot be kept here: {describe(error)}",
            fix="train with deterministic=false, or on the CPU",
        )
    parts = (recipe.model, recipe.objective, recipe.loss, *recipe.optimizers.values())
    return PluginError(
        f"{where} of {', '.join(part.name for part in parts)} failed: {describe(error)}",
        fix="choose another loss or optimizer, or report it to the plugin's author",
    )
