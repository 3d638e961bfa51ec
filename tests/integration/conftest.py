"""A real environment that plugins are installed into, and wheels to install."""

import zipfile

import pytest

from tests.environments import Environment


@pytest.fixture(scope="session")
def make_environment():
    """A new environment in a folder."""
    return Environment.over_this_one


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
