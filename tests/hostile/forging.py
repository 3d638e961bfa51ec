"""Changes files of runs and models as somebody would who can compute digests: nothing is merely damaged."""

import hashlib
import json
import shutil

import onnx

from zoo.runtime.golden import golden_path
from zoo.runtime.seal import CERTIFICATE, seal


def checkpoint(folder, **contents):
    """Replaces files of a checkpoint, by name, and brings its manifest up to date."""
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    for name, content in contents.items():
        name = name.replace("_", ".")
        (folder / name).write_bytes(content)
        manifest["files"][name] = {"sha256": digest(content), "size": len(content)}
    (folder / "MANIFEST.json").write_text(json.dumps(manifest))


def preprocessing(run, content):
    """Replaces a run's preprocessing, and its digest in the environment."""
    (run / "preprocessing.onnx").write_bytes(content)
    path = run / "environment.json"
    document = json.loads(path.read_text())
    document["preprocessing"]["sha256"] = digest(content)
    path.write_text(json.dumps(document))


def model(path, change=None, certificate=None, golden=None):
    """Changes a sealed model's graph or certificate or the examples beside it, and seals it again."""
    message = onnx.load_model(path, load_external_data=False)
    document = next(json.loads(each.value) for each in message.metadata_props if each.key == CERTIFICATE)
    if change:
        change(message)
    if golden is not None:
        golden_path(path).write_bytes(golden)
        document["golden_sha256"] = digest(golden)
    if certificate:
        document = certificate(document) or document
    del message.metadata_props[:]
    message.metadata_props.add(key=CERTIFICATE, value=json.dumps(document))
    path.write_bytes(seal(message.SerializeToString()))


def copied(run, other):
    """A copy of a run without its model."""
    shutil.copytree(run, other, ignore=shutil.ignore_patterns("*.onnx.golden", "report.html"))


def digest(content):
    return hashlib.sha256(content).hexdigest()
