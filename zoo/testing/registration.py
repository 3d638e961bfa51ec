"""Checks that every kind has: exemptions, registration, options."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from zoo.options import schema_of
from zoo.testing.checks import Check, Inapplicable, Subject, Suite, Unmet, expect

MAX_REGISTRATION_S = 1.0
_PATIENCE_S = 60
_LOCAL = "local"
_PROBE = """
import importlib, json, sys, time
import zoo.plugin
begun = time.process_time()
module = importlib.import_module(sys.argv[1])
module.zoo_register()
print(json.dumps({"seconds": time.process_time() - begun, "imports_torch": "torch" in sys.modules}))
"""


def registers_without_torch(subject: Subject) -> None:
    """Registration imports no torch and takes less than a second of processor time.

    It is tried in a process of its own; every `zoo list` waits for it.
    """
    module = subject.registered.plugin.module
    if module == _LOCAL:
        raise Inapplicable("it was given to a registry by hand, not registered by a distribution")
    seen = _registration(module)
    expect(not seen["imports_torch"], "registration without torch", "torch is imported")
    expect(
        seen["seconds"] <= MAX_REGISTRATION_S,
        f"registration within {MAX_REGISTRATION_S:g} s of processor time",
        f"{seen['seconds']:.1f} s",
    )


def options_are_typed(subject: Subject) -> None:
    """Every option has a type and a default, so that it can be shown, checked and left out."""
    schema = schema_of(subject.factory)
    untyped = [option.name for option in schema.options if option.type == "any"]
    expect(not untyped, "a type for every option", f"none for {', '.join(untyped)}")
    needed = [option.name for option in schema.options if option.is_required]
    expect(not needed, "a default for every option", f"none for {', '.join(needed)}")


@cache
def _registration(module: str) -> dict[str, Any]:
    """What registering does to a fresh interpreter.

    Raises:
        Unmet: It fails, or does not end.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-P", "-c", _PROBE, module]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, env=environment, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise Unmet(
            f"registration within {MAX_REGISTRATION_S:g} s", f"nothing after {_PATIENCE_S} s"
        ) from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise Unmet("registration", lines[-1] if lines else f"the process ended with {done.returncode}")
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def suite(*functions: Callable[[Any], None], subject: Callable[..., Subject] = Subject) -> Suite:
    """The checks that every kind has, and those of one kind.

    Args:
        *functions: The checks of the kind, the cheap ones first.
        subject: Makes what they are given.
    """
    own = tuple(map(Check, (registers_without_torch, options_are_typed, *functions)))

    def exemptions_are_known(subject: Subject) -> None:
        """Every exemption is from a check that there is."""
        known = [check.name for check in own]
        unknown = [name for name in subject.entry.exempt if name not in known]
        expect(not unknown, f"exemptions from {', '.join(known)}", ", ".join(unknown))

    return Suite((Check(exemptions_are_known), *own), subject)
