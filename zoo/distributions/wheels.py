"""A trained model as a wheel: its file, golden examples, certificate and card, for the runtime alone."""

import re
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from zoo.contracts.certificate import Certificate
from zoo.distributions import card
from zoo.distributions.names import Name
from zoo.distributions.rendering import render_tree
from zoo.errors import UsageError
from zoo.files import LOCAL, Disk, dump_json, read_bytes
from zoo.registry import CORE
from zoo.runtime.golden import golden_path
from zoo.runtime.predictor import load
from zoo.runtime.verify import verify

_ASKED = {"sample": "--samples 64 --draw samples.png", "tokens": '--prompt "…"'}


@dataclass(frozen=True)
class Packaged:
    """A wheel that was written.

    Attributes:
        path: The wheel.
        name: The distribution's name.
        certificate: The model's.
        num_model_bytes: Size of the model's file.
    """

    path: Path
    name: Name
    certificate: Certificate
    num_model_bytes: int


def build(
    model: Path, name: Name, version: str, *, into: Path, licence: str = "", disk: Disk = LOCAL
) -> Packaged:
    """Builds the wheel of a model; the same model gives the same bytes.

    Args:
        model: The model's file, with its golden examples beside it.
        name: The distribution's name.
        version: Its version.
        into: The folder that the wheel goes into.
        licence: SPDX expression, for example ``"MIT"``; none if empty.
        disk: How files are written.

    Raises:
        ArtifactError: The model or its golden examples are missing or damaged.
        VerificationError: The model does not answer here as it did where it was exported.
        UsageError: The version or the licence is not one.
        EnvironmentFault: The wheel cannot be written.
    """
    _check_version(version)
    verify(model)
    certificate = load(model).certificate
    content = read_bytes(model)
    with tempfile.TemporaryDirectory(prefix="zoo-package-") as folder:
        source = Path(folder, "source")
        package = source / name.package
        package.mkdir(parents=True)
        for place, text in _texts(name, version, licence, certificate).items():
            (source / place).write_text(text, encoding="utf-8")
        (package / "model.onnx").write_bytes(content)
        golden_path(package / "model.onnx").write_bytes(read_bytes(golden_path(model)))
        (package / "certificate.json").write_bytes(dump_json(certificate.to_json()))
        wheel = _build_wheel(source, Path(folder, "wheel"))
        if not into.is_dir():
            disk.make_folder(into)
        path = into / wheel.name
        disk.replace(path, wheel.read_bytes())
    return Packaged(path, name, certificate, len(content))


def _check_version(version: str) -> None:
    try:
        Version(version)
    except InvalidVersion as error:
        raise UsageError(f"{version!r} is not a version", fix="for example 1.0.0") from error


def _texts(name: Name, version: str, licence: str, certificate: Certificate) -> dict[Any, str]:
    import tomli_w

    summary = card.summary(certificate)
    project = {
        "name": name.distribution,
        "version": version,
        "description": summary,
        "readme": "README.md",
        "requires-python": ">=3.11",
        "dependencies": [f"{CORE}>={metadata.version(CORE)}"],
        "entry-points": {"zoo": {name.stem: name.package}},
        **({"license": licence} if licence else {}),
    }
    wheel = {"packages": [name.package], "core-metadata-version": "2.4"}  # which older installers read
    # What a folder above ignores is no matter of this one.
    hatch = {"ignore-vcs": True, "targets": {"wheel": wheel}}
    document = {"project": project, "tool": {"hatch": {"build": hatch}}}
    values = {
        "distribution": name.distribution,
        "package": name.package,
        "stem": name.stem,
        "summary": card.escaped(summary),
        "summary_literal": repr(summary),
        "asked": _ASKED.get(certificate.signature.target.kind, "INPUT"),
        "facts": card.table(card.facts(certificate)),
        "num_examples": f"{certificate.num_examples:,}",
        "metrics": card.table(card.metrics(certificate), ("metric", "value")),
        "versions": card.table(card.versions(certificate), ("distribution", "version")),
    }
    return {**render_tree("model", values), "pyproject.toml": tomli_w.dumps(document)}


def _build_wheel(source: Path, into: Path) -> Path:
    from hatchling.builders.wheel import WheelBuilder

    try:
        [wheel] = WheelBuilder(str(source)).build(directory=str(into), versions=["standard"])
    except ValueError as error:
        reason = re.sub(r"^Error parsing field `project\.(\w+)` - ", r"the \1 is refused: ", str(error))
        raise UsageError(
            reason, fix="a licence is an SPDX expression, for example MIT or Apache-2.0"
        ) from error
    return Path(wheel)
