"""Zoo's loop, a bare one and the peers', in one run and taking turns: ``python -m benchmarks.loops``.

Every loop trains the same network on the same data with Adam at 1e-3, in a process of its own on one
thread. A round lets each train some hundred steps; a step lasts from one forward to the next, so all that a
loop does in between counts. A ratio is to the bare loop's step in the same round, and the median of the
rounds is what is shown. Peers are to be installed as ``benchmarks/peers.txt`` says.
"""

import argparse
from collections.abc import Sequence

from benchmarks import machine, page
from benchmarks.loops.rounds import LIMIT, Contender, compare
from benchmarks.loops.worker import LOOPS, OURS
from benchmarks.loops.works import COMPARED, WORKS

NEVER_FUSED = ("keras",)
PEERS = {
    "fabric": "lightning",
    "lightning": "lightning",
    "accelerate": "accelerate",
    "skorch": "skorch",
    "keras": "keras",
    "hugging-face": "transformers",
}
ROUNDS = 10


def contenders(work: str, loops: Sequence[str], device: str) -> list[Contender]:
    """The loops with PyTorch's default Adam and fused; where a step is long, with the faster one alone."""
    chosen = [Contender(LIMIT, True, device), Contender(OURS, False, device)]
    for loop in LOOPS:
        if loop in (LIMIT, OURS):
            continue
        if WORKS[work].is_short or loop in NEVER_FUSED:
            chosen.append(Contender(loop, False, device))
        if loop not in NEVER_FUSED:
            chosen.append(Contender(loop, True, device))
    return [each for each in chosen if each.loop in {LIMIT, *loops}]


def distributions(loops: Sequence[str]) -> list[str]:
    """What these loops are of, by the names they are installed under."""
    return list(dict.fromkeys(PEERS[peer] for peer in PEERS for loop in loops if loop.startswith(peer)))


def main() -> None:
    """Compares the loops on each work, prints tables, and keeps figures, page and plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--works", default=",".join(COMPARED), help="a,b,c,d")
    parser.add_argument("--loops", default=",".join([OURS, *LOOPS]), help="names, separated by commas")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--dry", action="store_true", help="keep no figures")
    given = parser.parse_args()
    loops = given.loops.split(",")
    parser.error(f"loops are {', '.join([OURS, *LOOPS])}") if not {*loops} <= {OURS, *LOOPS} else None
    document = {
        **machine.about(*distributions(loops), device=given.device),
        "rounds": given.rounds,
        "works": [],
    }
    for work in given.works.split(","):
        compared = compare(work, contenders(work, loops, given.device), given.rounds)
        document["works"].append(compared)
        print(f"\n{compared['title']}: {compared['statistic']}")
        print("loop                            us a step   ratio  [rounds]       calls  with epochs' ends")
        for row in compared["rows"]:
            print(
                f"{row['loop']:28} {row['step_us']:12.1f} {row['ratio']:7.2f}  "
                f"[{row['ratio_min']:.2f} {row['ratio_max']:.2f}] {row['calls']:10} {row['ratio_with_epochs_ends']:8.2f}"
            )
        if not given.dry:
            machine.keep("loops" if given.device == "cpu" else f"loops_{given.device}", document)
            page.write()


if __name__ == "__main__":
    main()
