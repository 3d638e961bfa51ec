"""A run becomes a certified model file, or an error and no file."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch

from zoo import locks, postprocessing
from zoo.contracts.certificate import Certificate
from zoo.contracts.signature import Signature
from zoo.contracts.tensors import TensorSpec
from zoo.errors import ArtifactError, UsageError, VerificationError, ZooError
from zoo.exporting.assemble import assemble
from zoo.exporting.certify import Proof, certify
from zoo.exporting.form import check_form
from zoo.exporting.network import state_specs, trace
from zoo.files import LOCAL, Disk
from zoo.preprocessing.graphs import IR_VERSION, OPSET
from zoo.registry import Registry
from zoo.runs import Run
from zoo.runtime import golden
from zoo.runtime.seal import CERTIFICATE, property_fragment, seal
from zoo.runtime.tables import TableOptions
from zoo.runtime.verify import verify
from zoo.training.trained import Network, Trained, load


@dataclass(frozen=True)
class Exported:
    """A model file that was proven.

    Attributes:
        path: The file; its golden examples stand beside it.
        certificate: The proof, which is also in the file.
    """

    path: Path
    certificate: Certificate


def export(run: Run, output: Path | None = None, *, registry: Registry, disk: Disk = LOCAL) -> Exported:
    """Exports a run's best network, if the file answers as the network does.

    Args:
        run: The run.
        output: Where the model goes, ending in ``.onnx``; the run folder's ``model.onnx`` by default.
        registry: Where the run's entries are looked up.
        disk: How files are written.

    Raises:
        VerificationError: The file would not answer as the network does; nothing was written.
        UsageError: `output` cannot be a model file.
        PluginError: The network cannot be exported.
        EnvironmentFault: The file cannot be written, or another process trains the run and changed it meanwhile.
    """
    path = run.model_path if output is None else output
    _check_output(path)
    with _undisturbed(run):
        body, examples, certificate = _certified(run, registry)
    _commit(path, body, examples, disk)
    exported = Exported(path, certificate)
    registry.notify("zoo_model_exported", model=exported)
    return exported


@contextmanager
def _undisturbed(run: Run) -> Iterator[None]:
    """Says so where an export failed because the run went on to another checkpoint meanwhile."""
    try:
        yield
    except (ArtifactError, VerificationError) as error:
        if locks.is_held(run.path):
            raise locks.in_use(run.path) from error
        raise


def _certified(run: Run, registry: Registry) -> tuple[bytes, bytes, Certificate]:
    """The bytes of the model and of its golden examples, and what was proven."""
    trained = load(run, registry)
    raw, states = trained.network.preprocessing.raw, states_of(trained)
    model = build(trained)
    places = (run.path,)
    check_form(model, raw, states, places=places)
    body = model.SerializeToString()
    proof = certify(body, trained, states)
    examples = golden.pack(proof.golden, proof.expected)
    certificate = _certificate(trained, states, proof, hashlib.sha256(examples).hexdigest())
    document = json.dumps(certificate.to_json(), allow_nan=False)
    body += property_fragment(CERTIFICATE, document)
    check_form(onnx.load_model_from_string(body), raw, states, places=places)
    return seal(body), examples, Certificate.from_json(json.loads(document))


def build(trained: Trained) -> onnx.ModelProto:
    """The whole model, not yet proven: raw inputs in, answers out.

    Raises:
        VerificationError: The exported network does not fit between its preprocessing and postprocessing.
        PluginError: The network cannot be exported.
    """
    preprocessing = trained.network.preprocessing
    network = trace(trained.run)
    answers = postprocessing.build(preprocessing, states_of(trained))
    try:
        return assemble(preprocessing.graph, network, answers)
    except ZooError as error:
        raise VerificationError(
            error.message, fix="export again; if it fails again, report it to the network's author"
        ) from error


def states_of(trained: Trained) -> tuple[TensorSpec, ...]:
    """What the run's network hands from one text to the next."""
    return state_specs(trained.network.module, trained.network.preprocessing.encoded)


def _check_output(path: Path) -> None:
    if path.suffix != ".onnx" or path.is_dir():
        raise UsageError(f"{path} is not the name of a model file", fix="give a file name that ends in .onnx")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} for {path.name}", fix=f"mkdir -p {path.parent}")


def _certificate(
    trained: Trained, states: tuple[TensorSpec, ...], proof: Proof, golden_sha256: str
) -> Certificate:
    network = trained.network
    raw = network.preprocessing.raw
    return Certificate(
        signature=raw,
        states=states,
        labels=tuple(network.preprocessing.fitted.get("label", {}).get("values", ())),
        reading=_reading(raw, network.recipe.data.options),
        answers=tuple(proof.expected),
        num_examples=proof.num_examples,
        batch_sizes=proof.batch_sizes,
        metrics=proof.metrics,
        max_abs_error=proof.max_abs_error,
        tolerance=proof.tolerance,
        plugins=tuple(trained.plugins),
        recipe=_portable(network.recipe.to_json()),
        weights_sha256=_weights_digest(network),
        golden_sha256=golden_sha256,
        versions={
            "zoo": metadata.version("zoo-core"),
            "torch": str(torch.__version__),
            "onnxruntime": onnxruntime.__version__,
        },
        opset=OPSET,
        ir_version=IR_VERSION,
    )


def _reading(raw: Signature, options: Mapping[str, Any]) -> dict[str, Any]:
    """How files are read: as the training table was."""
    if not all(spec.kind in ("number", "category", "text", "series") for spec in raw.inputs):
        return {}
    series = {name: options[name] for name in ("time", "group", "window", "gaps") if name in options}
    return {**TableOptions.from_json(options).to_json(), **series}


def _portable(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe without the folders of this machine: of the data's path, and of absolute ones, the name is left."""
    bare: dict[str, Any] = _without_folders(recipe)
    return {**bare, "data": {**bare["data"], "name": Path(bare["data"]["name"]).name}}


def _without_folders(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_folders(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders(each) for each in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _weights_digest(network: Network) -> str:
    """SHA-256 over every tensor's name, type, shape and bytes, by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.module.state_dict().items()):
        array = tensor.detach().numpy()
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _commit(path: Path, model: bytes, examples: bytes, disk: Disk) -> None:
    """Writes both files aside, replays the one with the other, and only then gives them their names."""
    aside = path.with_name(f".{path.name}.exporting")
    if aside.exists():
        shutil.rmtree(aside)
    disk.make_folder(aside)
    try:
        written = aside / path.name
        disk.write(written, model)
        disk.write(golden.golden_path(written), examples)
        verify(written)
        disk.rename(golden.golden_path(written), golden.golden_path(path))
        disk.rename(written, path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
