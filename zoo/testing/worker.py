"""The process that checks run in: ``python -m zoo.testing.worker``, told on its input, answering on its output.

It writes JSON, a line a message. What a plugin prints goes to stderr: nothing but messages is on stdout.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from zoo.registry import Registry

Message = dict[str, Any]


def find(distribution: str) -> Iterator[Message]:
    """What the registration of a distribution comes to: its cause if it is broken, else its entries."""
    registry = Registry.discover()
    for plugin in registry.plugins:
        if plugin.distribution == distribution:
            yield {"cause": plugin.cause}
            for entry in plugin.entries:
                yield {"kind": entry.kind, "name": entry.name}


def examine(kind: str, name: str, finished: list[str]) -> Iterator[Message]:
    """The names of an entry's checks, then the beginning and the row of each that is not finished yet."""
    from zoo.testing.running import run, suite_of

    registry = Registry.discover()
    registered = registry.get(kind, name)
    suite = suite_of(kind)
    yield {"checks": suite.names}
    subject = suite.subject(registered, registry)
    for each in suite.checks:
        if each.name not in finished:
            yield {"begun": each.name}
            yield {"row": run(each, subject).to_json()}


def _messages(order: Message) -> Iterator[Message]:
    if "distribution" in order:
        return find(order["distribution"])
    return examine(order["kind"], order["name"], order["finished"])


def _answer(output: TextIO) -> None:
    for message in _messages(json.load(sys.stdin)):
        output.write(json.dumps(message) + "\n")
        output.flush()
    output.write(json.dumps({"is_complete": True}) + "\n")


def _main() -> None:
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _answer(output)
    output.flush()
    # Threads that a plugin left behind must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    _main()
