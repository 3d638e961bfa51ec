"""Fixtures shared by the tests of the core."""

import importlib
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from benchmarks.bridges import registry_without_bridges

REGISTER = """
from zoo.plugin import Loss, hookimpl

@hookimpl
def zoo_register():
    return [Loss(name="{entry}", factory="{module}:make", summary="Made for a test", fits=("classes",), expects="logits")]

def make():
    pass
"""


class Site:
    """A folder of installed distributions, as pip leaves them."""

    def __init__(self, path: Path):
        self.path = path

    def install(self, name, source=None, *, entry="roar", version="1.0", requires=(), points=None):
        """A distribution of one module; by default it offers one loss."""
        module = name.replace("-", "_")
        source = source or REGISTER.format(entry=entry, module=module)
        (self.path / f"{module}.py").write_text(dedent(source))
        info = self.path / f"{module}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        points = {name: module} if points is None else points
        lines = ["[zoo]", *(f"{point} = {value}" for point, value in points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        importlib.invalidate_caches()
        return info


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    """Keeps the user's cache folder out of it."""
    path = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(path))
        yield path


@pytest.fixture
def site(tmp_path, monkeypatch):
    path = tmp_path / "site"
    path.mkdir()
    monkeypatch.syspath_prepend(str(path))
    yield Site(path)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(path)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def registry(cache):
    """What is really installed, but for the bridges to other libraries."""
    return registry_without_bridges()


@pytest.fixture
def zoo_command():
    """Runs the command line in a process of its own: exit code, stdout and stderr."""

    def run(*words, cwd=None, env=None, timeout=120):
        command = [sys.executable, "-c", "from zoo.cli import main; main()", *map(str, words)]
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout)

    return run
