"""One architecture from its factory to ONNX Runtime: what the compatibility matrix tries of each.

Imported once by the process that all others are forked from.
"""

import logging
import time
import warnings
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import onnxruntime
import onnxscript  # noqa: F401  the exporter needs it, and one import serves all processes
import timm  # noqa: F401  as above
import torch
import torchvision  # noqa: F401  as above

from zoo.contracts.entries import Architecture
from zoo.contracts.examples import Batch
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Boxes, Classes, Mask, Target
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.exporting.network import UNOPTIMIZED, export_network
from zoo.options import schema_of
from zoo.registry import Registered, Registry
from zoo.training.player import Player
from zoo.training.step import Step

LABELS = tuple("abcdefg")
TARGETS: dict[str, type[Target]] = {"boxes": Boxes, "mask": Mask}
"""Of the architectures that answer neither, classes are asked for."""

BATCH_SIZES = (1, 2, 5)
MODEST_SIDES = (128, 112)
MODEST_FRAMES = 16
LARGEST_ERROR = 1e-3
LARGEST_SHARE_OF_OTHERS = 1e-3
"""Where every pixel or place has scores, this share of them may have another highest one: near ties are many."""


class Mismatch(Exception):
    """ONNX Runtime's answers are not the network's."""


def report(name: str, sender: Connection) -> None:
    """Tries an architecture and sends what was found."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    found: dict[str, Any] = {}
    try:
        _try(name, found)
        found["status"] = "passed"
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        found |= {"status": "failed", "reason": f"{type(error).__name__}: {lines[0]}"[:400]}
    found["seconds"] = round(time.process_time(), 1)
    sender.send(found)


def _try(name: str, found: dict[str, Any]) -> None:
    registry = Registry.discover({"ZOO_PLUGINS": "zoo-timm,zoo-torchvision"})
    registered = registry.get("architecture", name)
    torch.manual_seed(0)
    network, signature = _build(registry, registered)
    found["image_size"] = signature.inputs[0].shape[-1]
    _redraw_zeros(network)
    _train(network, signature, registry, registered)
    network.eval()
    began = time.process_time()  # the machine has other work: seconds on the clock would say little
    model = export_network(network, signature)
    found["export_s"] = round(time.process_time() - began, 2)
    if any(each.key == UNOPTIMIZED for each in model.metadata_props):
        found["note"] = "exported without torch's optimizer of graphs"
    found["max_relative_error"] = _compare(network, model.SerializeToString(), signature)


def signature_of(entry: Architecture, side: int) -> Signature:
    """What an architecture is asked to take and to answer, at this size."""
    kinds = [TARGETS[kind] for kind in entry.predicts if kind in TARGETS]
    target = (kinds[0] if kinds else Classes)(LABELS)
    if "video" in entry.accepts:
        frames = min(entry.num_frames or MODEST_FRAMES, MODEST_FRAMES)
        given = TensorSpec("video", "video", "float32", (3, frames, side, side))
    else:
        given = TensorSpec("image", "image", "float32", (3, side, side))
    return Signature((given,), target, target.outputs)


def _build(registry: Registry, registered: Registered) -> tuple[torch.nn.Module, Signature]:
    """The network for pictures of a modest size, where it takes them: less work, and the same graph."""
    entry: Any = registered.entry
    options = schema_of(registry.load(registered)).arguments({}, where="model.")
    for side in (*(side for side in MODEST_SIDES if entry.image_size > side), entry.image_size):
        signature = signature_of(entry, side)
        try:
            return registry.build(registered, signature, **options), signature
        except DataError:
            if side == entry.image_size:
                raise
    raise AssertionError("the last size is tried or raises")


def _redraw_zeros(network: torch.nn.Module) -> None:
    """Weights and scales that start at nought or nearly would hide what stands before them."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() and parameter.abs().max() <= 1e-4:
                parameter.normal_(std=0.02 if parameter.ndim > 1 else 0.1)


def _train(
    network: torch.nn.Module, signature: Signature, registry: Registry, registered: Registered
) -> None:
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            # After a single step, statistics that are mostly those of pictures. With less of them the numbers
            # grow from layer to layer; with nothing else, the variance of a few values can be next to nothing.
            # Both ways deep networks multiply every rounding, and PyTorch's own float32 leaves its float64.
            module.momentum = 0.7
    entry: Any = registered.entry
    loss = registry.build(registry.get("loss", entry.recipe.get("loss.name", signature.target.default_loss)))
    objective = registry.load(registry.get("objective", entry.objective))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4)
    player = Player(name="model", module=network.train(), optimizer=optimizer, schedule=lambda *_: 1.0)
    step = Step({"model": player}, lambda models, batch: objective(models, batch, loss))
    size = 2 if "video" in entry.accepts else 4
    before = [parameter.detach().clone() for parameter in network.parameters()][-2:]
    step([Batch((torch.randn(size, *_shape(signature)),), _truth(signature, size))])
    after = [parameter.detach() for parameter in network.parameters()][-2:]
    if all(torch.equal(*pair) for pair in zip(before, after, strict=True)):
        raise Mismatch("the step of training changed nothing in the last layer")


def _truth(signature: Signature, size: int) -> Any:
    """An encoded target for that many examples."""
    side = signature.inputs[0].shape[-1]
    assert side is not None
    if isinstance(signature.target, Mask):
        return torch.randint(len(LABELS), (size, side, side))
    labels = torch.arange(size) % len(LABELS)
    if isinstance(signature.target, Boxes):
        return labels[:, None], torch.tensor([0.1, 0.2, 0.7, 0.9]).mul(side).expand(size, 1, 4)
    return labels


def _compare(network: torch.nn.Module, model: bytes, signature: Signature) -> float:
    """The largest difference of a number that is put out, over the largest one of its output."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for num_pictures in BATCH_SIZES:
        pictures = torch.randn(num_pictures, *_shape(signature))
        with torch.no_grad():
            answer = network(pictures)
        expected = [each.numpy() for each in (answer if isinstance(answer, tuple) else (answer,))]
        given = session.run(
            [each.name for each in signature.outputs], {signature.inputs[0].name: pictures.numpy()}
        )
        worst = max(worst, *map(_relative_error, given, expected))
        # The scores of the labels come first, and the labels are their first axis, or with boxes the last.
        axis = 2 if isinstance(signature.target, Boxes) else 1
        others = (given[0].argmax(axis) != expected[0].argmax(axis)).ravel()
        if others.mean() > (LARGEST_SHARE_OF_OTHERS if others.size > num_pictures else 0):
            raise Mismatch(f"another class has the highest score at batch {num_pictures}; error {worst:.1e}")
    if worst > LARGEST_ERROR:
        raise Mismatch(f"scores differ by {worst:.1e} of the largest one")
    return float(f"{worst:.2e}")


def _relative_error(given: np.ndarray, expected: np.ndarray) -> float:
    scale = np.abs(expected).max()
    if not np.isfinite(expected).all() or scale == 0 or given.shape != expected.shape:
        raise Mismatch(
            f"the scores cannot be compared: the largest is {scale}, shapes {given.shape}, {expected.shape}"
        )
    return float(np.abs(given - expected).max() / scale)


def _shape(signature: Signature) -> tuple[int, ...]:
    return tuple(size for size in signature.inputs[0].shape if size is not None)
