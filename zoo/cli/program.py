"""Finds the command, runs it, and turns every error into a message and an exit code."""

import importlib
import os
import sys
from functools import partial
from typing import Any, cast

import click

import zoo
from zoo.errors import EnvironmentFault, Interrupted, PluginError, UsageError, ZooError, did_you_mean
from zoo.registry import TRAIN_EXTRA, Registry, describe, missing_extra

_COMMANDS = {
    "list": "zoo.cli.listing:list_entries",
    "show": "zoo.cli.showing:show",
    "plugins": "zoo.cli.plugins:plugins",
    "install": "zoo.cli.installing:install",
    "uninstall": "zoo.cli.installing:uninstall",
    "train": "zoo.cli.training:train",
    "resume": "zoo.cli.training:resume",
    "runs": "zoo.cli.running:runs",
    "evaluate": "zoo.cli.evaluating:evaluate",
    "export": "zoo.cli.exporting:export",
    "verify": "zoo.cli.verifying:verify",
    "predict": "zoo.cli.predicting:predict",
    "package": "zoo.cli.packaging:package",
    "new": "zoo.cli.creating:new",
    "check": "zoo.cli.checking:check",
    "completion": "zoo.cli.completing:completion",
}
_SUMMARIES = {
    "list": "List what the zoo holds.",
    "show": "Show an entry: its options, their types, defaults and meaning.",
    "plugins": "List the installed plugins and their health.",
    "install": "Install plugins into this environment.",
    "uninstall": "Uninstall plugins; none is imported.",
    "train": "Train a network on a data set.",
    "resume": "Continue a run from its newest checkpoint.",
    "runs": "List the runs of this folder.",
    "evaluate": "Judge a run or an exported model on data.",
    "export": "Write a run's network as one certified ONNX file.",
    "verify": "Replay a model's golden examples on this machine.",
    "predict": "Answer for images, clips, table rows or arrays.",
    "package": "Build a wheel of a trained model.",
    "new": "Write a plugin to begin with.",
    "check": "Check a plugin, or an entry, against the contract.",
    "completion": "Print the completion script of a shell.",
}

_PLUGIN_COMMANDS = "zoo.cli.plugin_commands"
_SEE_PLUGINS = "reinstall or remove the plugin; `zoo plugins` shows what is installed"


class LazyGroup(click.Group):
    """Imports a command when it is called; plugins may add some with ``zoo_commands``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Zoo's own commands in the order of their use, then the plugins'."""
        return [*_COMMANDS, *sorted(_plugin_commands(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name in _COMMANDS:
            module, _, attribute = _COMMANDS[cmd_name].partition(":")
            return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]
        place = _plugin_commands(ctx).get(cmd_name)
        return None if place is None else _import_command(cmd_name, place)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _SUMMARIES.get(name, "")) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Names the nearest command when there is none of that name."""
        is_name = bool(args) and not args[0].startswith("-") and not ctx.resilient_parsing
        if is_name and args[0] not in _COMMANDS and args[0] not in _plugin_commands(ctx):
            known = self.list_commands(ctx)
            raise UsageError(f"there is no command {args[0]!r}", fix=did_you_mean(args[0], known))
        return super().resolve_command(ctx, args)


def _plugin_commands(ctx: click.Context) -> dict[str, str]:
    """Where the plugins' commands stand, asked for once; a plugin that fails disturbs no other."""
    if _PLUGIN_COMMANDS in ctx.meta:
        return ctx.meta[_PLUGIN_COMMANDS]  # type: ignore[no-any-return]
    commands: dict[str, str] = {}
    for implementation in Registry.discover().hooks.hook.zoo_commands.get_hookimpls():
        try:
            offered: dict[str, str] = dict(cast("Any", implementation.function()))
        except (Exception, SystemExit) as error:
            _say("warning", f"zoo_commands of {implementation.plugin_name} failed: {describe(error)}")
            continue
        commands |= {name: place for name, place in offered.items() if name not in _COMMANDS}
    ctx.meta[_PLUGIN_COMMANDS] = commands
    return commands


def _import_command(name: str, place: str) -> click.Command:
    module, _, attribute = place.partition(":")
    try:
        command = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name in TRAIN_EXTRA:
            raise
        raise PluginError(
            f"command {name!r} cannot be imported: {describe(error)}", fix=_SEE_PLUGINS
        ) from error
    if not isinstance(command, click.Command):
        raise PluginError(f"command {name!r}: {place} is not a click command", fix=_SEE_PLUGINS)
    return command


def _leave_plugins_out(ctx: click.Context, _param: click.Parameter, is_wanted: bool) -> None:
    """By the variable that every process this one starts reads too, as long as the command runs."""
    if is_wanted:
        before = os.environ.get("ZOO_PLUGINS")
        os.environ["ZOO_PLUGINS"] = ""
        ctx.call_on_close(partial(_set_variable, "ZOO_PLUGINS", before))


def _set_variable(name: str, value: str | None) -> None:
    os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__, prog_name="zoo")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--no-plugins",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_leave_plugins_out,
    help="Load nothing but zoo-core; ZOO_PLUGINS=a,b loads these and it.",
)
def root(debug: bool) -> None:
    """Turn a pip-installed network into a trained, proven, self-contained ONNX file."""


def program(arguments: list[str]) -> int:
    """Runs one command line; returns the exit code."""
    # OpenMP's threads spin while they wait; beside other work on the same cores that costs small networks
    # most of their time. It is read when torch is imported, so it is set before.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        # Click returns the code that a command left with.
        code = root.main(arguments, prog_name="zoo", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output left, as `zoo list | head` does; nobody is there to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _report(error, debug="--debug" in arguments)


def _report(error: Exception, *, debug: bool) -> int:
    if debug:
        import traceback  # every start would pay for it

        traceback.print_exception(error)
    if isinstance(error, ModuleNotFoundError) and error.name in TRAIN_EXTRA:
        error = missing_extra(error.name, "this command")
    if isinstance(error, MemoryError):
        error = EnvironmentFault(f"out of memory: {error}", fix="ask for less at a time")
    if isinstance(error, OSError):
        error = EnvironmentFault(describe(error), fix="check the path, its permissions and the free space")
    if isinstance(error, ZooError):
        rank = os.environ.get("RANK", "0")
        if isinstance(error, Interrupted | UsageError) and rank != "0":
            return error.exit_code  # all know the same words; the first of several processes says it for all
        _say("error" if rank == "0" else f"error in process {rank}", error.message)
        if error.fix:
            _say("fix", error.fix)
        return error.exit_code
    _say("internal error", describe(error))
    _say("fix", "this is a bug of Zoo; run again with `zoo --debug …` and report what it prints")
    return 1


def _say(label: str, text: str) -> None:
    click.echo(f"{label}: {printable(text)}", err=True)


def printable(text: Any) -> str:
    """Text with control characters escaped: names come from files and plugins."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in shown)
