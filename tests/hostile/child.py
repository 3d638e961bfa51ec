"""Runs command lines one after another and says, a JSON line each, what became of them."""

import contextlib
import importlib
import io
import json
import resource
import sys
import time

from zoo.cli.program import program

_HEAVY = {"train", "resume", "evaluate", "export"}


def main() -> None:
    """Each is given as a list of words; seconds are those of the processor, imports left aside."""
    commands = json.load(sys.stdin)
    importlib.import_module("zoo.runtime.inputs")
    if any(words[0] in _HEAVY for words in commands):
        importlib.import_module("zoo.exporting.pipeline")
    for words in commands:
        out, err = io.StringIO(), io.StringIO()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started_at = time.process_time()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = program(words)
        said = {
            "words": words,
            "code": code,
            "err": err.getvalue(),
            "out": out.getvalue(),
            "took_s": time.process_time() - started_at,
            "grown_bytes": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024,
        }
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


main()
