"""Trains each network for clips of torchvision a step, exports it and compares: ``python -m benchmarks.video_networks [NAME...]``.

At the smallest clips that the network takes. Each network has a process of its own. Its scores in ONNX
Runtime at batch 1, 2 and 5 are compared with PyTorch's in eval mode; the error is relative to the largest
score. Without names all are tried and the result is written to ``results/video_networks.json``.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import torch

from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes
from zoo.contracts.tensors import TensorSpec
from zoo.exporting.network import export_network
from zoo.preprocessing.graphs import open_session
from zoo_torchvision import video, video_networks

RESULTS = Path(__file__).parent / "results" / "video_networks.json"
SMALLEST = {"s3d": (14, 224), "mvit_v1_b": (16, 224), "mvit_v2_s": (16, 224)}
BATCH_SIZES = (1, 2, 5)


def measure(name: str) -> dict[str, object]:
    num_frames, side = SMALLEST.get(name, (8, 32))
    target = Classes(("a", "b", "c", "d"))
    clip = TensorSpec("encoded_video", "video", "float32", (3, num_frames, side, side))
    signature = Signature((clip,), target, target.outputs)
    torch.manual_seed(0)
    network = getattr(video_networks, name)(signature)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    torch.nn.functional.cross_entropy(network(torch.randn(2, *clip.shape)), torch.tensor([0, 1])).backward()
    optimizer.step()
    network.eval()
    start = time.perf_counter()
    session = open_session(export_network(network, signature))
    export_s = time.perf_counter() - start
    errors, is_same = [], True
    for size in BATCH_SIZES:
        clips = torch.randn(size, *clip.shape)
        with torch.no_grad():
            expected = network(clips)
        (given,) = session.run(None, {clip.name: clips.numpy()})
        errors.append(float((torch.from_numpy(given) - expected).abs().max() / expected.abs().max()))
        is_same &= bool((given.argmax(1) == expected.argmax(1).numpy()).all())
    return {
        "architecture": f"torchvision/{name}",
        "status": "passed" if is_same and max(errors) <= 1e-3 else "failed",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "frames": num_frames,
        "size": side,
        "export_s": round(export_s, 1),
        "max_relative_error": max(errors),
    }


def main(names: list[str]) -> None:
    if len(names) == 1:
        print(json.dumps(measure(names[0])), flush=True)
        return
    found = []
    for name in names or [entry.name for entry in video.entries()]:
        run = subprocess.run([sys.executable, "-m", __spec__.name, name], capture_output=True, text=True)
        lines = (run.stdout or "").strip().splitlines()
        found.append(
            json.loads(lines[-1])
            if run.returncode == 0
            else {
                "architecture": f"torchvision/{name}",
                "status": "failed",
                "reason": (run.stderr.strip().splitlines() or [f"ended by {run.returncode}"])[-1],
            }
        )
        print(json.dumps(found[-1]), flush=True)
    if not names:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
