"""Runs command lines one after another and says, a JSON line each, what became of them."""

import contextlib
import io
import json
import resource
import sys
import time

from zoo.cli.program import program


def main() -> None:
    """Each is given as a list of words."""
    for words in json.loads(sys.argv[1]):
        out, err = io.StringIO(), io.StringIO()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started_at = time.monotonic()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = program(words)
        said = {
            "words": words,
            "code": code,
            "err": err.getvalue(),
            "out": out.getvalue(),
            "took_s": time.monotonic() - started_at,
            "grown_bytes": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024,
        }
        print(json.dumps(said), flush=True)


main()
