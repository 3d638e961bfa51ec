"""What figures were measured on, and where they are kept."""

import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def about(*distributions: str, device: str = "cpu") -> dict[str, Any]:
    """The processor, and the GPU if one was used, its cores, how busy it was, and versions."""
    model = next(
        (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")),
        platform.machine(),
    )
    if device == "cuda":
        model = f"{gpu()}; {model}"
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in ("torch", *distributions)},
    }


def gpu() -> str:
    """Its name; ends the program where there is none."""
    import torch

    if not torch.cuda.is_available():
        sys.exit("there is no GPU that PyTorch can use; --device cpu needs none")
    return torch.cuda.get_device_name()


def wait(device: str) -> None:
    """Until a device has done what it was told."""
    if device == "cuda":
        import torch

        torch.cuda.synchronize()


def _cpuinfo() -> Sequence[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def keep(name: str, document: dict[str, Any]) -> None:
    """Writes the figures of a benchmark."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")


def read(name: str) -> dict[str, Any] | None:
    """The figures of a benchmark, if it was run."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None
