"""Which cells there are: what is installed, on data that it takes, in few enough runs to be waited for.

A cell is one value of each factor. Every pair of values of two factors meets in some cell; that takes as
many cells as there are architectures times optimizers. Three values at a time are met where they matter:
every optimizer x schedule x option, and every architecture x schedule x option.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, cycle, product
from pathlib import Path
from typing import Any

from benchmarks.families import FAMILIES
from zoo import preprocessing
from zoo.errors import ZooError
from zoo.registry import Registry
from zoo.training import planning, setup

# Options of networks that would be slow at their usual size; those of others are taken as they come.
SMALL: Mapping[str, Mapping[str, Any]] = {
    "mlp": {"hidden": [8], "normalisation": "batch"},
    "convnet": {"width": 4},
    "convnet3d": {"width": 4},
    "detector": {"width": 16, "depth": 1},
    "rnn": {"hidden": 6, "embedding": 4, "layers": 2},
    "lstm": {"hidden": 6, "embedding": 4, "word_dropout": 0.1},
    "gru": {"hidden": 6, "embedding": 4},
    "gan": {"hidden": [8]},
    "conditional-gan": {"hidden": [8]},
    "dcgan": {"width": 4},
    "conditional-dcgan": {"width": 4},
    "unet": {"width": 4, "levels": 2},
    "vae": {"width": 4, "hidden": [8]},
}
# Saving is most of what a network of eleven million numbers does: two steps, and a checkpoint after each.
SHORT: Mapping[str, Mapping[str, Any]] = {
    "resnet": {"batch_size": 32, "epochs": 1, "checkpoint": {"every": 1}}
}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "ema": {"off": None, "on": 0.9},
    "accumulate": {"off": None, "on": 2},
    "clip_norm": {"off": None, "on": 0.5},
    "precision": {"float32": None, "bf16": "bf16", "fp16": "fp16"},
}
PLAIN = {name: next(iter(values)) for name, values in OPTIONS.items()}
SINGLE = [PLAIN] + [{**PLAIN, name: value} for name, values in OPTIONS.items() for value in list(values)[1:]]
Values = dict[str, str]
# Any network will do where optimizers are what is looked at.
QUICK = "mlp"

# Compiling takes long: one network of each kind that is compiled differently.
COMPILED: Sequence[tuple[str, Values]] = [
    ("iris", {"architecture": "mlp", "optimizer": "adamw", "ema": "on"}),
    ("iris", {"architecture": "mlp", "optimizer": "sgd", "accumulate": "on", "clip_norm": "on"}),
    ("faces", {"architecture": "convnet", "optimizer": "adam", "precision": "bf16"}),
    ("sequence", {"architecture": "lstm", "optimizer": "adamw"}),
    ("faces", {"architecture": "gan", "optimizer": "adam", "ema": "on"}),
]
# What families are trained on; faces are for those that tell them apart, too, and iris is nothing but numbers.
DATA: Mapping[str, Mapping[str, Any]] = {
    "clips": {"name": "clips.npz", "frames": 3},
    "iris": {"name": "iris"},
    "faces": {"name": "faces", "size": 8},
    **{name: family.data for name, family in FAMILIES.items() if family.data["name"] != "faces"},
}


@dataclass(frozen=True)
class Cell:
    """One recipe, how it is stopped, and when.

    Attributes:
        values: Of each factor: architecture, optimizer, schedule and each of ``OPTIONS``.
        data: Name of the family whose data it is trained on.
        place: Its number, by which the step of the stop and the kind of stop rotate.
        keys: Further recipe keys.
        device: Where it is trained: on a GPU it must be told to be deterministic.
    """

    values: Values
    data: str
    place: int
    keys: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    @property
    def crashes(self) -> bool:
        """Whether it is stopped by a crash, which saves nothing, in place of a signal."""
        return self.place % 3 == 2

    def recipe(self, folder: Path) -> dict[str, Any]:
        """What the user would say."""
        chosen = {name: values[self.values[name]] for name, values in OPTIONS.items()}
        return {
            "model": {"name": self.values["architecture"], **SMALL.get(self.values["architecture"], {})},
            "data": located(self.data, folder),
            "optimizer": self.values["optimizer"],
            "schedule": self.values["schedule"],
            "epochs": 2,
            "batch_size": 16,
            "device": self.device,
            "deterministic": self.device != "cpu",
            "checkpoint": {"every": 2},
            **SHORT.get(self.values["architecture"], {}),
            **{name: value for name, value in chosen.items() if value is not None},
            **self.keys,
        }

    def __str__(self) -> str:
        return " ".join([*self.values.values(), self.data, *(f"{key}={self.keys[key]}" for key in self.keys)])


def located(data: str, folder: Path) -> dict[str, Any]:
    """The data of a family, where its files are in the folder."""
    words = dict(DATA[data])
    path = folder / words["name"]
    return {**words, "name": str(path) if path.exists() else words["name"]}


def networks(folder: Path, registry: Registry) -> dict[str, list[str]]:
    """By architecture, the data that Zoo gives it: what it neither accepts nor predicts is refused."""
    found: dict[str, list[str]] = {}
    for architecture in registry.names("architecture"):
        fitting = [data for data in DATA if _takes(architecture, located(data, folder), registry)]
        if not fitting:
            raise LookupError(f"no data of benchmarks.families is for {architecture}: add some")
        found[architecture] = fitting
    return found


def _takes(architecture: str, data: Mapping[str, Any], registry: Registry) -> bool:
    model = {"name": architecture, **SMALL.get(architecture, {})}
    try:
        planned = planning.plan({"model": model, "data": data, "device": "cpu"}, registry)
        accepts = setup.find_architecture(planned.recipe, registry).accepts
        fitted = preprocessing.fit(
            planned.splits.signature, planned.splits.train, accepts, planning.wishes(planned, registry)
        )
        setup.build_networks(planned.recipe, fitted.encoded, registry)
    except ZooError:
        return False
    return True


def covering(factors: Mapping[str, Sequence[str]]) -> Iterator[Values]:
    """Every value of the first factor with every one of the second; all other pairs met on the way.

    The other factors' values are chosen greedily: those by which most pairs are met for the first time,
    and among equals those that were chosen least.
    """
    (first, second), others = list(factors)[:2], list(factors)[2:]
    missing = {
        ((one, left), (other, right))
        for one, other in combinations(factors, 2)
        for left, right in product(factors[one], factors[other])
    }
    chosen: Counter[tuple[str, str]] = Counter()
    for values in product(factors[first], factors[second]):
        cell = dict(zip((first, second), values, strict=True))
        for name in others:
            ranked = [
                (-len(missing & {(pair, (name, value)) for pair in cell.items()}), chosen[name, value], place)
                for place, value in enumerate(factors[name])
            ]
            cell[name] = factors[name][min(ranked)[-1]]
            chosen[name, cell[name]] += 1
        missing -= set(combinations(cell.items(), 2))
        yield cell
    while missing:  # the few that greed has left over
        left, right = min(missing)
        cell = {**cell, left[0]: left[1], right[0]: right[1]}
        missing -= set(combinations(cell.items(), 2))
        yield cell


def cells(folder: Path, registry: Registry, *, is_quick: bool = False) -> list[Cell]:
    """The whole matrix, or its pairs and what is compiled."""
    fitting = networks(folder, registry)
    factors: dict[str, Sequence[str]] = {
        "architecture": list(fitting),
        "optimizer": registry.names("optimizer"),
        "schedule": registry.names("schedule"),
        **{name: list(values) for name, values in OPTIONS.items()},
    }
    values = list(covering(factors))
    if not is_quick:
        values += _threes(factors, "optimizer", {"architecture": QUICK})
        values += _threes(factors, "architecture", {"optimizer": "adamw"})
    found = _numbered(_without_repeats(values), fitting)
    return found + [
        Cell({**PLAIN, "schedule": "cosine", **chosen}, data, len(found) + number, {"compile": True})
        for number, (data, chosen) in enumerate(COMPILED)
    ]


def slice_of(folder: Path, registry: Registry) -> list[Cell]:
    """Each architecture, each of their data, each optimizer and schedule, and each option at least once."""
    fitting = networks(folder, registry)
    schedules = registry.names("schedule")
    # An architecture that is met once must not be met by an optimizer that it cannot be trained with.
    particular = [name for name in registry.names("optimizer") if _is_particular(name, registry)]
    optimizers = [name for name in registry.names("optimizer") if name not in particular]
    pairs = [(architecture, data) for architecture, several in fitting.items() for data in several]
    num_cells = max(len(pairs), len(optimizers), len(schedules))
    found = [
        Cell(
            {
                "architecture": architecture,
                "optimizer": optimizers[place % len(optimizers)],
                "schedule": schedules[place % len(schedules)],
                **{
                    name: list(values)[place // turn % len(values)]
                    for turn, (name, values) in enumerate(OPTIONS.items(), 1)
                },
            },
            data,
            place,
        )
        for place, (architecture, data) in zip(range(num_cells), cycle(pairs), strict=False)
    ]
    plain = {"architecture": QUICK, "schedule": schedules[0], **PLAIN}
    return found + [
        Cell({**plain, "optimizer": name}, fitting[QUICK][0], num_cells + number)
        for number, name in enumerate(particular)
    ]


def _is_particular(optimizer: str, registry: Registry) -> bool:
    """Whether it is for small networks on whole splits, or for sparse gradients alone."""
    entry: Any = registry.get("optimizer", optimizer).entry
    return entry.needs_closure or "sparse" in optimizer


def _threes(factors: Mapping[str, Sequence[str]], name: str, fixed: Values) -> Iterator[Values]:
    """One factor's values x every schedule x each single option."""
    for value, schedule, options in product(factors[name], factors["schedule"], SINGLE):
        yield {"architecture": "", "optimizer": "", **fixed, name: value, "schedule": schedule, **options}


def _without_repeats(values: Iterable[Values]) -> list[Values]:
    return [dict(pairs) for pairs in dict.fromkeys(tuple(each.items()) for each in values)]


def _numbered(values: Iterable[Values], fitting: Mapping[str, Sequence[str]]) -> list[Cell]:
    """Cells of an architecture take its data in turn."""
    turns = {architecture: cycle(data) for architecture, data in fitting.items()}
    return [Cell(each, next(turns[each["architecture"]]), place) for place, each in enumerate(values)]
