import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.clips import moving, save_animation, save_folder
from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError, UsageError
from zoo.preprocessing import Encoder, Geometry, Preprocessing, Standard, Wishes, fit
from zoo.preprocessing.frames import chooser
from zoo.preprocessing.graphs import open_session
from zoo.runtime.clips import ClipFiles


def examples_of(clips):
    return Examples(
        {"video": clips}, np.array(["a"] * len(clips), object), [f"{i}" for i in range(len(clips))]
    )


def fitted_on(clips, *, channels=None, num_frames=None, standard=None, **options):
    channels = channels or np.shape(clips[0])[-1]
    signature = Signature(
        (TensorSpec("video", "video", "uint8", (None, None, None, channels)),), Classes(("a", "b"))
    )
    wishes = Wishes(Geometry(**options), num_frames=num_frames, standard=standard)
    return fit(signature, examples_of(clips), ("video",), wishes)


def stored_of(preprocessing, clips):
    (stored,) = Encoder(preprocessing).store(examples_of(clips)).stored
    return stored


def noise(*shape):
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


def sampled(num_given, num_wanted):
    """The frame in the middle of each of so many equal parts; of a shorter clip each frame, and the last again."""
    if num_given < num_wanted:
        return [min(place, num_given - 1) for place in range(num_wanted)]
    return [int((place + 0.5) * num_given / num_wanted) for place in range(num_wanted)]


@pytest.mark.parametrize("num_wanted", [1, 2, 7, 16])
def test_frames_are_the_middles_of_equal_parts_and_the_last_is_repeated(num_wanted):
    choose = chooser(num_wanted)
    for num_given in range(1, 70):
        assert choose(num_given) == sampled(num_given, num_wanted), num_given


def test_to_choose_frames_twice_is_to_choose_them_once():
    for num_wanted in range(1, 20):
        assert chooser(num_wanted)(num_wanted) == list(range(num_wanted))


@pytest.mark.parametrize("length", [1, 3, 8, 9, 31])
def test_the_graph_takes_those_frames_of_clips_of_any_length(length):
    clips = noise(2, length, 6, 7, 3)
    preprocessing = fitted_on(clips, num_frames=8)
    assert np.array_equal(stored_of(preprocessing, clips), clips[:, sampled(length, 8)])
    assert preprocessing.encoded.inputs == (TensorSpec("encoded_video", "video", "float32", (3, 8, 6, 7)),)


@settings(max_examples=25, deadline=None)
@given(
    length=st.integers(1, 6),
    source=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    channels=st.sampled_from([1, 3]),
)
def test_each_frame_of_any_size_is_within_one_grey_level_of_pillow(length, source, size, channels):
    clip = noise(length, *source, channels)
    (stored,) = stored_of(fitted_on([clip], num_frames=4, size=size, fit="stretch"), [clip])
    for frame, place in zip(stored, sampled(length, 4), strict=True):
        given_frame = clip[place]
        picture = Image.fromarray(given_frame[..., 0] if channels == 1 else given_frame)
        expected = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR)).reshape(*size, channels)
        assert np.abs(frame.astype(int) - expected).max() <= 1


def test_frames_are_cropped_as_pictures_are():
    clip = noise(2, 10, 30, 3)
    (stored,) = stored_of(fitted_on([clip], num_frames=2, size=(10, 10)), [clip])
    assert np.array_equal(stored, clip[:, :, 10:20])


def test_channels_are_standardised_and_come_first():
    clips = noise(4, 3, 5, 6, 3)
    preprocessing = fitted_on(clips, num_frames=3)
    (encoded,) = Encoder(preprocessing).finish((clips,), np.arange(4))
    levels = clips / 255
    mean, std = levels.mean(axis=(0, 1, 2, 3)), levels.std(axis=(0, 1, 2, 3))
    np.testing.assert_allclose(encoded, ((levels - mean) / std).transpose(0, 4, 1, 2, 3), atol=2e-6)
    np.testing.assert_allclose(preprocessing.fitted["mean"], mean, rtol=1e-12)
    assert preprocessing.fitted["frames"] == 3


def test_clips_are_standardised_by_the_constants_that_a_network_brings():
    standard = Standard((0.4, 0.5, 0.6), (0.1, 0.2, 0.3))
    clips = noise(2, 2, 4, 4, 3)
    (encoded,) = Encoder(fitted_on(clips, num_frames=2, standard=standard)).finish((clips,), np.arange(2))
    expected = (clips / 255 - standard.mean) / standard.std
    assert encoded == pytest.approx(expected.transpose(0, 4, 1, 2, 3), abs=1e-5)


def test_clips_that_share_a_small_size_keep_it_others_get_the_default_and_sixteen_frames():
    assert fitted_on([noise(5, 9, 8, 1), noise(6, 9, 8, 1)], default_size=(32, 32)).fitted["size"] == [9, 8]
    preprocessing = fitted_on([noise(5, 9, 8, 1), noise(5, 8, 8, 1)], default_size=(32, 32))
    assert preprocessing.encoded.inputs[0].shape == (1, 16, 32, 32)
    with pytest.raises(UsageError, match="the clips do not share one size of at most 64 x 64") as caught:
        fitted_on([noise(5, 9, 8, 1), noise(5, 8, 8, 1)])
    assert "data.size=128" in caught.value.fix


@pytest.mark.parametrize("kind", ["gif", "folder"])
def test_files_of_which_frames_are_chosen_before_they_are_read_encode_as_whole_clips_do(tmp_path, kind):
    random = np.random.default_rng(0)
    save = {"gif": save_animation, "folder": save_folder}[kind]
    paths = []
    for number in range(6):
        clip = moving("left", random, num_frames=3 + 5 * number, height=20 + number, channels=3)
        paths.append(save(tmp_path / (f"{number}.gif" if kind == "gif" else str(number)), clip))
    files = ClipFiles(tuple(paths), 3)
    preprocessing = fitted_on(files, channels=3, num_frames=8, default_size=(16, 16))
    session = open_session(preprocessing.graph)
    (encoded,), _ = Encoder(preprocessing).whole(examples_of(files))
    for row, clip in zip(encoded, files, strict=True):
        assert np.array_equal(row, session.run(None, {"video": clip[None]})[0][0])


def test_clips_that_fitting_brought_to_size_are_not_read_again(tmp_path):
    clips = [noise(3, 70, 80 + number, 3) for number in range(3)]
    files = ClipFiles(
        tuple(save_folder(tmp_path / str(number), clip) for number, clip in enumerate(clips)), 3
    )
    preprocessing = fitted_on(files, channels=3, num_frames=2, default_size=(8, 8))
    expected = stored_of(fitted_on(clips, num_frames=2, default_size=(8, 8)), clips)
    for frame in tmp_path.rglob("*.png"):
        frame.unlink()
    assert np.array_equal(stored_of(preprocessing, files), expected)


def test_a_batch_gives_what_its_clips_give_one_by_one():
    clips = noise(3, 11, 30, 50, 3)
    session = open_session(fitted_on(clips, size=(16, 16), num_frames=4).graph)
    (together,) = session.run(None, {"video": clips})
    alone = [session.run(None, {"video": clip[None]})[0][0] for clip in clips]
    assert np.array_equal(together, alone)


@pytest.mark.parametrize(
    ("clip", "found"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), r"float32 \[2, 4, 4, 3\]"),
        (np.zeros((4, 4, 3), np.uint8), r"uint8 \[4, 4, 3\]"),
        (np.zeros((0, 4, 4, 3), np.uint8), r"uint8 \[0, 4, 4, 3\]"),
        (np.zeros((2, 4, 4, 1), np.uint8), r"uint8 \[2, 4, 4, 1\]"),
    ],
)
def test_an_array_that_is_no_such_clip_is_refused(clip, found):
    encoder = Encoder(fitted_on([noise(2, 4, 4, 3)]))
    with pytest.raises(
        DataError, match=rf"clip 0 of input 'video' is {found}; a clip is uint8 \[frames, height, width, 3\]"
    ):
        encoder.store(examples_of([clip]))


def test_fitted_preprocessing_of_clips_survives_its_file():
    preprocessing = fitted_on(noise(2, 3, 5, 5, 1))
    assert Preprocessing.from_bytes(preprocessing.to_bytes()) == preprocessing


def test_a_network_of_pictures_does_not_take_clips_and_is_told_what_would():
    signature = Signature(
        (TensorSpec("video", "video", "uint8", (None, None, None, 3)),), Classes(("a", "b"))
    )
    with pytest.raises(UsageError, match="the data gives video 'video', which can become video") as caught:
        fit(signature, examples_of([noise(2, 4, 4, 3)]), ("image", "vector"))
    assert "--accepts video" in caught.value.fix
