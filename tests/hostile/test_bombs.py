"""Small files that ask for much: memory, time, depth, or a reader that waits for ever."""

import json
import os
import struct
import zipfile
import zlib

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.hostile import forging
from tests.runtime.conftest import VECTOR, write

HUGE = 2**43


def model(nodes, initializers=(), inputs=("vector",)):
    """A model that takes ``vector`` [batch, 4] and answers ``values`` [batch, 1]."""
    graph = helper.make_graph(
        nodes,
        "zoo",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in inputs],
        [helper.make_tensor_value_info("values", TensorProto.FLOAT, ["batch", 1])],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in initializers],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=8)


def summed(source="vector"):
    return helper.make_node("ReduceSum", [source, "axes"], ["values"], keepdims=1)


AXES = ("axes", np.array([1], np.int64))


def constant_of_shape():
    value = helper.make_tensor("value", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"], value=value),
        helper.make_node("ReduceSum", ["huge"], ["all"], keepdims=0),
        helper.make_node("Add", ["vector", "all"], ["more"]),
        summed("more"),
    ]
    return model(nodes, [("shape", np.array([HUGE], np.int64)), AXES])


def tile():
    nodes = [
        helper.make_node("Tile", ["vector", "repeats"], ["huge"]),
        helper.make_node("ReduceSum", ["huge", "axes"], ["values"], keepdims=1),
    ]
    return model(nodes, [("repeats", np.array([1, HUGE], np.int64)), AXES])


def expand():
    nodes = [
        helper.make_node("Expand", ["vector", "shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge", "outer"], ["rest"], keepdims=0),
        summed("rest"),
    ]
    return model(
        nodes, [("shape", np.array([HUGE, 1, 4], np.int64)), ("outer", np.array([0], np.int64)), AXES]
    )


def count_up():
    nodes = [
        helper.make_node("Range", ["first", "last", "step"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["all"], keepdims=0),
        helper.make_node("Add", ["vector", "all"], ["more"]),
        summed("more"),
    ]
    numbers = [("first", np.float32(0)), ("last", np.float32(HUGE)), ("step", np.float32(1))]
    return model(nodes, [*numbers, AXES])


def doubling():
    """Each of fifty additions doubles what is in memory."""
    nodes = [helper.make_node("Concat", ["vector", "vector"], ["x0"], axis=1)]
    nodes += [helper.make_node("Concat", [f"x{i}", f"x{i}"], [f"x{i + 1}"], axis=1) for i in range(50)]
    return model([*nodes, summed("x50")], [AXES])


def endless():
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["condition_in"], ["condition"]),
            helper.make_node("Add", ["x_in", "x_in"], ["x"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("condition_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x_in", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("condition", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, None),
        ],
    )
    nodes = [helper.make_node("Loop", ["times", "go"], ["looped"], body=body), summed("looped")]
    nodes[0].input.append("vector")
    return model(nodes, [("times", np.array(2**62, np.int64)), ("go", np.array(True)), AXES])


def many_nodes(number=200_000):
    nodes = [helper.make_node("Identity", ["vector"], ["x0"])]
    nodes += [helper.make_node("Identity", [f"x{i}"], [f"x{i + 1}"]) for i in range(number)]
    return model([*nodes, summed(f"x{number}")], [AXES])


def nested(depth=20):
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([helper.make_node("Identity", ["vector"], ["y"])], "deepest", [], outputs)
    for _ in range(depth):
        graph = helper.make_graph(
            [helper.make_node("If", ["go"], ["y"], then_branch=graph)], "g", [], outputs
        )
    nodes = [helper.make_node("If", ["go"], ["y"], then_branch=graph), summed("y")]
    return model(nodes, [("go", np.array(True)), AXES])


def functions():
    """Each of thirty functions calls the one before it twice."""
    message = model([helper.make_node("f30", ["vector"], ["y"], domain="own"), summed("y")], [AXES])
    imports = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]
    message.opset_import.append(imports[1])
    first = [helper.make_node("Identity", ["x"], ["y"])]
    message.functions.append(helper.make_function("own", "f0", ["x"], ["y"], first, imports))
    for i in range(30):
        twice = [
            helper.make_node(f"f{i}", ["x"], ["z"], domain="own"),
            helper.make_node(f"f{i}", ["z"], ["y"], domain="own"),
        ]
        message.functions.append(helper.make_function("own", f"f{i + 1}", ["x"], ["y"], twice, imports))
    return message


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (constant_of_shape, "the model asks for more memory than it may have"),
        (tile, "the model"),
        (expand, "the model asks for more memory than it may have"),
        (count_up, "the model"),
        (doubling, "the model asks for more memory than it may have"),
        (many_nodes, "it has more than 50,000 nodes"),
        (nested, "its graphs are nested deeper than 8 levels"),
        (functions, "it defines functions of its own"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_sealed_model_that_asks_for_the_machine_is_refused(refused, folder, monkeypatch, build, expected):
    monkeypatch.setenv("ZOO_MEMORY_GB", "0.5")
    write(folder / "bomb.onnx", build(), VECTOR)
    assert (folder / "bomb.onnx").stat().st_size < 20_000_000
    (folder / "x.npz").write_bytes(b"")
    np.savez(folder / "x.npz", x=np.ones((2, 4), np.float32))
    [said] = refused(["predict", "bomb.onnx", "x.npz"], codes=(4, 6), within_bytes=2**30)
    assert expected in said.err


def test_a_loop_that_does_not_end_is_ended(refused, folder, monkeypatch):
    write(folder / "endless.onnx", endless(), VECTOR)
    np.savez(folder / "x.npz", x=np.ones((2, 4), np.float32))
    (folder / "sitecustomize.py").write_text(
        "import zoo.runtime.sessions\nzoo.runtime.sessions.LONGEST_LOOP_S = 1.0\n"
    )
    [said] = refused(["predict", "endless.onnx", "x.npz"], codes=(6,))
    assert "the model's loops did not end within 1 s" in said.err


EXTERNAL = ("weights.bin", "../weights.bin", "/etc/passwd", "linked.bin", "hard.bin")


@pytest.mark.parametrize("form", ["initializer", "constant", "sparse", "within", "location"])
def test_weights_in_other_files_are_refused_wherever_they_hang(refused, folder, form):
    (folder / "weights.bin").write_bytes(b"\0" * 64)
    (folder / "linked.bin").symlink_to("/etc/passwd")
    os.link(folder / "weights.bin", folder / "hard.bin")
    np.savez(folder / "x.npz", x=np.ones((2, 4), np.float32))
    commands = []
    for number, place in enumerate(EXTERNAL):
        tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
        tensor.data_location = TensorProto.EXTERNAL
        if form != "location":
            tensor.external_data.add(key="location", value=place)
        write(folder / f"{number}.onnx", hung(tensor, form), VECTOR)
        commands.append(["predict", f"{number}.onnx", "x.npz"])
    for said in refused(*commands, codes=(4,)):
        assert "it keeps weights in other files" in said.err


def hung(tensor, form):
    """A model with the tensor at one of the places where one can hang."""
    add = helper.make_node("Add", ["vector", "w"], ["more"])
    if form in ("initializer", "location"):
        message = model([add, summed("more")], [AXES])
        message.graph.initializer.append(tensor)
    elif form == "sparse":
        message = model([add, summed("more")], [AXES])
        message.graph.sparse_initializer.add().values.CopyFrom(tensor)
    else:
        constant = helper.make_node("Constant", [], ["w"], value=tensor)
        if form == "constant":
            return model([constant, add, summed("more")], [AXES])
        outputs = [helper.make_tensor_value_info("more", TensorProto.FLOAT, None)]
        branch = helper.make_graph([constant, add], "branch", [], outputs)
        node = helper.make_node("If", ["go"], ["more"], then_branch=branch, else_branch=branch)
        message = model([node, summed("more")], [AXES, ("go", np.array(True))])
    return message


def bombs_npz(folder):
    """Archives that unfold without measure, or whose headers say more than is there."""
    header = b"\x93NUMPY\x01\x00"

    def npy(shape, data=b"", descr="<f8"):
        text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
        return header + struct.pack("<H", len(text)) + text + data

    with (
        zipfile.ZipFile(folder / "unfolds.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("x.npy", "w") as file,
    ):
        file.write(npy((2**26,)))
        for _ in range(512):
            file.write(bytes(2**20))
    for name, content in {
        "shape": npy((2**60,)),
        "overflow": npy((2**62, 4)),
        "empty": npy((2**62, 0)),
        "negative": npy((-1,)),
        "object": npy((1,), b"\x80\x04N.", "|O"),
        "header": header + struct.pack("<H", 65535) + b"(" * 65535,
        "deep": header + struct.pack("<H", 60000) + b"{" * 60000,
        "structure": npy((1,), b"12345678", [("a", "|O")]),
    }.items():
        with zipfile.ZipFile(folder / f"{name}.npz", "w") as archive:
            archive.writestr("x.npy", content)
            archive.writestr("y.npy", content)
    inner = (folder / "unfolds.npz").read_bytes()
    with zipfile.ZipFile(folder / "nested.npz", "w") as archive:
        archive.writestr("x.npz", inner)
    with zipfile.ZipFile(folder / "twice.npz", "w") as archive:
        archive.writestr("x.npy", npy((0,)))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.npy", npy((0,)))
    with zipfile.ZipFile(folder / "declared.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy((4,), bytes(32)))
    content = bytearray((folder / "declared.npz").read_bytes())
    place = content.rindex(b"PK\x01\x02")
    content[place + 24 : place + 28] = struct.pack("<I", 2**32 - 2)
    (folder / "declared.npz").write_bytes(content)
    return sorted(path.name for path in folder.glob("*.npz") if path.name != "x.npz")


def test_archives_that_unfold_or_lie_are_refused(refused, folder):
    write(folder / "model.onnx", model([summed()], [AXES]), VECTOR)
    names = bombs_npz(folder)
    assert len(names) == 12
    commands = [["predict", "model.onnx", name] for name in names]
    commands += [["train", "perceptron", "--data", name] for name in names]
    refused(*commands, codes=(3,), within_bytes=2**28)


def test_golden_examples_that_unfold_are_refused_although_their_digest_is_right(refused, folder):
    names = bombs_npz(folder)
    for name in names:
        path = write(folder / f"{name[:-4]}.onnx", model([summed()], [AXES]), VECTOR)
        forging.model(path, golden=(folder / name).read_bytes())
    refused(*(["verify", f"{name[:-4]}.onnx"] for name in names), codes=(4,), within_bytes=2**28)


def test_pictures_and_idx_files_that_unfold_are_refused(refused, folder):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(2**20)))
        + chunk(b"IEND", b"")
    )
    for label in ("a", "b"):
        (folder / "photos" / label).mkdir(parents=True)
        for place in range(8):
            (folder / "photos" / label / f"{place}.png").write_bytes(png + bytes([place]))
    (folder / "idx").mkdir()
    for name, head in (
        ("images-idx3", struct.pack(">4B3I", 0, 0, 8, 3, 2**20, 28, 28)),
        ("labels-idx1", struct.pack(">4BI", 0, 0, 8, 1, 2**20)),
    ):
        packed = zlib.compressobj(9, wbits=31)
        content = (
            packed.compress(head)
            + b"".join(packed.compress(bytes(2**20)) for _ in range(784))
            + packed.flush()
        )
        (folder / "idx" / f"train-{name}-ubyte.gz").write_bytes(content)
    said = refused(
        ["train", "perceptron", "--data", "photos"], ["train", "perceptron", "--data", "idx"], codes=(3,)
    )
    assert "too large to be decoded safely" in said[0].err
    assert "which is refused" in said[1].err


def test_nesting_and_digits_without_end_are_refused(refused, run, folder):
    deep, digits = 200_000, 100_000
    texts = {
        "arrays": "x = " + "[" * deep,
        "tables": "x = " + "{a=" * deep,
        "keys": "x" + ".x" * deep + " = 1",
        "header": "[" + "x." * deep + "x]",
        "digits": "epochs = " + "9" * digits,
        "hexadecimal": "epochs = 0x" + "f" * digits,
        "float": "epochs = 1e" + "9" * digits,
        "large": "# " + "x" * 2**21,
    }
    commands = []
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(f'model = "perceptron"\ndata = "good.csv"\n{text}\n')
        commands.append(["train", "--recipe", f"{name}.toml"])
    words = (
        "x=" + "[" * 60_000,
        "epochs=" + "9" * digits,
        "epochs=0x" + "f" * digits,
        "x" + ".x" * 50_000 + "=1",
    )
    commands += [["train", "perceptron", "--data", "good.csv", word] for word in words]
    refused(*commands, codes=(2,))
    documents = {
        "deep": "[" * deep,
        "tables": '{"a":' * deep,
        "digits": '{"data": ' + "9" * digits + "}",
        "nan": '{"data": NaN}',
        "twice": '{"data": 1, "data": 2}',
        "list": "[1, 2]",
        "number": "1",
    }
    for text in documents.values():
        (run / "environment.json").write_text(text)
        (run / "status.json").write_text(text)
        newest = max((run / "checkpoints").iterdir())
        forging.checkpoint(newest, state_json=text.encode())
        refused(["evaluate", "run"], ["resume", "run", "epochs=3"], codes=(4,))


def headers():
    """Headers of safetensors that lie about shapes, places and their own length."""

    def file(header, data=b"", length=None):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text) if length is None else length) + text + data

    one = {"dtype": "F32", "shape": [2**40, 0], "data_offsets": [0, 0]}
    return {
        "empty axis": file({"model/weight": one}),
        "huge": file({"model/weight": {**one, "shape": [2**40], "data_offsets": [0, 2**42]}}),
        "overflow": file({"model/weight": {**one, "shape": [2**62, 2**62]}}),
        "length": file(b"{}", length=2**62),
        "cap": file(b"{}" + b" " * (101 * 10**6)),
        "deep": file(b'{"a":' * 100_000),
        "many": file({f"model/{i}": one for i in range(200_000)}),
        "hole": file({"model/w": {**one, "shape": [1], "data_offsets": [4, 8]}}, bytes(8)),
        "overlap": file({n: {**one, "shape": [1], "data_offsets": [0, 4]} for n in "ab"}, bytes(4)),
        "type": file({"model/w": {**one, "dtype": "OBJECT"}}),
    }


def test_headers_of_safetensors_that_lie_are_refused(refused, run, folder):
    commands = []
    for number, content in enumerate(headers().values()):
        other = folder / str(number)
        forging.copied(run, other)
        forging.checkpoint(max((other / "checkpoints").iterdir()), model_safetensors=content)
        commands += [["evaluate", other], ["resume", other, "epochs=2"]]
    refused(*commands, codes=(4,))


def test_pipes_devices_and_circles_of_links_are_not_waited_for(refused, run, folder):
    os.mkfifo(folder / "pipe")
    for suffix in ("toml", "csv", "npz", "onnx", "png", "txt", "json"):
        (folder / f"pipe.{suffix}").symlink_to("pipe")
        (folder / f"zero.{suffix}").symlink_to("/dev/zero")
        (folder / f"circle.{suffix}").symlink_to(f"circle.{suffix}")
    commands = []
    for kind in ("pipe", "zero", "circle"):
        commands += [
            ["train", "--recipe", f"{kind}.toml"],
            ["predict", f"{kind}.onnx", "good.csv"],
            ["verify", f"{kind}.onnx"],
        ]
        for suffix in ("csv", "npz", "png", "txt", "json"):
            commands.append(["train", "perceptron", "--data", f"{kind}.{suffix}", "data.target=x"])
            commands.append(["predict", "run/model.onnx", f"{kind}.{suffix}"])
    newest = max((run / "checkpoints").iterdir())
    for number, name in enumerate(
        ("model.safetensors", "state.json", "MANIFEST.json", "recipe.toml", "environment.json")
    ):
        for kind in ("pipe", "zero", "circle"):
            other = folder / f"{kind}-{number}"
            forging.copied(run, other)
            path = other / name if (run / name).exists() else other / "checkpoints" / newest.name / name
            path.unlink()
            path.symlink_to(folder / f"{kind}.csv")
            commands.append(["evaluate", other])
    for label in ("a", "b"):
        (folder / "photos" / label).mkdir(parents=True)
        os.mkfifo(folder / "photos" / label / "x.png")
        os.mkfifo(folder / "photos" / label / "annotations.json")
    commands.append(["train", "perceptron", "--data", "photos"])
    commands.append(["predict", "run/model.onnx", "photos"])
    (folder / "idx").mkdir()
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        os.mkfifo(folder / "idx" / name)
    commands.append(["train", "perceptron", "--data", "idx"])
    refused(*commands)
