"""A real environment that plugins are installed into, and wheels to install."""

import os
import site
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest


class Environment:
    """A virtual environment that sees what this one has, and can be installed into."""

    def __init__(self, path: Path):
        self.path = path
        venv.create(path / "venv", with_pip=False, symlinks=True)
        [packages] = (path / "venv").glob("lib/python*/site-packages")
        below = [folder for folder in map(Path, site.getsitepackages()) if folder.is_dir()]
        lines = [f"import site; site.addsitedir({str(folder)!r})" for folder in below]
        (packages / "below.pth").write_text("\n".join(lines) + "\n")

    def python(self, *words):
        command = [self.path / "venv" / "bin" / "python", *words]
        env = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PIP_NO_INDEX": "1",
            "ZOO_PLUGIN_TIMEOUT": "4",
            "XDG_CACHE_HOME": str(self.path / "cache"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        return subprocess.run(command, cwd=self.path, env=env, capture_output=True, text=True, timeout=300)

    def pip(self, *words):
        done = self.python("-m", "pip", *words)
        assert done.returncode == 0, done.stdout + done.stderr

    def zoo(self, *words, code=0):
        done = self.python("-P", "-m", "zoo", *map(str, words))
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture(scope="session")
def make_environment():
    """A new environment in a folder."""
    return Environment


@pytest.fixture(scope="session")
def write_wheel():
    """Writes a wheel of one module, as a build writes it."""

    def write(folder, name, source, *, version="1.0", requires=(), points=True):
        module = name.replace("-", "_")
        info = f"{module}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
        files = {
            f"{module}.py": source,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        if points:
            files[f"{info}/entry_points.txt"] = f"[zoo]\n{module} = {module}\n"
        files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
        path = folder / f"{module}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for file, text in files.items():
                wheel.writestr(file, text)
        return path

    return write
