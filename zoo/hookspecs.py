"""Every hook a plugin can implement."""

from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

from zoo.contracts.entries import Entry

hookspec = pluggy.HookspecMarker("zoo")
hookimpl = pluggy.HookimplMarker("zoo")


@hookspec
def zoo_register() -> Sequence[Entry]:  # type: ignore[empty-body]
    """Return the entries that this plugin offers."""


@hookspec
def zoo_run_started(run: Any) -> None:
    """Training begins or is resumed; ``run`` is the run folder."""


@hookspec
def zoo_metrics_logged(run: Any, step: int, metrics: Mapping[str, float]) -> None:
    """A line was added to ``metrics.jsonl``."""


@hookspec
def zoo_run_finished(run: Any) -> None:
    """Training has ended and its last checkpoint is committed."""


@hookspec
def zoo_model_exported(model: Any) -> None:
    """A certified model was written; ``model`` has ``path`` and ``certificate``."""


@hookspec
def zoo_commands() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Return more subcommands: name to ``"module:attribute"`` of a click command, imported on use."""
