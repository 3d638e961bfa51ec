"""Shell completion: commands, entry names, option keys and their values."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from zoo import models
from zoo.contracts.entries import KINDS, PLURALS
from zoo.errors import UsageError, ZooError
from zoo.registry import Registry

_KINDS_BY_KEY = {
    "model": "architecture",
    "loss": "loss",
    "optimizer": "optimizer",
    "schedule": "schedule",
    "objective": "objective",
    "initialization.weights": "initializer",
    "initialization.biases": "initializer",
    "data": "dataset",
}


class EntryName(click.ParamType[str]):
    """The name of an entry; a path completes too where data is meant."""

    name = "name"

    def __init__(self, *kinds: str, or_path: bool = False) -> None:
        self._kinds = kinds
        self._or_path = or_path

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Names of the installed entries."""
        registry = Registry.discover()
        names = {name for kind in self._kinds for name in registry.names(kind)}
        items = [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]
        return items or ([CompletionItem(incomplete, type="file")] if self._or_path else [])


class ModelFile(EntryName):
    """A model's file, or the name of an installed model, which becomes its file."""

    name = "model"

    def __init__(self) -> None:
        super().__init__("model", or_path=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The file; names are looked up where there is no such file."""
        path = Path(value)
        if path.exists() or (ctx is not None and ctx.resilient_parsing):
            return path
        return models.find(value, Registry.discover())


class KindName(click.Choice[str]):
    """A kind of entry in the plural."""

    def __init__(self) -> None:
        super().__init__(list(PLURALS.values()))


class Word(click.ParamType[str]):
    """A ``key=value`` word of a recipe."""

    name = "key=value"

    def __init__(self, *prefixes: str) -> None:
        self._prefixes = prefixes

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Keys until there is an equals sign, values after it."""
        try:
            words = self._words(ctx, incomplete)
        except (ZooError, ModuleNotFoundError):
            return []
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]

    def _words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        from zoo.cli.words import candidates

        chosen = {"model": ctx.params.get("architecture"), "data": ctx.params.get("data")}
        for word in ctx.params.get("words") or ():
            key, _, value = word.partition("=")
            chosen[key] = value
        words = candidates(incomplete, chosen, Registry.discover(), _KINDS_BY_KEY)
        return [word for word in words if not self._prefixes or word.startswith(self._prefixes)]


ARCHITECTURE = EntryName("architecture")
DATA = EntryName("dataset", or_path=True)
MODEL = ModelFile()
RUN_OR_MODEL = EntryName("model", or_path=True)
ENTRY = EntryName(*(kind.kind for kind in KINDS))
KIND = KindName()
TRAIN_WORD = Word()
RESUME_WORD = Word()
DATA_WORD = Word("data.")

_HINTS = {
    "bash": 'eval "$(zoo completion bash)"            # add to ~/.bashrc',
    "zsh": 'eval "$(zoo completion zsh)"             # add to ~/.zshrc',
    "fish": "zoo completion fish > ~/.config/fish/completions/zoo.fish",
}


@click.command(epilog="\b\n" + "\n".join(_HINTS.values()))
@click.argument("shell", type=click.Choice(sorted(_HINTS)))
def completion(shell: str) -> None:
    """Print the completion script of SHELL."""
    from zoo.cli.program import root

    found: Any = get_completion_class(shell)
    if found is None:
        raise UsageError(f"there is no completion for {shell}")
    click.echo(found(root, {}, "zoo", "_ZOO_COMPLETE").source())
