import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError, UsageError
from zoo.preprocessing import Encoder, Geometry, Standard, Wishes, fit
from zoo.preprocessing.graphs import open_session

SIZES = [
    (1, 1), (1, 7), (7, 1), (2, 2), (3, 5), (28, 28), (31, 33), (64, 64), (65, 63), (100, 37), (37, 100), (224, 224),
    (225, 223), (17, 1000), (1, 3000), (3000, 1), (480, 640), (720, 405), (1200, 1920), (2000, 3000),
]  # fmt: skip


def examples_of(images):
    return Examples(
        {"image": images}, np.array(["a"] * len(images), object), [f"{i}.png" for i in range(len(images))]
    )


def fitted_on(images, *, accepts=("image",), **options):
    channels = np.shape(images[0])[-1]
    signature = Signature(
        (TensorSpec("image", "image", "uint8", (None, None, channels)),), Classes(("a", "b"))
    )
    return fit(signature, examples_of(images), accepts, wishes=Wishes(Geometry(**options)))


def noise(*shape):
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


def resized_by_pillow(image, size, box=None):
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    height, width = size
    if box is not None:
        picture = picture.crop(box)
    resized = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    return resized.reshape(height, width, image.shape[-1])


def grey_levels_apart(one, other):
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("target", [(48, 64), (224, 224)])
def test_a_stretched_picture_is_within_one_grey_level_of_pillow(target, channels):
    images = [noise(*size, channels) for size in SIZES]
    (stored,) = Encoder(fitted_on(images[:5], size=target, fit="stretch")).store(examples_of(images)).stored
    for image, small in zip(images, stored, strict=True):
        assert grey_levels_apart(small, resized_by_pillow(image, target)) <= 1, image.shape


@pytest.mark.parametrize(
    ("source", "target", "box"),
    [
        ((100, 200), (50, 50), (50, 0, 150, 100)),
        ((200, 100), (50, 50), (0, 50, 100, 150)),
        ((101, 200), (32, 32), (49, 0, 150, 101)),
        ((60, 40), (64, 128), (0, 20, 40, 40)),
        ((1, 3000), (8, 8), (1499, 0, 1500, 1)),
        ((3000, 1), (8, 8), (0, 1499, 1, 1500)),
        ((2, 5), (300, 2), (2, 0, 3, 2)),
        ((10, 11), (3, 7), (0, 2, 11, 7)),
    ],
)
def test_a_picture_is_cropped_around_its_centre_to_the_aspect_ratio(source, target, box):
    image = noise(*source, 3)
    (stored,) = Encoder(fitted_on([image], size=target)).store(examples_of([image])).stored
    assert grey_levels_apart(stored[0], resized_by_pillow(image, target, box)) <= 1


@settings(max_examples=40, deadline=None)
@given(
    image=st.tuples(st.integers(1, 80), st.integers(1, 80), st.sampled_from([1, 3])).flatmap(
        lambda shape: npst.arrays(np.uint8, shape)
    ),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_any_picture_at_any_size_is_within_one_grey_level_of_pillow(image, size):
    (stored,) = Encoder(fitted_on([image], size=size, fit="stretch")).store(examples_of([image])).stored
    assert grey_levels_apart(stored[0], resized_by_pillow(image, size)) <= 1


@pytest.mark.parametrize("fit", ["crop", "stretch"])
def test_a_picture_of_the_right_size_stays_exactly_as_it_is(fit):
    image = noise(37, 53, 3)
    (stored,) = Encoder(fitted_on([image], size=(37, 53), fit=fit)).store(examples_of([image])).stored
    assert np.array_equal(stored[0], image)


def test_channels_are_standardised_and_come_first():
    images = noise(6, 9, 8, 3)
    preprocessing = fitted_on(images)
    (encoded,) = Encoder(preprocessing).finish((images,), np.arange(len(images)))
    levels = images.astype(np.float64) / 255
    mean, std = levels.mean(axis=(0, 1, 2)), levels.std(axis=(0, 1, 2))
    np.testing.assert_allclose(encoded, ((levels - mean) / std).transpose(0, 3, 1, 2), atol=2e-6)
    np.testing.assert_allclose(preprocessing.fitted["mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(preprocessing.fitted["std"], std, rtol=1e-12)
    assert preprocessing.encoded.inputs == (TensorSpec("encoded_image", "image", "float32", (3, 9, 8)),)


def test_a_black_picture_encodes_to_zeros():
    images = np.zeros((2, 4, 4, 1), np.uint8)
    (encoded,) = Encoder(fitted_on(images)).finish((images,), np.arange(len(images)))
    assert not encoded.any()


def test_a_vector_is_the_flattened_image():
    images = noise(5, 6, 7, 3)
    (as_image,) = Encoder(fitted_on(images)).finish((images,), np.arange(len(images)))
    preprocessing = fitted_on(images, accepts=("vector",))
    (as_vector,) = Encoder(preprocessing).finish((images,), np.arange(len(images)))
    assert np.array_equal(as_vector, as_image.reshape(5, 3 * 6 * 7))
    assert preprocessing.encoded.inputs[0].shape == (126,)


def test_pictures_that_share_a_small_size_keep_it():
    assert fitted_on(noise(3, 28, 20, 1)).fitted["size"] == [28, 20]
    assert fitted_on([noise(8, 8, 1)] * 3).fitted["size"] == [8, 8]


@pytest.mark.parametrize("images", [[noise(8, 8, 1), noise(8, 9, 1)], noise(2, 8, 65, 1)])
def test_pictures_without_a_small_common_size_need_one_given(images):
    with pytest.raises(
        UsageError, match=r"do not share one size of at most 64 x 64 \(one is 8 x (9|65)\)"
    ) as caught:
        fitted_on(images)
    assert "data.size=128" in caught.value.fix


def test_the_statistics_are_those_of_the_pictures_at_the_networks_size():
    image = np.zeros((4, 12, 1), np.uint8)
    image[:, 4:8] = 100  # the crop keeps the grey middle only
    image[0, 4:8] = 200
    preprocessing = fitted_on([image], size=(4, 4))
    assert preprocessing.fitted["mean"] == pytest.approx([125 / 255])
    assert preprocessing.fitted["std"] == pytest.approx([np.std([100, 100, 100, 200]) / 255])


def test_of_large_pictures_the_statistics_are_those_of_every_nth_row_and_column():
    image = noise(128, 200, 1)
    preprocessing = fitted_on([image], size=(128, 200))
    assert preprocessing.fitted["mean"] == pytest.approx([image[::2, ::3].mean() / 255])
    assert preprocessing.fitted["std"] == pytest.approx([image[::2, ::3].std() / 255])


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (np.zeros((4, 4, 3), np.float32), r"float32 \[4, 4, 3\]"),
        (np.zeros((4, 4, 1), np.uint8), r"uint8 \[4, 4, 1\]"),
        (np.zeros((4, 4), np.uint8), r"uint8 \[4, 4\]"),
        (np.zeros((0, 4, 3), np.uint8), r"uint8 \[0, 4, 3\]"),
    ],
)
def test_an_array_that_is_not_such_a_picture_is_refused(image, found):
    encoder = Encoder(fitted_on([noise(4, 4, 3)]))
    with pytest.raises(
        DataError, match=rf"picture 0 of input 'image' is {found}; .*uint8 \[height, width, 3\]"
    ):
        encoder.store(examples_of([image]))


class Files:
    """Pictures of which some cannot be read."""

    def __init__(self, length, broken):
        self.length, self.broken = length, broken

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        if index in self.broken:
            raise DataError(f"{index}.png is truncated", fix="remove it")
        return noise(5, 5, 1)


def test_all_unreadable_pictures_are_named_together():
    encoder = Encoder(fitted_on([noise(5, 5, 1)]))
    with pytest.raises(DataError) as caught:
        encoder.store(examples_of(Files(9, {2, 7})))
    assert (
        caught.value.message == "2 of 9 pictures cannot be read:\n  2.png is truncated\n  7.png is truncated"
    )
    with pytest.raises(DataError, match=r"25 of 30 pictures cannot be read:(?s:.*)and 5 more") as caught:
        encoder.store(examples_of(Files(30, set(range(25)))))
    assert "20.png" not in caught.value.message


def test_a_single_unreadable_picture_is_named():
    with pytest.raises(
        DataError, match=r"^1 of 5 pictures cannot be read:\n  3\.png is truncated\nremove these"
    ):
        fitted_on(Files(5, {3}), size=(5, 5))


def test_a_batch_gives_what_its_pictures_give_one_by_one():
    images = noise(4, 30, 50, 3)
    session = open_session(fitted_on(images, size=(16, 16)).graph)
    (together,) = session.run(None, {"image": images})
    alone = [session.run(None, {"image": image[None]})[0][0] for image in images]
    assert np.array_equal(together, alone)


def test_pictures_of_differing_sizes_get_the_default_size():
    pictures = [noise(9, 7, 1), noise(5, 5, 1)]
    (encoded,) = fitted_on(pictures, default_size=(12, 10)).encoded.inputs
    assert encoded.shape == (1, 12, 10)


def test_pictures_that_share_a_small_size_keep_it_in_spite_of_the_default():
    pictures = [noise(9, 7, 1), noise(9, 7, 1)]
    (encoded,) = fitted_on(pictures, default_size=(12, 10)).encoded.inputs
    assert encoded.shape == (1, 9, 7)


class Counted:
    """Pictures that count how often each is read."""

    def __init__(self, pictures):
        self.pictures, self.reads = pictures, [0] * len(pictures)

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        self.reads[index] += 1
        return self.pictures[index]


def test_pictures_that_fitting_brought_to_size_are_not_read_again():
    pictures = [noise(70 + number, 80, 3) for number in range(30)]
    files = Counted(pictures)
    preprocessing = fitted_on(files, default_size=(9, 9))
    (stored,) = Encoder(preprocessing).store(examples_of(files)).stored
    # The first is looked at before, for its channels and its size.
    assert files.reads[1:] == [1] * 29
    (again,) = Encoder(preprocessing).store(examples_of(pictures)).stored
    assert np.array_equal(stored, again)


def test_pictures_of_another_split_are_read_whatever_fitting_has_seen():
    preprocessing = fitted_on(Counted([noise(9, 9, 3), noise(8, 9, 3)]), default_size=(4, 4))
    others = Counted([noise(20, 9, 3), noise(21, 9, 3)])
    (stored,) = Encoder(preprocessing).store(examples_of(others)).stored
    assert others.reads == [1, 1]
    (expected,) = Encoder(preprocessing).store(examples_of(others.pictures)).stored
    assert np.array_equal(stored, expected)


def test_more_than_a_thousand_pictures_are_each_brought_to_size_once():
    files = Counted([noise(2, 2 + number % 3, 1) for number in range(1500)])
    preprocessing = fitted_on(files, size=(2, 2))
    (stored,) = Encoder(preprocessing).store(examples_of(files)).stored
    assert set(files.reads[1:]) == {1}
    (expected,) = Encoder(preprocessing).store(examples_of(files.pictures)).stored
    assert np.array_equal(stored, expected)


def test_pictures_that_share_a_smaller_size_than_the_network_takes_get_the_default():
    images = [noise(28, 28, 3), noise(28, 28, 3)]
    assert fitted_on(images, default_size=(224, 224), min_side=29).fitted["size"] == [224, 224]
    assert fitted_on(images, default_size=(224, 224), min_side=28).fitted["size"] == [28, 28]


@pytest.mark.parametrize(("channels", "mean"), [(3, [0.485, 0.456, 0.406]), (1, [0.449])])
def test_pictures_are_standardised_by_the_constants_that_a_network_brings(channels, mean):
    standard = Standard((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    images = noise(2, 4, 4, channels)
    spec = TensorSpec("image", "image", "uint8", (None, None, channels))
    wishes = Wishes(Geometry((4, 4)), standard=standard)
    fitted = fit(Signature((spec,), Classes(("a", "b"))), examples_of(images), ("image",), wishes)
    assert fitted.fitted["mean"] == pytest.approx(mean)
    (encoded,) = Encoder(fitted).finish((images,), np.arange(2))
    std = [0.229, 0.224, 0.225] if channels == 3 else [0.226]
    expected = (images[0] / 255 - mean) / std
    assert encoded[0] == pytest.approx(expected.transpose(2, 0, 1), abs=1e-5)


def test_constants_for_other_channels_than_the_pictures_are_left_out():
    standard = Standard((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    spec = TensorSpec("image", "image", "uint8", (None, None, 4))
    images = [noise(4, 4, 4), noise(4, 4, 4)]
    wishes = Wishes(Geometry((4, 4)), standard=standard)
    fitted = fit(Signature((spec,), Classes(("a", "b"))), examples_of(images), ("image",), wishes)
    assert fitted.fitted["mean"] == pytest.approx((np.array(images).mean((0, 1, 2)) / 255).tolist())
