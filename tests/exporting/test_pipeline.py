import json

import numpy as np
import onnx
import onnxruntime
import pytest

import zoo.runtime
from zoo.errors import EnvironmentFault, UsageError, VerificationError
from zoo.exporting import pipeline
from zoo.exporting.form import local_paths
from zoo.files import Disk
from zoo.runtime.golden import golden_path
from zoo.runtime.verify import verify


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def figures(target):
    """Metrics by the name that they are reported under: that of labels has one a label."""
    for name in target.default_metrics:
        yield from (
            (f"{name}[{label}]" for label in target.labels)
            if name == "f1" and target.kind == "labels"
            else [name]
        )


@pytest.mark.parametrize("target", ["CLASSES", "BINARY", "LABELS", "VALUES"])
@pytest.mark.parametrize("family", ["image", "table"])
def test_every_kind_of_input_and_target_is_exported_and_verified(export, networks, run, family, target):
    trained = getattr(networks, family)(getattr(networks, target))
    exported = export(trained)
    assert exported.path == run.model_path
    assert verify(exported.path).num_examples == 16
    certificate = exported.certificate
    assert certificate == zoo.runtime.load(exported.path).certificate
    assert certificate.num_examples == 40
    assert certificate.batch_sizes == (1, 2, 7, 40)
    assert set(certificate.metrics["torch"]) == set(figures(certificate.signature.target))
    assert certificate.metrics["onnx"] == pytest.approx(certificate.metrics["torch"], rel=1e-6)
    for name, error in certificate.max_abs_error.items():
        assert error <= max(certificate.tolerance[name])


def test_the_file_answers_raw_pictures_as_pytorch_does(export, networks):
    import torch

    trained = networks.image(ragged=False)
    predictor = zoo.runtime.load(export(trained).path)
    pictures = trained.splits.test.inputs["image"]
    fitted = trained.network.preprocessing.fitted
    mean, std = (np.array(fitted[name]) for name in ("mean", "std"))
    encoded = ((pictures / 255 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)
    with torch.no_grad():
        scores = trained.network.module(torch.from_numpy(encoded)).numpy()
    answers = predictor.predict(pictures)
    np.testing.assert_allclose(answers["probabilities"], softmax(scores), atol=1e-6)
    labels = trained.network.preprocessing.raw.target.labels
    assert answers["label"].tolist() == [labels[index] for index in scores.argmax(axis=1)]


def test_ids_and_missing_values_are_answered_by_the_file(export, networks, tmp_path):
    predictor = zoo.runtime.load(export(networks.table()).path)
    (tmp_path / "rows.csv").write_text("age,island,mass\nNA,Biscoe,4000\n41.5,Atlantis,3900\n")
    from_file = predictor.predict(tmp_path / "rows.csv")["values"]
    from_columns = predictor.predict(
        {"age": [None, 41.5], "island": ["Biscoe", "Atlantis"], "mass": [4000, 3900]}
    )["values"]
    np.testing.assert_array_equal(from_file, from_columns)
    assert np.isfinite(from_file).all()


def test_one_picture_is_answered_alike_alone_and_among_others(export, networks):
    trained = networks.image()
    predictor = zoo.runtime.load(export(trained).path)
    pictures = trained.splits.test.inputs["image"]
    together = predictor.predict(pictures)["probabilities"]
    alone = np.concatenate([predictor.predict(picture)["probabilities"] for picture in pictures])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_the_file_names_no_local_path(export, networks, run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    exported = export(networks.image())
    content = exported.path.read_bytes()
    assert str(tmp_path).encode() not in content
    assert exported.certificate.recipe["data"]["name"] == "photos"
    assert local_paths(onnx.load_from_string(content), (tmp_path, run.path)) == []


def test_a_local_path_in_the_bytes_is_refused(export, networks, run, tmp_path):
    def sign(model):
        model.graph.doc_string = f"traced from {tmp_path}/run/network.py"
        return model

    with pytest.raises(VerificationError, match="its bytes name the local folder"):
        export(networks.image(), mutate=sign)


def test_weights_in_another_file_are_refused(export, networks):
    def externalise(model):
        tensor = model.graph.initializer[0]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights.bin")
        return model

    with pytest.raises(VerificationError, match="is stored in another file"):
        export(networks.image(), mutate=externalise)


def test_a_newer_opset_is_refused(export, networks):
    def modernise(model):
        model.opset_import[0].version = 23
        return model

    with pytest.raises(VerificationError, match="needs opset 23"):
        export(networks.image(), mutate=modernise)


def test_the_file_is_an_ordinary_onnx_file(export, networks):
    content = export(networks.table()).path.read_bytes()
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 8
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert {i.name: i.type for i in session.get_inputs()} == {
        "age": "tensor(double)",
        "mass": "tensor(double)",
        "island": "tensor(string)",
    }
    assert all(value.shape[0] == "batch" for value in (*session.get_inputs(), *session.get_outputs()))
    certificate = json.loads(session.get_modelmeta().custom_metadata_map["zoo.certificate"])
    assert certificate["metrics"]["torch"].keys() == {"rmse", "mae", "r2"}


def test_the_same_run_gives_the_same_bytes(export, networks, tmp_path):
    first = export(networks.table(), tmp_path / "first.onnx")
    second = export(networks.table(), tmp_path / "second.onnx")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert golden_path(first.path).read_bytes() == golden_path(second.path).read_bytes()


def test_an_older_model_is_replaced_with_its_golden_examples(export, networks, run):
    export(networks.image())
    export(networks.image(networks.BINARY))
    assert zoo.runtime.load(run.model_path).signature.target == networks.BINARY
    assert verify(run.model_path).num_examples == 16
    assert sorted(path.name for path in run.path.iterdir()) == ["model.golden.npz", "model.onnx"]


def test_what_a_killed_export_left_behind_is_cleared(export, networks, run):
    aside = run.path / ".model.onnx.exporting"
    aside.mkdir()
    (aside / "model.onnx").write_bytes(b"half")
    export(networks.image())
    assert not aside.exists()


@pytest.mark.parametrize("name", ["model.pt", "model", "folder.onnx"])
def test_a_name_that_is_no_model_file_is_refused_before_anything_is_computed(run, tmp_path, name):
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(UsageError, match="is not the name of a model file"):
        pipeline.export(run, tmp_path / name, registry=None)


def test_a_missing_folder_is_named(run, tmp_path):
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere for cat\.onnx"):
        pipeline.export(run, tmp_path / "nowhere" / "cat.onnx", registry=None)


@pytest.mark.parametrize("operation", ["make_folder", "write", "rename"])
def test_a_disk_that_fails_leaves_nothing_half_written(export, networks, run, monkeypatch, operation):
    def fail(self, path, *rest):
        raise EnvironmentFault(f"{path} cannot be written: No space left on device")

    monkeypatch.setattr(Disk, operation, fail)
    with pytest.raises(EnvironmentFault, match="No space left"):
        export(networks.image())
    assert list(run.path.iterdir()) == []


def test_a_recipe_keeps_names_and_loses_folders():
    recipe = {"data": {"name": "../data/houses.csv", "names": ["a"]}, "model": {"weights": "/home/me/w.bin"}}
    assert pipeline._portable(recipe) == {
        "data": {"name": "houses.csv", "names": ["a"]},
        "model": {"weights": "w.bin"},
    }
