import sys

import numpy as np
import pytest
from PIL import Image

from tests.clips import moving, pictures_of, save_animation, save_folder, save_video
from zoo.errors import DataError
from zoo.runtime import clips
from zoo.runtime.clips import ClipFiles, decode_clip, expand, find_clips


@pytest.fixture
def frames():
    return moving("left", np.random.default_rng(0), num_frames=12, height=18, width=23, channels=3)


@pytest.mark.parametrize("name", ["clip.webp", "clip.png", "clip.apng"])
def test_an_animation_without_loss_gives_its_very_frames(tmp_path, frames, name):
    options = {"lossless": True} if name.endswith("webp") else {"format": "PNG"}
    assert np.array_equal(decode_clip(save_animation(tmp_path / name, frames, **options), 3), frames)


def test_a_gif_gives_what_pillow_shows_of_each_frame(tmp_path, frames):
    path = save_animation(tmp_path / "clip.gif", frames)
    with Image.open(path) as opened:
        shown = []
        for number in range(opened.n_frames):
            opened.seek(number)
            shown.append(np.array(opened.convert("RGB")))
    assert np.array_equal(decode_clip(path, 3), shown)
    assert decode_clip(path, 3).shape == frames.shape


def test_a_folder_gives_its_pictures_in_the_order_of_their_numbers(tmp_path, frames):
    for number, picture in enumerate(pictures_of(frames)):
        picture.save(tmp_path / f"frame{number}.png")  # frame10 comes after frame9, not after frame1
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.png").touch()
    assert np.array_equal(decode_clip(tmp_path, 3), frames)


def test_an_array_is_a_clip(tmp_path, frames):
    np.save(tmp_path / "clip.npy", frames)
    assert np.array_equal(decode_clip(tmp_path / "clip.npy", 3), frames)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "clip.mkv", "clip.mov"])
def test_a_video_file_gives_its_frames_nearly(tmp_path, name):
    smooth = np.add.outer(np.arange(0, 100, 10), np.add.outer(np.arange(32), np.arange(48)))
    frames = np.repeat(smooth[..., np.newaxis], 3, axis=3).astype(np.uint8)
    decoded = decode_clip(save_video(tmp_path / name, frames), 3)
    assert decoded.shape == frames.shape
    assert np.abs(decoded.astype(int) - frames).mean() < 3


@pytest.mark.parametrize("kind", ["gif", "folder", "npy", "mp4"])
def test_only_the_frames_that_are_chosen_are_given(tmp_path, frames, kind):
    frames = frames[:, :16, :16]
    path = tmp_path / ("clip" if kind == "folder" else f"clip.{kind}")
    if kind == "npy":
        np.save(path, frames)
    else:
        {"gif": save_animation, "folder": save_folder, "mp4": save_video}[kind](path, frames)
    whole = decode_clip(path, 3)

    def choose(num_frames):
        assert num_frames == len(frames)
        return [2, 5, 11, 11]

    assert np.array_equal(decode_clip(path, 3, choose), whole[[2, 5, 11, 11]])


def test_frames_that_are_not_chosen_are_not_decoded(tmp_path, frames):
    save_folder(tmp_path / "clip", frames)
    (tmp_path / "clip" / "0002.png").write_bytes(b"no picture")
    assert len(decode_clip(tmp_path / "clip", 3, lambda num_frames: [0, 2, 4])) == 3
    with pytest.raises(DataError, match=r"0002\.png: is not an image"):
        decode_clip(tmp_path / "clip", 3)


def test_grey_is_what_pillow_makes_of_colour(tmp_path, frames):
    expected = [np.array(picture.convert("L"))[..., np.newaxis] for picture in pictures_of(frames)]
    save_folder(tmp_path / "clip", frames)
    assert np.array_equal(decode_clip(tmp_path / "clip", 1), expected)
    path = save_animation(tmp_path / "clip.webp", frames, lossless=True)
    assert np.array_equal(decode_clip(path, 1), expected)


def test_transparent_frames_lie_over_white(tmp_path):
    clear = [Image.new("RGBA", (4, 3), (shade, 0, 0, 0)) for shade in (10, 200)]
    clear[1].putpixel((0, 0), (9, 9, 9, 255))
    clear[0].save(tmp_path / "clip.webp", save_all=True, append_images=clear[1:], lossless=True, exact=True)
    decoded = decode_clip(tmp_path / "clip.webp", 3)
    assert (decoded[0] == 255).all()
    assert decoded[1, 0, 0].tolist() == [9, 9, 9]


def test_frames_of_different_sizes_are_refused_with_both(tmp_path, frames):
    folder = save_folder(tmp_path / "clip", frames)
    Image.new("RGB", (23, 19)).save(folder / "0013.png")
    message = r"clip: frame 12 is 19 x 23 pixels high and wide, the frames before it are 18 x 23"
    with pytest.raises(DataError, match=message) as caught:
        decode_clip(folder, 3)
    assert caught.value.fix == "bring all frames of a clip to one size"


def test_a_folder_without_pictures_has_no_frames(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme.txt").touch()
    with pytest.raises(DataError, match=r"empty: holds no frames"):
        decode_clip(tmp_path / "empty", 3)


@pytest.mark.parametrize("name", ["still.gif", "still.png", "still.jpg"])
def test_a_still_picture_is_no_clip(tmp_path, name):
    Image.new("RGB", (4, 4)).save(tmp_path / name)
    with pytest.raises(DataError, match=r"is a still picture, and a clip has several frames") as caught:
        decode_clip(tmp_path / name, 3)
    assert "into a folder of their own" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.gif", b"", r"a\.gif: is empty \(0 bytes\)"),
        ("a.gif", b"GIF89a nothing more", r"a\.gif: (is not an image|cannot be decoded)"),
        ("a.webp", b"text", r"a\.webp: is not an image"),
        ("a.mp4", b"text" * 100, r"a\.mp4: cannot be decoded: Invalid data"),
        ("a.npy", b"text", r"a\.npy: cannot be read"),
        # A playlist would have other files opened.
        ("a.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.mp4\n", r"a\.mp4: cannot be decoded"),
        ("a.mp4", b"ffconcat version 1.0\nfile other.mp4\n", r"a\.mp4: cannot be decoded"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        decode_clip(tmp_path / name, 3)


@pytest.mark.parametrize("kind", ["gif", "webp", "mp4"])
def test_a_file_that_ends_early_is_named_or_gives_fewer_frames(tmp_path, frames, kind):
    save = save_video if kind == "mp4" else save_animation
    whole = save(tmp_path / f"whole.{kind}", frames[:, :16, :16]).read_bytes()
    for share in (0.2, 0.5, 0.9):
        (tmp_path / f"cut.{kind}").write_bytes(whole[: int(len(whole) * share)])
        try:
            assert 0 < len(decode_clip(tmp_path / f"cut.{kind}", 3)) <= len(frames)
        except DataError as error:
            assert f"cut.{kind}: " in error.message


def test_an_array_of_another_kind_is_refused_with_the_kind_that_is_taken(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 4, 5, 3), np.float32))
    with pytest.raises(
        DataError, match=r"holds float32 \[3, 4, 5, 3\]; a clip is uint8 \[frames, height, width, 3\]"
    ):
        decode_clip(tmp_path / "a.npy", 3)
    np.save(tmp_path / "b.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"b\.npy: cannot be read"):
        decode_clip(tmp_path / "b.npy", 3)


def test_a_video_of_sound_alone_is_refused(tmp_path):
    import av

    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(DataError, match="it holds sound, but no pictures"):
        decode_clip(tmp_path / "song.mp4", 3)


def test_without_a_decoder_a_video_file_is_refused_with_what_to_install(tmp_path, frames, monkeypatch):
    path = save_video(tmp_path / "clip.mp4", frames[:, :16, :16])
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(
        DataError, match="is a video file, and nothing is installed that decodes it"
    ) as caught:
        decode_clip(path, 3)
    assert caught.value.fix.startswith("pip install 'zoo-core[video]', or make an animated GIF")
    with pytest.raises(DataError, match="nothing is installed"):
        clips.require_decoders([tmp_path / "a.gif", path])
    clips.require_decoders([tmp_path / "a.gif"])


def test_a_clip_that_fits_into_no_memory_is_refused(tmp_path, frames, monkeypatch):
    folder = save_folder(tmp_path / "clip", frames)
    monkeypatch.setattr(clips, "MAX_BYTES", 5 * frames[0].nbytes)
    with pytest.raises(DataError, match=r"its frames of 18 x 23 pixels take more than") as caught:
        decode_clip(folder, 3)
    assert "cut it into shorter clips" in caught.value.fix
    assert len(decode_clip(folder, 3, lambda num_frames: [0, 3, 6])) == 3


def test_clips_are_found_and_a_folder_of_frames_is_one(tmp_path, frames):
    save_folder(tmp_path / "deep" / "b", frames)
    save_animation(tmp_path / "deep" / "a.gif", frames)
    (tmp_path / "lost").mkdir()
    (tmp_path / "notes.txt").touch()
    assert find_clips(tmp_path) == [tmp_path / "deep" / "a.gif", tmp_path / "deep" / "b", tmp_path / "lost"]
    assert expand([tmp_path / "deep" / "b"]) == [tmp_path / "deep" / "b"]
    assert expand([tmp_path / "deep"]) == [tmp_path / "deep" / "a.gif", tmp_path / "deep" / "b"]
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").touch()
    with pytest.raises(DataError, match="texts: holds no clips"):
        expand([tmp_path / "texts"])


def test_files_are_sliced_and_their_content_is_that_of_their_frames(tmp_path, frames):
    one, two = save_folder(tmp_path / "one", frames), save_folder(tmp_path / "two", frames[::-1])
    files = ClipFiles((one, two), 3)
    assert [path.name for path in files[1:].paths] == ["two"]
    assert np.array_equal(files[1], frames[::-1])
    assert files.content(one) == files.content(save_folder(tmp_path / "copy", frames)) != files.content(two)


def test_every_clip_that_cannot_be_read_is_listed(tmp_path, frames):
    good = save_animation(tmp_path / "good.gif", frames)
    (tmp_path / "bad.gif").write_bytes(b"?")
    (tmp_path / "lost").mkdir()
    with pytest.raises(
        DataError, match=r"2 of 3 clips cannot be read:\n  .*bad\.gif: is not an image\n  .*lost: holds"
    ):
        ClipFiles((good, tmp_path / "bad.gif", tmp_path / "lost"), 3).check()
