"""Clips from files to answers: which way a square moves, which no single frame tells."""

import json

import numpy as np
import pytest
from PIL import Image

import zoo
from tests.clips import WAYS, moving, save_animation, save_folder, save_video
from tests.integration import test_without_torch
from zoo import api, runtime
from zoo.cli.program import program
from zoo.errors import DataError
from zoo.training.trained import load_network

bare = test_without_torch.bare
KEYS = {
    "model": {"name": "convnet3d", "width": 8},
    "epochs": 10,
    "batch_size": 8,
    "optimizer": {"name": "adamw", "lr": 0.01},
    "device": "cpu",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Sixteen clips a way, of differing lengths and sizes: animations and folders of frames."""
    folder, random = tmp_path_factory.mktemp("moves"), np.random.default_rng(0)
    for way in WAYS:
        for number in range(16):
            height, width = (int(each) for each in random.integers(18, 24, 2))
            clip = moving(way, random, num_frames=6 + number % 4, height=height, width=width)
            if number % 2:
                save_folder(folder / way / str(number), clip)
            else:
                save_animation(folder / way / f"{number}.gif", clip)
    return folder


def train(source, run, **keys):
    data = {"name": str(source), "frames": 6, "size": 20}
    return api.train(**{"data": data, "run": run, **KEYS, **keys})


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    run = tmp_path_factory.mktemp("clips") / "run"
    train(data, run)
    return zoo.export(run).path


@pytest.mark.slow
def test_which_way_a_square_moves_is_learned_and_the_export_proven(model):
    certificate = runtime.load(model).certificate
    assert certificate.metrics["onnx"]["accuracy"] >= 0.9
    assert certificate.metrics["onnx"] == pytest.approx(certificate.metrics["torch"])
    (spec,) = certificate.signature.inputs
    assert (spec.kind, spec.dtype, spec.shape) == ("video", "uint8", (None, None, None, 1))
    assert {1, 2, 7} < set(certificate.batch_sizes)


@pytest.mark.slow
def test_clips_are_answered_and_the_model_verified_where_there_is_no_torch(bare, model, tmp_path):
    random = np.random.default_rng(7)
    inputs, expected = [], []
    for way in WAYS:
        clip = moving(way, random, num_frames=18)[::3] if way == "up" else moving(way, random, num_frames=6)
        inputs += [save_animation(tmp_path / f"{way}.gif", clip), save_folder(tmp_path / way, clip)]
        np.save(tmp_path / f"{way}.npy", clip)
        inputs.append(tmp_path / f"{way}.npy")
        expected.append((way, clip))
    assert bare("verify", model).returncode == 0
    said = bare("predict", model, *inputs, "--json")
    assert said.returncode == 0, said.stderr
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    assert [row["input"] for row in rows] == [str(each) for each in inputs]
    predictor = runtime.load(model)
    for place, (_, clip) in enumerate(expected):
        of_clip = rows[3 * place : 3 * place + 3]
        assert len({row["label"] for row in of_clip}) == 1
        assert of_clip[0]["label"] == predictor.predict(clip)["label"][0]


@pytest.mark.slow
def test_a_video_file_is_answered_as_its_frames_are(bare, model, tmp_path):
    path = save_video(tmp_path / "clip.mp4", moving("left", np.random.default_rng(3), height=32, width=32))
    said = bare("predict", model, path, "--json")
    assert said.returncode == 0, said.stderr
    predictor = runtime.load(model)
    answer = predictor.predict(path)
    assert json.loads(said.stdout)["label"] == answer["label"][0]


@pytest.mark.slow
def test_clips_of_any_length_and_size_are_answered_together(model):
    random = np.random.default_rng(1)
    clips = [moving("left", random, num_frames=n, height=18 + n, width=30) for n in (1, 2, 6, 7, 40)]
    predictor = runtime.load(model)
    together = predictor.predict(clips)["probabilities"]
    alone = np.concatenate([predictor.predict(clip)["probabilities"] for clip in clips])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.slow
def test_what_is_no_clip_is_refused_in_words(model, tmp_path, capsys):
    predictor = runtime.load(model)
    with pytest.raises(
        DataError, match=r"expected uint8 \[batch, any, any, any, 1\], found uint8 \[4, 4, 3\]"
    ):
        predictor.predict(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(DataError, match="as clip 1"):
        predictor.predict([np.zeros((2, 4, 4, 1), np.uint8), np.zeros((2, 4, 4, 3), np.uint8)])
    Image.new("L", (8, 8)).save(tmp_path / "still.png")
    assert program(["predict", str(model), str(tmp_path / "still.png")]) == 3
    assert "still.png: is a still picture, and a clip has several frames" in capsys.readouterr().err
    (tmp_path / "none").mkdir()
    assert program(["predict", str(model), str(tmp_path / "none")]) == 3
    assert "none: holds no clips" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_on_clips_resumes_bit_for_bit(data, tmp_path):
    train(data, tmp_path / "whole", epochs=3, schedule="constant")
    train(data, tmp_path / "halves", epochs=1, schedule="constant")
    zoo.resume(tmp_path / "halves", epochs=3)
    whole, halves = (weights_of(tmp_path / name) for name in ("whole", "halves"))
    assert whole == halves


def weights_of(run):
    newest = max((run / "checkpoints").glob("step-*"))
    return (newest / "model.safetensors").read_bytes(), (newest / "optimizer.safetensors").read_bytes()


@pytest.mark.slow
def test_clips_of_an_array_are_learned_at_the_default_number_of_frames(tmp_path):
    random = np.random.default_rng(0)
    ways = [way for way in ("left", "right") for _ in range(20)]
    x = np.stack([moving(way, random, num_frames=5, height=12, width=12) for way in ways])
    np.savez(tmp_path / "clips.npz", x=x, y=np.array(ways))
    train(tmp_path / "clips.npz", tmp_path / "run", data=str(tmp_path / "clips.npz"), epochs=1)
    (spec,) = load_network(tmp_path / "run").preprocessing.encoded.inputs
    assert spec.shape == (1, 16, 12, 12)
    assert zoo.export(tmp_path / "run").certificate.signature.inputs[0].kind == "video"


def test_frames_are_for_clips_alone(tmp_path, capsys):
    assert program(["train", "mlp", "--data", "iris", "data.frames=8", "--run", str(tmp_path / "run")]) == 2
    assert "data.frames is for clips, and there is no use for it here" in capsys.readouterr().err


def test_a_network_of_pictures_is_told_what_takes_clips(data, tmp_path, capsys):
    assert program(["train", "convnet", "--data", str(data), "--run", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "the data gives video 'video', which can become video; the network accepts image" in said


def test_networks_for_clips_are_listed(capsys):
    assert program(["list", "architectures", "--accepts", "video"]) == 0
    assert "convnet3d" in capsys.readouterr().out
