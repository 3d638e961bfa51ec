"""Files that would run code if anything unpickled them: each makes a canary file."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np

CANARY = "canary"


class _Calls:
    """Pickles as a call of a function by its name."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def objects():
    """Objects that make the canary when they are unpickled."""
    import os
    import pathlib
    import subprocess

    code = f"open({CANARY!r}, 'w').close()"
    return {
        "system": _Calls(os.system, f"touch {CANARY}"),
        "exec": _Calls(exec, code),
        "eval": _Calls(eval, code),
        "popen": _Calls(subprocess.check_call, ["touch", CANARY]),
        "path": _Calls(pathlib.Path.touch, Path(CANARY)),
    }


def contents():
    """Bytes by name of their form: bare pickles of several protocols, as arrays, as PyTorch saves them."""
    found = {}
    for name, thing in objects().items():
        for protocol in (0, 2, 4):
            found[f"{name}-{protocol}"] = pickle.dumps(thing, protocol=protocol)
    thing = objects()["system"]
    found["npy"] = _npy(thing)
    found["npz"] = npz({"x": _npy(thing), "y": _npy(thing), "input_0": _npy(thing)})
    found["torch"] = _torch(pickle.dumps(thing, protocol=2))
    return found


def npz(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def _npy(thing):
    buffer = io.BytesIO()
    np.save(buffer, np.array([thing, thing], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def _torch(content):
    """The zip file that ``torch.save`` writes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    return buffer.getvalue()
