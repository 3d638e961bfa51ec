"""Measures what the bridges tell of their networks: ``python -m benchmarks.facts timm|torchvision``.

Sizes, constants and references come from the library, counts and the smallest picture from networks without
weights (on torch's meta device, through the bridge's own factory), conformance from docs/compatibility.json.
"""

import argparse
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from zoo.bridging import Scored
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError

ROOT = Path(__file__).parents[1]
MATRIX = ROOT / "docs" / "compatibility.json"
LIBRARIES = ("timm", "torchvision")
FURTHER = ("segmentation.json", "detection.json", "video_facts.json")
"""Facts of networks that do not classify pictures, which other commands measure."""

SIDES = (28, 32, 64, 128)
"""Sides in pixels that are tried for the smallest picture."""

WRITTEN_EVERY = 20
"""Networks after which the file is written, so that little is lost when the command is stopped."""

_NUM_CLASSES = 1000
_FEATURES = "it emits features of shape {} for each picture, not one score for each class"
_PAPER = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})")
Facts = dict[str, Any]


def signature_of(side: int) -> Signature:
    """Pictures of one size, each of one of many classes."""
    target = Classes(tuple(map(str, range(_NUM_CLASSES))))
    return Signature((TensorSpec("image", "image", "float32", (3, side, side)),), target, target.outputs)


def measure(factory: Callable[..., Scored], image_size: int) -> Facts:
    """The number of parameters, the side of the smallest picture that it takes, and whether it gives scores."""
    try:
        with torch.device("meta"):
            return _measured(factory, image_size)
    except DataError:
        return _measured(factory, image_size)  # some count their layers with tensors, which need memory


def _measured(factory: Callable[..., Scored], image_size: int) -> Facts:
    network = factory(signature_of(image_size))
    emitted = list(network.network.eval()(torch.empty(2, 3, image_size, image_size)).shape)
    smallest = next((side for side in SIDES if side < image_size and _takes(factory, side)), image_size)
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "image_size": image_size,
        "min_image_size": smallest,
        **({} if emitted == [2, _NUM_CLASSES] else {"unsupported": _FEATURES.format(emitted[1:])}),
    }


def _takes(factory: Callable[..., torch.nn.Module], side: int) -> bool:
    try:
        # Two examples in training: statistics of a batch need more than one number.
        factory(signature_of(side)).train()(torch.empty(2, 3, side, side))
    except (ArithmeticError, DataError, ValueError, RuntimeError):
        return False
    return True


def of_timm(name: str) -> Facts:
    """Facts of a network of timm."""
    from timm.models import model_entrypoint

    from zoo_timm import networks

    config = networks.config_of(name)
    return {
        **measure(getattr(networks, name), networks.usual_side(config)),
        **_described(model_entrypoint(name)),
        "mean": list(config.mean),
        "std": list(config.std),
    }


def of_torchvision(name: str) -> Facts:
    """Facts of a classifier of torchvision."""
    from torchvision.models import get_model_builder

    from zoo_torchvision import networks
    from zoo_torchvision.weights import weights_of

    preset = networks.preset_of(weights_of(name))
    return {
        **measure(getattr(networks, name), preset.crop_size[0]),
        **_described(get_model_builder(name)),
        "mean": list(preset.mean),
        "std": list(preset.std),
    }


def names_of(library: str) -> list[str]:
    """Every network that a library lists; of torchvision the classifiers."""
    models = importlib.import_module(f"{library}.models")
    names: list[str] = models.list_models(module=models) if library == "torchvision" else models.list_models()
    return names


def _described(function: Callable[..., Any]) -> Facts:
    family = function.__module__.rpartition(".")[2]
    return {"family": family, "summary": _summary(function, family), "reference": _reference(function)}


def _summary(function: Callable[..., Any], family: str) -> str:
    lines = (inspect.getdoc(function) or "").strip().splitlines()
    text = (
        re.sub(r"`(.+?)\s*<[^>]*>`_*|`+([^`]*)`+", lambda m: m[1] or m[2], lines[0]).strip(" .:")
        if lines
        else ""
    )
    text = re.sub(r" (?:from|based on)$", "", text)
    return text if 0 < len(text) <= 100 and "http" not in text else f"Network of the family {family}"


def _reference(function: Callable[..., Any]) -> str:
    """The paper that the function's documentation names, or the only one that its module names."""
    own = _PAPER.findall(inspect.getdoc(function) or "")
    module = set(_PAPER.findall(sys.modules[function.__module__].__doc__ or ""))
    if own:
        return f"arXiv:{own[0]}"
    return f"arXiv:{module.pop()}" if len(module) == 1 else ""


def add_conformance(library: str, facts: Mapping[str, Facts]) -> None:
    """Adds what the compatibility matrix found."""
    tried = {each["architecture"]: each for each in json.loads(MATRIX.read_text())} if MATRIX.exists() else {}
    for name, fact in facts.items():
        found = tried.get(f"{library}/{name}", {"status": "skipped"})
        said = {"passed": "passed", "failed": f"failed: {found.get('reason', '')}"}
        fact["conformance"] = said.get(found["status"], "")


def path_of(library: str) -> Path:
    """The facts that a bridge ships."""
    return ROOT / "plugins" / f"zoo-{library}" / "src" / f"zoo_{library}" / "facts.json"


def write(library: str, facts: Mapping[str, Facts]) -> None:
    """Writes the facts that a bridge ships, one network a line."""
    version = importlib.import_module(library).__version__.partition("+")[0]
    rows = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(facts[name], ensure_ascii=False)}" for name in sorted(facts)
    )
    text = f'{{"library": "{library} {version}", "architectures": {{\n{rows}\n}}}}\n'
    aside = path_of(library).with_suffix(".part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path_of(library))


def shipped(library: str) -> dict[str, Facts]:
    """The facts that a bridge ships."""
    facts: dict[str, Facts] = json.loads(path_of(library).read_text(encoding="utf-8"))["architectures"]
    return facts


def further(library: str) -> dict[Path, Any]:
    """The other files of facts that a bridge ships, each with what it holds."""
    paths = [path_of(library).with_name(name) for name in FURTHER]
    return {path: json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()}


def add_further_conformance(library: str, documents: Mapping[Path, Any]) -> None:
    """Adds what the matrix found to the facts of those files."""
    for document in documents.values():
        add_conformance(library, document.get("architectures", document))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these networks; all of them if none")
    parser.add_argument(
        "--conformance", action="store_true", help="measure nothing: add what the matrix found"
    )
    parser.add_argument("--after", default="", metavar="NAME", help="begin behind this network, to go on")
    chosen = parser.parse_args()
    facts = shipped(chosen.library)
    if not chosen.conformance:
        measure_one = {"timm": of_timm, "torchvision": of_torchvision}[chosen.library]
        names = names_of(chosen.library)
        if unknown := set(chosen.names).difference(names):
            parser.error(f"{chosen.library} has no {', '.join(sorted(unknown))}")
        for place, name in enumerate(names, 1):
            if chosen.after and names.index(chosen.after) >= place - 1:
                continue
            if chosen.names and name not in chosen.names:
                continue
            facts[name] = measure_one(name)
            print(f"{place}/{len(names)} {name}: {facts[name]}", file=sys.stderr, flush=True)
            if place % WRITTEN_EVERY == 0:
                write(chosen.library, facts)
        facts = {name: facts[name] for name in names}
    add_conformance(chosen.library, facts)
    write(chosen.library, facts)
    others = further(chosen.library)
    add_further_conformance(chosen.library, others)
    for path, document in others.items():
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
