"""Every reader of foreign bytes in Zoo, as a function of bytes."""

import contextlib
import gzip
import io
import json
import os
import struct
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.fuzzing.oracle import Target
from tests.hostile import forging
from tests.runtime.conftest import IMAGE, TABLE, certificate, image_model, table_model, write
from zoo import recipes, words
from zoo.cli.program import program
from zoo.cli.running import _metrics
from zoo.contracts.recipe import Choice
from zoo.contracts.targets import Classes
from zoo.data.readers import arrays, detections, idx, tables, texts
from zoo.errors import ZooError
from zoo.files import Disk, load_json
from zoo.preprocessing.pipeline import Preprocessing
from zoo.registry import Registry
from zoo.runs import Run
from zoo.runtime import golden, predictor
from zoo.runtime.images import decode_image
from zoo.runtime.inputs import read_npz
from zoo.runtime.inspection import inspect
from zoo.runtime.seal import CERTIFICATE, property_fragment, seal
from zoo.runtime.tables import columns, read_table
from zoo.training import checkpoints, planning, trees
from zoo.training.belonging import belonging
from zoo.training.state import position_of
from zoo.training.trained import read_recipe


@cache
def folder() -> Path:
    """Where the inputs of this process are written."""
    return Path(tempfile.mkdtemp(prefix="zoo-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


@cache
def registry() -> Registry:
    """What is installed."""
    return Registry.discover()


def put(name: str, data: bytes) -> Path:
    """The input as a file."""
    path = folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def recipe(data: bytes) -> None:
    """A recipe's file, completed."""
    tree = words.read_file(put("recipe.toml", data))
    facts = recipes.DataFacts(Classes(("a", "b")), num_train=100)
    complete = recipes.complete(tree, facts, Choice("data"), registry())
    assert words.parse(recipes.write(complete))


def typed(data: bytes) -> None:
    """Words of a command line."""
    tree = words.read_words(data.decode(errors="replace").split("\n"))
    words.merge({"optimizer": {"name": "adamw", "lr": 1.0}}, tree)


def status(data: bytes) -> None:
    """A run's recipe, environment and status."""
    run = Run(folder() / "run")
    for name in ("status.json", "environment.json", "recipe.toml"):
        put(f"run/{name}", data)
    with contextlib.suppress(ZooError):
        _metrics(run.status().get("metrics"))
    with contextlib.suppress(ZooError):
        read_recipe(run)
    planning.require_plugins(run, registry())


def document(data: bytes) -> None:
    """Strict JSON, compared with itself."""
    found = load_json(data, name="document")
    assert recipes.differences(found, load_json(data, name="document")) == {}


def checkpoint(data: bytes) -> None:
    """A file of a checkpoint, with a manifest that agrees: the first byte chooses which."""
    kept = _checkpoint()
    name = ("state.json", "model.safetensors", "optimizer.safetensors", "MANIFEST.json")[
        data[0] % 4 if data else 0
    ]
    for each, content in kept.items():
        put(f"checkpoints/step-00000007/{each}", content)
    place = folder() / "checkpoints" / "step-00000007"
    if name == "MANIFEST.json":
        put(f"checkpoints/step-00000007/{name}", data[1:])
    else:
        forging.checkpoint(place, **{name.replace(".", "_"): data[1:]})
    with belonging(place.parent):
        found, _ = checkpoints.load_newest(place.parent)
        assert found is not None
        position_of(found)
        trees.unflatten(found.state["recipe"], {})
        trees.unflatten(found.state["optimizers"]["model"], found.optimizer)


@cache
def _checkpoint() -> dict[str, bytes]:
    optimizer: dict[str, torch.Tensor] = {}
    network = torch.nn.Linear(2, 1)
    adam = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    adam.step()
    state = {
        "position": trees.flatten({"epoch": 1, "step": 7, "totals": {"model": 0.5}, "best_step": 7}, {}, "p"),
        "optimizers": {"model": trees.flatten(adam.state_dict(), optimizer, "model")},
        "recipe": trees.flatten({"epochs": 2, "model": {"name": "mlp", "hidden": [8]}}, {}, "recipe"),
    }
    model = {f"model/{name}": tensor for name, tensor in network.state_dict().items()}
    place = folder() / "good"
    Disk().make_folder(place)
    checkpoints.save(place, checkpoints.Checkpoint(7, model, optimizer, state), Disk())
    return {path.name: path.read_bytes() for path in (place / "step-00000007").iterdir()}


def table(data: bytes) -> None:
    """A CSV file: the reader of training and that of predictions give the same rows, or both refuse."""
    path = put("table.csv", data)
    try:
        read = read_table(path)
    except ZooError:
        read = None
    splits = tables.read(
        path, target=None if read is None else read.frame.columns[-1], drop_missing_target=False
    )
    assert read is not None
    again = columns(read, splits.signature.inputs)
    if splits.signature.inputs[0].kind != "text":  # equal texts are dropped in training
        for name, column in splits.train.inputs.items():
            np.testing.assert_array_equal(column, again[name])


def picture(data: bytes) -> None:
    """A picture."""
    path = put("picture.png", data)
    pixels = decode_image(path, 3)
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3


def archive(data: bytes) -> None:
    """An ``.npz`` file, as an input and as a data set."""
    path = put("arrays.npz", data)
    with contextlib.suppress(ZooError):
        read_npz(path)
    arrays.read(path)


def idx_files(data: bytes) -> None:
    """IDX files; those of labels are the same bytes."""
    put("idx/train-labels-idx1-ubyte", data)
    put("idx/train-images-idx3-ubyte", data)
    put("idx/packed.gz", data)
    with contextlib.suppress(ZooError):
        idx.read_idx(folder() / "idx" / "packed.gz")
    idx.read(folder() / "idx")


def voc(data: bytes) -> None:
    """An annotation of Pascal VOC."""
    _picture("voc/JPEGImages/1.jpg")
    put("voc/Annotations/1.xml", data)
    detections.read(folder() / "voc")


def coco(data: bytes) -> None:
    """Annotations in COCO JSON."""
    _picture("coco/1.jpg")
    detections.read(put("coco/instances.json", data))


def text(data: bytes) -> None:
    """Class files of texts."""
    put("texts/a.txt", b"one\ntwo\n")
    put("texts/b.txt", data)
    texts.read(folder() / "texts")


def examples(data: bytes) -> None:
    """Golden examples."""
    with contextlib.suppress(ValueError):  # `read` turns it into an ArtifactError
        golden.unpack(data, IMAGE)


def proof(data: bytes) -> None:
    """A certificate in a model that is sealed, and the answers for two pictures."""
    model = image_model().SerializeToString() + property_fragment(CERTIFICATE, data.decode(errors="replace"))
    opened = predictor.load(put("proof.onnx", seal(model)))
    opened.rows(opened.predict([np.zeros((2, 2, 3), np.uint8), np.ones((3, 1, 3), np.uint8)]))


def model(data: bytes) -> None:
    """A model that is sealed after its bytes were changed: refused, or it answers."""
    opened = predictor.load(put("model.onnx", seal(data)))
    opened.rows(opened.predict({"age": [1.0, 2.0], "island": ["Biscoe", ""]}))


def sealed(data: bytes) -> None:
    """A model whose bytes were changed: refused, unless they are the ones that were exported."""
    try:
        predictor.load(put("sealed.onnx", data))
    except ZooError:
        return
    assert data == _sealed()


def skeleton(data: bytes) -> None:
    """What the walker lets pass has no weights in other files, as protobuf itself sees it."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        inspect(data)
    except ValueError:
        return
    try:
        message = onnx.ModelProto.FromString(data)
    except DecodeError:
        return
    assert not message.functions
    for tensor in message.graph.initializer:
        assert not tensor.external_data
        assert tensor.data_location == onnx.TensorProto.DEFAULT


def fitted(data: bytes) -> None:
    """A preprocessing graph."""
    Preprocessing.from_bytes(data)


def command_line(data: bytes) -> None:
    """Words of a whole command line, separated by NUL, in an empty folder."""
    arguments = data.decode(errors="surrogateescape").split("\0")
    before = Path.cwd()
    place = folder() / "empty"
    place.mkdir(exist_ok=True)
    os.chdir(place)
    out = io.TextIOWrapper(io.BytesIO(), errors="surrogateescape")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = program(arguments)
    finally:
        os.chdir(before)
    out.seek(0)
    said = out.read()
    assert code in (0, 2, 3, 4, 5, 6, 7, 8), (code, said)
    assert "Traceback" not in said or "--debug" in arguments, said


def _picture(name: str) -> None:
    path = folder() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "red").save(path)


def _saved(form: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((9, 7), 60).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def _npz(**given: object) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **given)  # type: ignore[arg-type]
    return buffer.getvalue()


@cache
def _sealed() -> bytes:
    return write(folder() / "good.onnx", table_model(), TABLE).read_bytes()


def _model() -> bytes:
    document = json.dumps(certificate(TABLE, ("values",)).to_json())
    return table_model().SerializeToString() + property_fragment(CERTIFICATE, document)


_RECIPE = (
    b'model = "mlp"\nepochs = 3\nbatch_size = 16\nseed = 1\nmetrics = ["accuracy"]\n[optimizer]\nname = "adam"\nlr = 1e-3\n'
    b'[initialization]\nweights = "xavier-uniform"\n[early_stopping]\npatience = 2\n[schedule]\nname = "cosine"\n'
)
_VOC = (
    b"<annotation><filename>1.jpg</filename><size><width>8</width><height>8</height></size><object><name>cat</name>"
    b"<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object></annotation>"
)
_COCO = json.dumps(
    {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 8, "height": 8}],
        "categories": [{"id": 2, "name": "disc"}],
        "annotations": [{"image_id": 1, "category_id": 2, "bbox": [1, 1, 3, 4], "iscrowd": 0}],
    }
).encode()
_STATUS = (
    b'{"state": "finished", "step": 3, "metrics": {"test": {"accuracy": 0.5}}, "data": {"fingerprint": "0", "signature": {}},'
    b' "preprocessing": {"sha256": "0"}, "plugins": [{"distribution": "zoo-core", "version": "0.1.0"}]}'
)
_IDX = struct.pack(">4B3I", 0, 0, 8, 3, 2, 2, 2) + bytes(8)
_TABLE = b'length,colour,kind\n1.5,red,a\n2,"blue, dark",b\n,green,a\n-3e2,red,b\n7,blue,a\n'


def _argv() -> tuple[bytes, ...]:
    lines = (
        "list", "list losses --json", "show adam", "plugins --json", "runs", "predict m.onnx x.csv --json", "verify m.onnx",
        "train mlp --data x.csv epochs=1", "resume r epochs=2", "export r -o m.onnx", "evaluate r --data x.csv",
        "predict m.onnx --text a --prompt b --max-tokens 3 --samples 2", "completion bash", "--help", "--version",
    )  # fmt: skip
    return tuple(line.replace(" ", "\0").encode() for line in lines)


def build() -> dict[str, Target]:
    """The targets by name."""
    npz = _npz(x=np.zeros((4, 3), np.float32), y=np.array([0, 1, 0, 1]))
    pixels = {"input_0_0": np.zeros((2, 2, 3), np.uint8), "answer_label": np.array(["a"])}
    documents = tuple(
        json.dumps(certificate(IMAGE, ("label", "probabilities")).to_json(), indent=indent).encode()
        for indent in (None, 1)
    )
    parts = _checkpoint()
    files = ("state.json", "model.safetensors", "optimizer.safetensors", "MANIFEST.json")
    pictures = (
        _saved("PNG"), _saved("PNG", "LA"), _saved("JPEG"), _saved("GIF", "P"), _saved("BMP"), _saved("WEBP"),
        _saved("TIFF"), _saved("TIFF", "I;16"), _saved("PPM"), _saved("AVIF"),
    )  # fmt: skip
    found = (
        Target("recipe", recipe, (_RECIPE,), words=(b"none", b"name", b"[a.b]", b"model.hidden", b"0x", b"2020-01-01")),
        Target("words", typed, (b"epochs=3", b"a.b=[1,x,{c=d}]\noptimizer.lr=3e-4", b'"a.b"=none')),
        Target("status", status, (_STATUS, _RECIPE)),
        Target("json", document, (_STATUS, _COCO)),
        Target("checkpoint", checkpoint, tuple(bytes([place]) + parts[name] for place, name in enumerate(files)), words=(b'{"float": "inf"}', b'{"map": [[1, 2]]}', b'{"tensor": "x"}', b'{"tuple": []}')),
        Target("table", table, (_TABLE, _TABLE.replace(b",", b"\t"), _TABLE.decode().encode("utf-16"), b"text,label\na b c,x\nd e,y\n"), words=(b'"', b'""', b"\r\n", b";")),
        Target("picture", picture, pictures, guided=False),
        Target("archive", archive, (npz, _npz(x=np.zeros((2, 4, 4), np.uint8), y=np.array(["a", "b"])))),
        Target("idx", idx_files, (_IDX, gzip.compress(_IDX, mtime=0))),
        Target("voc", voc, (_VOC,), words=(b"<object>", b"</object>", b"<!DOCTYPE a>", b"&amp;", b"<a>" * 50)),
        Target("coco", coco, (_COCO,), words=(b"1e999", b'"id"', b'{"id": 1}')),
        Target("text", text, (b"three\nfour five\n", "\u0416\u0417\n".encode("utf-16"))),
        Target("golden", examples, (_npz(**pixels), golden.pack({"image": [pixels["input_0_0"]]}, {"label": np.array(["é"], object)}))),
        Target("certificate", proof, documents, words=(b'"kind": "boxes"', b'"labels": []', b'"binary"', b'"values"')),
        Target("model", model, (_model(),), guided=False),
        Target("sealed", sealed, (_sealed(),), guided=False),
        Target("skeleton", skeleton, (_model(), image_model().SerializeToString())),
        Target("preprocessing", fitted, (_model(),), guided=False),
        Target("argv", command_line, _argv(), guided=False, words=(b"\0--json", b"\0--data", b"\0-h", b"\0--", b"\0data.header=", b"\0model.")),
    )  # fmt: skip
    return {target.name: target for target in found}
