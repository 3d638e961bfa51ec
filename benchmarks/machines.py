"""One training on two machines: ``python -m benchmarks.machines``; needs Linux, root and iproute2.

Two network namespaces, joined by a pair of virtual interfaces, stand for the machines: each has addresses of
its own, and what one says to the other crosses the pair. ``torchrun`` runs in both, with one process each and
one run folder, as on a shared disk. The run must end in the bytes of two processes on one machine; and so
again when the process of the second machine is killed after a checkpoint and ``torchrun`` starts both again.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine, ranks
from benchmarks.faults.workload import outcome
from zoo.runs import Run

WORDS = ["train", "mlp", "--data", "digits", "epochs=20", "batch_size=64", "checkpoint.every=5"]
WORDS += ["model.hidden=[64]", "model.dropout=0.1", "device=cpu"]
ADDRESSES = ("10.77.0.1", "10.77.0.2")
PORT = 29400
LIMIT_S = 300.0
COLUMNS = {
    "row": "two machines",
    "tried": "tried",
    "equal": "ended in the bytes of one machine",
    "seconds": "seconds, median",
    "crossed_kib": "KiB received across the link, median",
}


def ip(*words: str, may_fail: bool = False) -> None:
    """One command of iproute2."""
    subprocess.run(["ip", *words], check=not may_fail, capture_output=may_fail, timeout=30)


@contextmanager
def joined() -> Iterator[tuple[str, str]]:
    """Two namespaces with one link; removed at the end, whatever happens."""
    names = (f"zoo-a-{os.getpid()}", f"zoo-b-{os.getpid()}")
    links = ("zoo-link-a", "zoo-link-b")
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", links[0], "netns", names[0], "type", "veth", "peer", links[1], "netns", names[1])
        for name, link, address in zip(names, links, ADDRESSES, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", link)
            for each in ("lo", link):
                ip("-n", name, "link", "set", each, "up")
        yield names
    finally:
        for name in names:
            ip("netns", "delete", name, may_fail=True)


def begin(number: int, name: str, run: Path) -> subprocess.Popen[Any]:
    """``torchrun`` on one of the machines; the first one is where they meet."""
    command = ["ip", "netns", "exec", name, sys.executable, "-m", "torch.distributed.run"]
    command += ["--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "2"]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{ADDRESSES[0]}:{PORT}"]
    # Both have the host's name, which leads to neither.
    command += ["--rdzv-conf", f"is_host={number == 0}", "--local-addr", ADDRESSES[number]]
    command += ["-m", "--", "zoo", *WORDS, "--run", str(run)]
    told = {**os.environ, "GLOO_SOCKET_IFNAME": "zoo-link-" + "ab"[number], "OMP_NUM_THREADS": "1"}
    with (run.parent / f"{run.name}-{number}.txt").open("w") as said:
        return subprocess.Popen(command, env=told, stdout=said, stderr=said)


def received(name: str) -> int:
    """Bytes that came across the link so far."""
    path = "/sys/class/net/zoo-link-b/statistics/rx_bytes"
    command = ["ip", "netns", "exec", name, "cat", path]
    return int(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)


def train(names: tuple[str, str], run: Path, *, kills: bool) -> dict[str, Any]:
    """One training on both machines."""
    started_at, before = time.monotonic(), received(names[1])
    with ExitStack() as stack:
        launchers = [begin(number, name, run) for number, name in enumerate(names)]
        for launcher in launchers:
            stack.callback(ranks.end, launcher)
        if kills:
            kill(launchers[1], run)
        for launcher in launchers:
            with suppress(subprocess.TimeoutExpired):
                launcher.wait(LIMIT_S)
        codes = [launcher.poll() for launcher in launchers]
    said = "".join((run.parent / f"{run.name}-{number}.txt").read_text() for number in (0, 1))
    if any(codes):
        print(said, file=sys.stderr)
    return {
        "codes": codes,
        "seconds": time.monotonic() - started_at,
        "crossed": received(names[1]) - before,
    }


def kill(launcher: subprocess.Popen[Any], run: Path) -> None:
    """Kills the process that a launcher started, once there is a checkpoint."""
    deadline = time.monotonic() + LIMIT_S
    while not any(Run(run).checkpoints_path.glob("step-*")):
        if launcher.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"there is no checkpoint in {run}")
        time.sleep(0.01)
    # Either of the machines may have got the first rank.
    pid = next(pid for rank in (0, 1) if (pid := ranks.find(launcher.pid, rank)) is not None)
    os.kill(pid, signal.SIGKILL)


def measure(folder: Path, trials: int) -> list[dict[str, Any]]:
    """Undisturbed and killed, each against two processes on one machine."""
    one = folder / "one-machine"
    ended = ranks.together(2, ranks.zoo, *WORDS, "--run", str(one))
    if not ended.is_well:
        raise SystemExit(f"two processes on one machine failed: {ended.said}")
    rows = []
    with joined() as names:
        for row, kills in (("undisturbed", False), ("the second one's process killed", True)):
            done = []
            for trial in range(trials):
                run = folder / f"{'killed' if kills else 'whole'}-{trial}"
                done.append(train(names, run, kills=kills))
                is_well = not any(done[-1]["codes"])
                done[-1]["equal"] = is_well and outcome(run) == outcome(one)
                print(row, done[-1], file=sys.stderr)
            middle = sorted(done, key=lambda each: each["seconds"])[len(done) // 2]
            rows.append(
                {
                    "row": row,
                    "tried": len(done),
                    "equal": sum(each["equal"] for each in done),
                    "seconds": round(middle["seconds"], 1),
                    "crossed_kib": round(middle["crossed"] / 1024),
                }
            )
    return rows


def main() -> int:
    """Measures, prints the rows, keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="keep no figures")
    given = parser.parse_args()
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        print("two network namespaces need Linux, root and the ip command of iproute2", file=sys.stderr)
        return 2
    with TemporaryDirectory() as folder:
        rows = measure(Path(folder), given.trials)
    for row in rows:
        print(row)
    if not given.dry:
        note = f"torchrun on each, one process, gloo; {' '.join(WORDS[:4])}, 400 steps."
        machine.keep("machines", {**machine.about(), "note": note, "columns": COLUMNS, "rows": rows})
    return 0 if all(row["equal"] == row["tried"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
