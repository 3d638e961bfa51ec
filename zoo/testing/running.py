"""Runs checks and judges exemptions: a reason that an entry gives for failing has to be needed."""

import importlib
import time
import traceback
import warnings
from collections.abc import Mapping
from types import MappingProxyType

from zoo.errors import UsageError, did_you_mean
from zoo.registry import Registered, Registry, describe
from zoo.testing.checks import Check, Inapplicable, Subject, Suite, Unmet
from zoo.testing.report import Outcome, Report, Row

_SUITES: Mapping[str, str] = MappingProxyType(
    {
        "architecture": "zoo.testing.architectures",
        "loss": "zoo.testing.losses",
        "optimizer": "zoo.testing.optimizers",
        "initializer": "zoo.testing.initializers",
        "schedule": "zoo.testing.schedules",
        "dataset": "zoo.testing.datasets",
        "metric": "zoo.testing.metrics",
        "objective": "zoo.testing.objectives",
        "model": "zoo.testing.models",
    }
)


def suite_of(kind: str) -> Suite:
    """The checks of a kind."""
    suite = importlib.import_module(_SUITES[kind]).SUITE
    assert isinstance(suite, Suite)
    return suite


def check(registered: Registered, registry: Registry) -> Report:
    """Runs every check of an entry's kind, here and now.

    What a plugin does in this process cannot be undone; ``zoo check`` runs the same in one of its own.
    """
    suite = suite_of(registered.entry.kind)
    subject = suite.subject(registered, registry)
    rows = tuple(run(each, subject) for each in suite.checks)
    return Report(rows, len(suite.checks))


def run(each: Check, subject: Subject) -> Row:
    """The row of one check; random state is the same for every check and left as it was."""
    begun = time.perf_counter()
    outcome, reason = _outcome(each, subject)
    entry = subject.entry
    if each.name in entry.exempt and entry.unsupported == "":
        outcome, reason = _exempted(outcome, reason, entry.exempt[each.name])
    seconds = round(time.perf_counter() - begun, 3)
    return Row(subject.registered.qualified_name, entry.kind, each.name, outcome, reason, seconds)


def find_check(suite: Suite, name: str) -> Check:
    """The check of that name.

    Raises:
        UsageError: There is none.
    """
    for each in suite.checks:
        if each.name == name:
            return each
    raise UsageError(f"there is no check {name!r}", fix=did_you_mean(name, suite.names))


def _outcome(each: Check, subject: Subject) -> tuple[Outcome, str]:
    import torch  # whoever only reads reports does without

    if subject.entry.unsupported:
        return "skipped", f"offered by name alone: {subject.entry.unsupported}"
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # What a plugin or its libraries warn of is not what is asked here.
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            each.function(subject)
    except Inapplicable as reason:
        return "skipped", str(reason)
    except Unmet as unmet:
        return "failed", str(unmet)
    except (Exception, SystemExit) as error:
        return "failed", f"{describe(error)}{_place(error)}"
    return "passed", ""


def _exempted(outcome: Outcome, seen: str, reason: str) -> tuple[Outcome, str]:
    """A check that may fail has to fail, and there has to be a reason."""
    if not reason.strip():
        return "failed", "the entry is exempt from this check without saying why"
    if outcome == "failed":
        return "skipped", f"exempt: {reason}"
    told = "passes" if outcome == "passed" else f"does not apply ({seen})"
    return "failed", f"the entry is exempt ({reason}), but the check {told}: the exemption is stale"


def _place(error: BaseException) -> str:
    """The innermost line of the plugin's own cause, where it is known."""
    innermost = error.__cause__ or error
    frames = traceback.extract_tb(innermost.__traceback__)
    return f" (at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
