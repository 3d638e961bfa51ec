"""Every entry but the bridges' architectures through the conformance kit, and every planted fault through all checks of its kind.

    python -m benchmarks.conformance [DIST ...]

Entries are checked by `zoo check`, each in a process of its own, the bridges' optimizers all in this one; their
architectures are what `benchmarks.compatibility` tries. Each planted fault (`tests/testing/planted.py`)
has to fail its check and no other. The result is `benchmarks/results/conformance.json`; with names of
distributions only these are checked, and nothing is written.
"""

import json
import subprocess
import sys
import time

from benchmarks.bridges import BRIDGES
from benchmarks.machine import about, keep
from tests.testing.planted import PLANTED, register
from zoo.registry import Registry
from zoo.testing import check
from zoo.testing.supervision import distributions


def checked(distribution):
    """What `zoo check` finds of a distribution."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "zoo", "check", distribution, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    report = json.loads(done.stdout)
    rows = report["rows"]
    return {
        "entries": len({(row["kind"], row["entry"]) for row in rows}),
        "entries_passed": len({(row["kind"], row["entry"]) for row in rows})
        - len({(row["kind"], row["entry"]) for row in rows if row["outcome"] == "failed"}),
        **{key: report[key] for key in ("num_checks", "passed", "failed", "skipped", "missing")},
        "exit": done.returncode,
        "seconds": round(time.perf_counter() - begun),
        "exempt": {
            f"{row['entry']} {row['check']}": row["reason"].removeprefix("exempt: ")
            for row in rows
            if row["reason"].startswith("exempt: ")
        },
        "failures": [row for row in rows if row["outcome"] == "failed"],
    }


def bridged_optimizers():
    """Every optimizer of the bridges that can be used, with the checks that it fails."""
    registry = Registry.discover({"ZOO_PLUGINS": ",".join(sorted(BRIDGES))})
    found = {}
    for each in registry.kind("optimizer"):
        if each.plugin.distribution in BRIDGES and not each.entry.unsupported:
            rows = check(each, registry).rows
            found[each.qualified_name] = [row.check for row in rows if row.outcome == "failed"]
    return found


def planted(name, entry):
    """The checks that a planted fault fails."""
    report = check(*register(entry, name))
    return {
        "kind": entry.kind,
        "check": name,
        "failed": [row.check for row in report.rows if row.outcome == "failed"],
    }


def main(names):
    found = {}
    for distribution in names or [each for each in distributions() if each not in BRIDGES]:
        found[distribution] = checked(distribution)
        print(
            distribution,
            {key: found[distribution][key] for key in ("entries", "passed", "failed", "skipped")},
            flush=True,
        )
    if names:
        return
    optimizers = bridged_optimizers()
    num_passed = sum(not failed for failed in optimizers.values())
    print(f"{num_passed} of {len(optimizers)} optimizers of bridges", flush=True)
    faults = []
    for name, entry in PLANTED:
        faults.append(planted(name, entry))
        print(faults[-1], flush=True)
    caught = sum(fault["failed"] == [fault["check"]] for fault in faults)
    document = {
        "machine": about("onnxruntime"),
        "entries": sum(each["entries"] for each in found.values()),
        "entries_passed": sum(each["entries_passed"] for each in found.values()),
        "bridged_optimizers": len(optimizers),
        "bridged_optimizers_passed": num_passed,
        "bridged_optimizers_failed": {name: failed for name, failed in optimizers.items() if failed},
        "planted": len(faults),
        "planted_caught_by_exactly_their_check": caught,
        "distributions": found,
        "faults": faults,
    }
    keep("conformance", document)
    print(
        f"{document['entries_passed']} of {document['entries']} entries, {caught} of {len(faults)} planted faults"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
