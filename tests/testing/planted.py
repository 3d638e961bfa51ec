"""One bad entry for each check of each kind: it fails that check, and no other."""

from zoo.plugin import (
    Architecture,
    Dataset,
    Initializer,
    Loss,
    Metric,
    Model,
    Objective,
    Optimizer,
    Schedule,
)
from zoo.registry import Plugin, Registry

NETWORKS, PARTS = "tests.testing.bad_networks", "tests.testing.bad_parts"


def network(attribute, **fields):
    given = {"accepts": ("vector",), "predicts": ("classes",), "recipe": {"optimizer.lr": 0.01}, **fields}
    return Architecture(name="planted", factory=f"{NETWORKS}:{attribute}", summary="", **given)


def loss(attribute, **fields):
    given = {"fits": ("values",), "expects": "real", **fields}
    return Loss(name="planted", factory=f"{PARTS}:{attribute}", summary="", **given)


def metric(attribute, **fields):
    given = {"fits": ("values",), "higher_is_better": False, **fields}
    return Metric(name="planted", factory=f"{PARTS}:{attribute}", summary="", **given)


def part(kind, attribute, **fields):
    return kind(name="planted", factory=f"{PARTS}:{attribute}", summary="", **fields)


def objective(attribute):
    return part(Objective, attribute, fits=("classes",))


HEALTHY = {
    "architecture": network("Sound"),
    "loss": loss("squared"),
    "optimizer": part(Optimizer, "Plain"),
    "metric": metric("error"),
}

PLANTED = [
    ("exemptions-are-known", network("Sound", exempt={"no-such-check": "because"})),
    ("registers-without-torch", network("Sound")),
    ("options-are-typed", network("Untyped")),
    ("builds-from-every-signature", network("Sound", predicts=("classes", "binary"))),
    ("follows-the-seed", network("Unseeded")),
    ("gradients-reach-every-parameter", network("Idle")),
    ("a-single-example-agrees", network("Centred")),
    ("padding-does-not-matter", network("Padded", accepts=("tokens",))),
    ("state-round-trips", network("Forgetful")),
    ("survives-half-precision", network("Particular")),
    ("overfits-one-batch", network("Timid")),
    ("compiles", network("Shifty")),
    ("exports", network("Exotic")),
    ("exemptions-are-known", loss("squared", exempt={"compiles": "because"})),
    ("registers-without-torch", loss("squared")),
    ("options-are-typed", loss("untyped_squared")),
    ("declares-what-it-expects", loss("squared", expects="logits")),
    ("is-unreduced", loss("reduced")),
    ("is-not-negative", loss("lowered")),
    ("gradient-agrees-with-differences", loss("misled")),
    ("order-does-not-matter", loss("ranked")),
    ("an-example-stands-alone", loss("social")),
    ("descends-a-quadratic", part(Optimizer, "Vectors")),
    ("descends-rosenbrock", part(Optimizer, "Large")),
    ("state-round-trips", part(Optimizer, "Amnesiac")),
    ("takes-parameter-groups", part(Optimizer, "Stubborn")),
    ("leaves-others-alone", part(Optimizer, "Greedy")),
    ("evaluates-a-closure", part(Optimizer, "Silent")),
    ("foreach-agrees", part(Optimizer, "Hasty")),
    ("is-pure", part(Schedule, "counting")),
    ("gives-finite-factors", part(Schedule, "dividing")),
    ("gives-a-verified-file", part(Model, "unexported")),
    ("fills-every-number", part(Initializer, "shy")),
    ("follows-the-seed", part(Initializer, "unseeded")),
    ("fits-known-targets", metric("error", judges="nothing")),
    ("tells-better-from-worse", metric("error", higher_is_better=True)),
    ("batches-add-up", metric("Latest")),
    ("is-whole", part(Dataset, "overfull")),
    ("is-the-same-each-time", part(Dataset, "restless")),
    ("can-be-encoded", part(Dataset, "hollow")),
    ("turns-are-unreduced", objective("endless")),
    ("turns-move-their-player", objective("detached")),
    ("judges-alike", objective("noisy")),
]
"""The name of a check, and an entry that fails it."""


def register(entry, check=""):
    """The entry and a registry of it and of all that is installed."""
    module = "tests.testing.heavy_registration" if check == "registers-without-torch" else "local"
    plugin = Plugin("zoo-planted", "1", module, (entry,))
    registry = Registry(plugins=[*Registry.discover().plugins, plugin])
    return registry.get(entry.kind, f"zoo-planted/{entry.name}"), registry
