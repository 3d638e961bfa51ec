"""Virtual environments of what is installed here, made without a network."""

import os
import re
import shutil
import site
import subprocess
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


class Environment:
    """A virtual environment, which is also the folder that its commands run in."""

    def __init__(self, path: Path):
        self.path = path
        venv.create(path / "venv", with_pip=False, symlinks=True)
        self.bin = path / "venv" / "bin"
        [self.packages] = (path / "venv").glob("lib/python*/site-packages")

    @classmethod
    def over_this_one(cls, path: Path) -> "Environment":
        """One that sees all that is installed here, and can be installed into."""
        environment = cls(path)
        furnish(path / "venv")
        return environment

    @classmethod
    def of(cls, path: Path, *distributions: str) -> "Environment":
        """One that holds these distributions of those here, what they require, and nothing else."""
        environment = cls(path)
        for name in {name for each in distributions for name in _required(each)}:
            for place in _places(name):
                (environment.packages / place.name).symlink_to(place)
        return environment

    def python(self, *words):
        env = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "OMP_NUM_THREADS": "1",
            "PIP_NO_INDEX": "1",
            "XDG_CACHE_HOME": str(self.path / "cache"),
            "ZOO_PLUGIN_TIMEOUT": "4",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        command = [str(self.bin / "python"), *map(str, words)]
        return subprocess.run(command, cwd=self.path, env=env, capture_output=True, text=True, timeout=300)

    def pip(self, *words):
        done = self.python("-m", "pip", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def zoo(self, *words, code=0):
        done = self.python("-P", "-m", "zoo", *words)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done


def furnish(environment: Path) -> None:
    """What is installed here is seen below what is installed there, and its commands are there too."""
    [packages] = environment.glob("lib/python*/site-packages")
    below = [folder for folder in map(Path, site.getsitepackages()) if folder.is_dir()]
    lines = [f"import site; site.addsitedir({str(folder)!r})" for folder in below]
    (packages / "below.pth").write_text("\n".join(lines) + "\n")
    # Python 3.11 puts a setuptools of its own into an environment, which is too old for PyTorch.
    for old in packages.glob("setuptools*"):
        shutil.rmtree(old)
    python = environment / "bin" / "python"
    for name in ("pip", "pytest", "zoo"):
        script = environment / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{python}" -m {name} "$@"\n')
        script.chmod(0o755)


def _required(name: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """A distribution and all that it requires without extras."""
    yield name
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        is_wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if is_wanted and requirement.name not in seen:
            yield from _required(requirement.name, seen | {name})


def _places(name: str) -> set[Path]:
    """Files and folders of a distribution that stand beside one another in site-packages."""
    found = metadata.distribution(name)
    root = Path(str(found.locate_file("")))
    tops = {file.parts[0] for file in found.files or () if file.parts[0] != ".."}
    return {root / top for top in tops if re.fullmatch(r"[\w.+-]+", top) and top != "__pycache__"}
