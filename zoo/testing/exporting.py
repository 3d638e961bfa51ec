"""Exports a network in a process of its own and compares the file with it.

``torch.onnx`` keeps state between calls, so each network is traced by ``python -m zoo.testing.exporting``
anew, from its factory, its options' defaults and its weights.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import safetensors.torch
import torch
from torch import Tensor, nn

from zoo.contracts.entries import Architecture
from zoo.contracts.signature import Signature
from zoo.data.batches import derive_seed
from zoo.exporting.network import export_network, state_specs
from zoo.registry import Registry
from zoo.runtime.sessions import Session, open_session
from zoo.testing.checks import Subject, Unmet, expect
from zoo.testing.networks import Built, NetworkSubject, distance
from zoo.testing.specimens import Specimen, longer, of_size

BATCH_SIZES = (1, 2, 5)
_CLOSE = 1e-4
_DOCUMENT, _WEIGHTS, _GRAPH = "network.json", "network.safetensors", "network.onnx"


def require_export(subject: NetworkSubject, specimen: Specimen) -> None:
    """Traces the network of a specimen and compares at several batch sizes and lengths."""
    built = subject.build(specimen)
    session = open_session(_traced(subject, built))
    other = [longer(specimen, 4)] if specimen.has_lengths else []
    for each in (specimen, *other):
        for size in BATCH_SIZES:
            inputs = of_size(each, size)
            given = built.answer(*inputs)
            seen = _run(session, built, inputs)
            shapes = [tuple(each.shape) for each in given], [tuple(each.shape) for each in seen]
            expect(shapes[0] == shapes[1], f"shapes {shapes[0]} at batch size {size}", shapes[1])
            apart = distance(given, seen)
            expect(
                apart <= _CLOSE,
                f"scores within {_CLOSE:g} of their scale at batch size {size}",
                f"{apart:.1e} apart",
            )


def _traced(subject: NetworkSubject, built: Built) -> bytes:
    """The bytes of the exported network.

    Raises:
        Unmet: It cannot be exported; the last line of the exporter says why.
    """
    entry = subject.architecture
    document = {
        "factory": entry.factory,
        "exports": entry.exports,
        "signature": built.specimen.signature.to_json(),
    }
    with tempfile.TemporaryDirectory(prefix="zoo-") as name:
        folder = Path(name)
        (folder / _DOCUMENT).write_text(json.dumps(document))
        state = {name: each.contiguous().clone() for name, each in built.network.state_dict().items()}
        safetensors.torch.save_file(state, folder / _WEIGHTS)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-P", "-m", __name__, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
        if done.returncode != 0:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            raise Unmet(
                "a network that torch.onnx can export", lines[-1] if lines else f"exit {done.returncode}"
            )
        return (folder / _GRAPH).read_bytes()


def _run(session: Session, built: Built, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    signature = built.specimen.signature
    feed: dict[str, Any] = {
        spec.name: each.numpy() for spec, each in zip(signature.inputs, inputs, strict=True)
    }
    for spec in state_specs(built.network, signature):
        feed[spec.name] = torch.zeros((len(inputs[0]), *map(int, filter(None, spec.shape)))).numpy()
    answers = session.run([spec.name for spec in signature.outputs], feed)
    return tuple(map(torch.from_numpy, answers))


def _rebuilt(folder: Path) -> tuple[nn.Module, Signature]:
    """The network that ``_traced`` described."""
    document = json.loads((folder / _DOCUMENT).read_text())
    signature = Signature.from_json(document["signature"])
    entry = Architecture(
        name="traced", factory=document["factory"], summary="", accepts=(), predicts=(), players=("model",)
    )
    registry = Registry([entry])
    # What is neither parameter nor buffer follows from the seed, as where the weights came from.
    torch.manual_seed(derive_seed(0, "weights"))
    made = Subject(registry.get("architecture", "traced"), registry).make(signature)
    network: nn.Module = made if isinstance(made, nn.Module) else made[document["exports"]]
    network.load_state_dict(safetensors.torch.load_file(folder / _WEIGHTS))
    return network.eval(), signature


def _main(name: str) -> None:
    folder = Path(name)
    network, signature = _rebuilt(folder)
    with contextlib.redirect_stdout(sys.stderr):
        onnx.save_model(export_network(network, signature), folder / _GRAPH)


if __name__ == "__main__":
    _main(*sys.argv[1:])
