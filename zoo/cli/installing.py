"""``zoo install`` and ``zoo uninstall``: plugins of the running interpreter's environment, by pip."""

import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from zoo.cli.program import printable
from zoo.discovery import CORE, find_offers, normalise
from zoo.errors import EnvironmentFault, PluginError, UsageError, did_you_mean

_PIP_WORDS = "zoo.cli.pip_words"
# pip says what went wrong in a line that begins so, and then adds hints.
_ERROR = re.compile(r"error:\s*", re.IGNORECASE)


class PipCommand(click.Command):
    """A command whose words after ``--`` are pip's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Sets pip's words aside."""
        place = args.index("--") if "--" in args else len(args)
        ctx.meta[_PIP_WORDS] = args[place + 1 :]
        return super().parse_args(ctx, args[:place])


@click.command(cls=PipCommand, options_metavar="[OPTIONS]", epilog="Words after -- are given to pip.")
@click.argument("plugins", nargs=-1, required=True, metavar="PLUGIN...")
@click.option("--upgrade", "-U", is_flag=True, help="Install the newest version, also where one is there.")
@click.pass_context
def install(ctx: click.Context, plugins: tuple[str, ...], upgrade: bool) -> None:
    """Install plugins into this environment, and say what they offer.

    PLUGIN is a distribution's full name with or without a version (zoo-lion, 'zoo-lion==1.2'), a folder
    or a wheel. Another index: zoo install zoo-lion -- --index-url URL; without one:
    zoo install zoo-lion -- --no-index --find-links FOLDER.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = [*(["--upgrade"] if upgrade else []), "--report", str(report), *ctx.meta[_PIP_WORDS]]
        _pip("install", *words, "--", *plugins)
        names = _installed(plugins, report)
    _say_what_came(names)


@click.command(cls=PipCommand, epilog="Words after -- are given to pip.")
@click.argument("plugins", nargs=-1, required=True, metavar="PLUGIN...")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_context
def uninstall(ctx: click.Context, plugins: tuple[str, ...], yes: bool) -> None:
    """Uninstall plugins from this environment; none is imported.

    PLUGIN is a distribution's name, or what stands behind zoo- in it: lion for zoo-lion.
    """
    found = dict(map(_find, plugins))
    listed = ", ".join(f"{name} {version}" for name, version in found.items())
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"nobody is there to be asked whether {listed} should go", fix="add --yes")
        click.confirm(f"uninstall {listed}?", abort=True, err=True)
    said = _pip("uninstall", "--yes", *ctx.meta[_PIP_WORDS], *found)
    importlib.invalidate_caches()
    for name, version in found.items():
        if _version(name) == version:
            raise EnvironmentFault(f"pip left {name} {version} where it is: {_last(said)}", fix=_BY_HAND)
        click.echo(f"uninstalled {name} {version}")


_BY_HAND = f"uninstall it with the tool that installed it; this is {sys.executable}"


def _find(given: str) -> tuple[str, str]:
    """Name and version of an installed plugin, from metadata alone."""
    plugins = {normalise(offer.distribution): offer for offer in find_offers()}
    name = normalise(given)
    if CORE in (name, f"zoo-{name}"):
        raise UsageError(
            f"{CORE} is Zoo itself and no plugin", fix=f"{sys.executable} -m pip uninstall {CORE}"
        )
    found = plugins.get(name) or plugins.get(f"zoo-{name}")
    if found is not None:
        return found.distribution, found.version
    if _version(given) is not None:
        raise UsageError(
            f"{given} is installed and is no plugin of Zoo",
            fix=f"if it should go nevertheless: {sys.executable} -m pip uninstall {given}",
        )
    raise PluginError(
        f"there is no plugin {given!r} in this environment", fix=did_you_mean(name, {*plugins} - {CORE})
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):
        return None


def _pip(*words: str) -> str:
    """Runs pip; its words go to standard error.

    Raises:
        EnvironmentFault: There is no pip, or it failed.
    """
    if find_spec("pip") is None:
        raise EnvironmentFault(
            f"there is no pip in the environment of {sys.executable}",
            fix=f"{sys.executable} -m ensurepip; or with uv: uv pip install --python {sys.executable} PLUGIN",
        )
    command = [sys.executable, "-m", "pip", words[0], "--disable-pip-version-check", "--no-input", *words[1:]]
    # What pip does is seen while it does it; its errors are kept to be said again at the end.
    with subprocess.Popen(command, stdout=2, stderr=subprocess.PIPE, text=True, errors="replace") as process:  # noqa: S603
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            click.echo(printable(line), err=True, nl=False)
            said.append(line)
    if process.returncode:
        raise EnvironmentFault(
            f"pip could not {words[0]}: {_last(''.join(said))}", fix="what pip said stands above"
        )
    return "".join(said)


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    return printable(_ERROR.sub("", (errors or lines or ["it did not say why"])[-1], count=1))


def _installed(given: tuple[str, ...], report: Path) -> list[str]:
    """The distributions that were asked for, as pip names them; those that were there already too."""
    done = json.loads(report.read_text(encoding="utf-8"))["install"] if report.exists() else []
    names = [each["metadata"]["name"] for each in done if each.get("requested")]
    known = {normalise(name) for name in names}
    for word in given:
        # A wheel and a requirement begin with the name; a folder is always installed anew.
        name = re.split(r"[^\w.-]", word)[0] if not _is_place(word) else Path(word).name.partition("-")[0]
        if normalise(name) not in known and _version(name) is not None:
            names.append(metadata.distribution(name).name)
    return names


def _is_place(word: str) -> bool:
    return word.endswith(".whl") or os.sep in word or "/" in word


def _say_what_came(names: list[str]) -> None:
    importlib.invalidate_caches()
    rows = defaultdict(list)
    for row in _rows():
        rows[normalise(row["plugin"])].append(row)
    for name in names:
        mine = rows[normalise(name)]
        title = f"{name} {_version(name)}"
        if not mine and normalise(name) not in {normalise(each.distribution) for each in find_offers()}:
            _warn(f"{title} has no entry point in the group zoo: it is no plugin")
            continue
        for row in mine:
            if row["status"] == "broken":
                _warn(f"plugin {title} is broken: {row['summary']}")
        offered = [f"{row['kind']} {row['name']}" for row in mine if row["status"] != "broken"]
        click.echo(f"installed {title}: {_names(offered)}")


def _warn(text: str) -> None:
    click.echo(f"warning: {printable(text)}", err=True)


def _names(offered: list[str]) -> str:
    shown = ", ".join(offered[:10]) or "no entries"
    return shown + (f" and {len(offered) - 10} more" if len(offered) > 10 else "")


def _rows() -> list[dict[str, Any]]:
    """What the zoo holds now, seen by a new process: this one has started without the new plugins."""
    environment = {name: value for name, value in os.environ.items() if name != "ZOO_PLUGINS"}
    command = [sys.executable, "-P", "-m", "zoo", "list", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)  # noqa: S603
    return json.loads(done.stdout) if done.returncode == 0 else []
