import sys

import numpy as np
import pytest
from PIL import Image

from tests.clips import moving, save_animation, save_folder, save_video
from zoo.contracts.targets import Binary, Classes
from zoo.contracts.tensors import TensorSpec
from zoo.data import sources
from zoo.data.examples import concatenate, digests, fingerprint, take
from zoo.data.readers import arrays, clips, recognise
from zoo.errors import DataError


@pytest.fixture
def saved(tmp_path):
    """Saves a clip that moves under each name: an animation, a video or, without a suffix, a folder of frames."""
    random = np.random.default_rng(0)

    def save(*names, channels=1):
        for name in names:
            frames = moving("up", random, num_frames=5, height=16, width=16, channels=channels)
            suffix = (tmp_path / name).suffix
            {"": save_folder, ".mp4": save_video}.get(suffix, save_animation)(tmp_path / name, frames)
        return tmp_path

    return save


def test_class_folders_of_animations_and_of_folders_of_frames_are_labels(saved):
    path = saved("up/1.gif", "up/2", "down/deep/3.webp", "left/4.png")
    assert recognise(path).name == "clips"
    splits = clips.read(path)
    assert splits.signature.inputs == (TensorSpec("video", "video", "uint8", (None, None, None, 1)),)
    assert splits.signature.target == Classes(("down", "left", "up"))
    assert splits.train.ids == ["down/deep/3.webp", "left/4.png", "up/1.gif", "up/2"]
    assert splits.train.target.tolist() == ["down", "left", "up", "up"]
    assert splits.train.inputs["video"][3].shape == (5, 16, 16, 1)


def test_clips_are_grey_when_the_first_frames_are_and_colour_may_be_asked_for(saved):
    path = saved("a/1.gif", "b/2")
    assert clips.read(path).signature.target == Binary(("a", "b"))
    assert clips.read(path, channels=3).signature.inputs[0].shape == (None, None, None, 3)
    saved("b/3", channels=3)
    assert clips.read(path).signature.inputs[0].shape == (None, None, None, 3)


def test_videos_are_clips_whatever_else_there_is(saved):
    path = saved("train/a/1.mp4", "train/b/2.mp4", "test/b/3.mp4")
    assert recognise(path).name == "clips"
    splits = clips.read(path)
    assert splits.train.ids == ["train/a/1.mp4", "train/b/2.mp4"]
    assert splits.test.ids == ["test/b/3.mp4"]
    assert splits.train.inputs["video"][0].shape[1:3] == (16, 16)


def test_folders_of_pictures_without_consecutive_numbers_stay_pictures(tmp_path):
    for name in ("dog/poodle/rex.png", "dog/poodle/lassie.png", "cat/tabby/7.png", "cat/tabby/31.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    assert recognise(tmp_path).name == "pictures"
    assert clips.refuses(tmp_path).startswith("what is in its folders does not move")


def test_still_pictures_with_an_animation_among_them_stay_pictures(saved, tmp_path):
    path = saved("a/1.gif")
    for name in ("a/2.gif", "b/3.gif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / name)
    assert recognise(path).name == "pictures"


def test_it_says_why_it_cannot_read(tmp_path):
    assert clips.refuses(tmp_path / "a.gif") == "not a folder"
    assert clips.refuses(tmp_path) == "holds no folder with clips in it"


def test_a_class_folder_without_clips_is_named(saved):
    path = saved("a/1.gif", "b/2.gif")
    (path / "c").mkdir()
    with pytest.raises(DataError, match="class folders without clips: c"):
        clips.read(path)


def test_a_clip_beside_the_class_folders_is_named(saved):
    path = saved("a/1.gif", "b/2.gif", "stray.gif")
    with pytest.raises(DataError, match=r"1 files are in no class folder, for example stray\.gif"):
        clips.read(path)


def test_videos_without_a_decoder_are_refused_with_what_to_install(saved, monkeypatch):
    path = saved("a/1.mp4", "b/2.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(
        DataError, match=r"1\.mp4: is a video file, and nothing is installed that decodes it"
    ) as caught:
        clips.read(path)
    assert "pip install 'zoo-core[video]'" in caught.value.fix


def test_all_that_is_wrong_with_clips_is_said_together(saved, registry):
    path = saved("a/1.gif", "a/2", "b/3", "b/4.gif")
    Image.new("L", (9, 9)).save(path / "a" / "2" / "0003.png")
    Image.new("L", (16, 16)).save(path / "b" / "5.png")
    (path / "b" / "6.gif").write_bytes(b"GIF89a")
    (path / "b" / "7").mkdir()
    examples = clips.read(path).train
    with pytest.raises(DataError) as caught:
        examples.inputs["video"].check()
    said = caught.value.message.splitlines()
    assert said[0] == "4 of 7 clips cannot be read:"
    assert "2: frame 2 is 9 x 9 pixels high and wide, the frames before it are 16 x 16" in said[1]
    assert "5.png: is a still picture, and a clip has several frames" in said[2]
    assert "6.gif: " in said[3]
    assert said[4].endswith("7: holds no frames")


def test_a_folder_is_read_like_the_training_data(saved):
    path = saved("train/a/1.gif", "train/b/2.gif", "new/b/3.gif")
    signature = clips.read(path / "train", channels=3).signature
    examples = clips.read_like(path / "new", signature, {})
    assert examples.target.tolist() == ["b"]
    assert examples.inputs["video"][0].shape == (5, 16, 16, 3)
    pictures = type(signature)((TensorSpec("image", "image", "uint8", (None, None, 3)),), signature.target)
    with pytest.raises(DataError, match="holds clips, but the model takes image"):
        clips.read_like(path / "new", pictures, {})


def test_examples_are_taken_joined_and_told_apart_by_their_content(saved, registry):
    path = saved("a/1.gif", "a/2", "b/3")
    save_folder(path / "b" / "4", clips.read(path).train.inputs["video"][1])
    splits = clips.read(path)
    examples = splits.train
    assert take(examples, [2, 0]).inputs["video"].paths == (path / "b/3", path / "a/1.gif")
    assert len(concatenate([examples, examples]).inputs["video"]) == 8
    found = digests(examples)
    assert found[1] == found[3]
    assert len(set(found)) == 3
    before = fingerprint(splits)
    assert fingerprint(clips.read(path)) == before
    Image.new("L", (16, 16), 7).save(path / "a" / "2" / "0001.png")
    assert fingerprint(clips.read(path)) != before


@pytest.mark.parametrize("channels", [1, 3])
def test_an_npz_file_of_five_axes_holds_clips(tmp_path, channels, registry):
    x = np.random.default_rng(0).integers(0, 256, (20, 5, 8, 9, channels), np.uint8)
    np.savez(tmp_path / "clips.npz", x=x, y=np.array(["a", "b"] * 10))
    splits = arrays.read(tmp_path / "clips.npz")
    assert splits.signature.inputs == (TensorSpec("video", "video", "uint8", (None, None, None, channels)),)
    assert np.array_equal(splits.train.inputs["video"], x)
    assert len(sources.load(str(tmp_path / "clips.npz"), {}, seed=0, registry=registry).splits.test) == 4
