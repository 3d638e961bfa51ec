import contextlib
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from zoo.errors import DataError
from zoo.runtime.images import ImageFiles, decode_image, expand, find_images


def save(path, pixels, mode=None, **options):
    image = Image.fromarray(np.asarray(pixels)) if mode is None else pixels
    image.save(path, **options)
    return path


@pytest.fixture
def gradient():
    return np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)


def test_a_colour_picture_is_height_width_channels(tmp_path, gradient):
    np.testing.assert_array_equal(decode_image(save(tmp_path / "a.png", gradient), 3), gradient)


def test_a_grey_picture_keeps_a_channel_axis(tmp_path):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    decoded = decode_image(save(tmp_path / "a.png", pixels), 1)
    np.testing.assert_array_equal(decoded, pixels[..., None])


def test_colour_becomes_grey_by_the_luma_of_rec_601(tmp_path):
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], dtype=np.uint8)
    grey = decode_image(save(tmp_path / "a.png", pixels), 1).ravel()
    np.testing.assert_allclose(grey, [0.299 * 255, 0.587 * 255, 0.114 * 255], atol=1)


def test_the_exif_orientation_is_applied(tmp_path, gradient):
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise to show it upright
    path = save(tmp_path / "a.png", gradient, exif=exif)
    np.testing.assert_array_equal(decode_image(path, 3), np.rot90(gradient, -1))


def test_transparency_is_laid_over_white(tmp_path):
    pixels = np.array([[[10, 20, 30, 0], [10, 20, 30, 255]]], dtype=np.uint8)
    decoded = decode_image(save(tmp_path / "a.png", pixels), 3)
    assert decoded.tolist() == [[[255, 255, 255], [10, 20, 30]]]


def test_a_transparent_palette_colour_is_laid_over_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([200, 0, 0, 0, 100, 0])
    image.putpixel((1, 0), 1)
    path = save(tmp_path / "a.png", image, mode="P", transparency=0)
    assert decode_image(path, 3).tolist() == [[[255, 255, 255], [0, 100, 0]]]


def test_16_bit_greys_are_scaled_and_not_clipped(tmp_path):
    pixels = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    assert decode_image(save(tmp_path / "a.png", pixels), 1).ravel().tolist() == [0, 1, 128, 255]


def test_a_black_and_white_bitmap_is_0_and_255(tmp_path):
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1")
    assert decode_image(save(tmp_path / "a.png", image, mode="1"), 1).ravel().tolist() == [0, 255]


def test_a_cmyk_picture_is_read_as_colour(tmp_path):
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, blue = decode_image(save(tmp_path / "a.jpg", image, mode="CMYK", quality=100), 3)[4, 4]
    assert red > 200
    assert green < 60
    assert blue < 60


def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert decode_image(tmp_path / "a.gif", 3)[0, 0].tolist() == [255, 0, 0]


def test_the_content_decides_and_not_the_suffix(tmp_path, gradient):
    path = save(tmp_path / "a.png", gradient)
    renamed = path.rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(decode_image(renamed, 3), gradient)


def test_the_smallest_picture_is_read(tmp_path):
    assert decode_image(save(tmp_path / "a.png", np.zeros((1, 1, 3), np.uint8)), 3).shape == (1, 1, 3)


def photograph(height, width):
    """Smooth in the large, noisy in the small, as a camera sees."""
    rng = np.random.default_rng(height + width)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    return np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)


def read_by_pillow(path, channels):
    with Image.open(path) as opened:
        upright = ImageOps.exif_transpose(opened)
        pixels = np.asarray(upright.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "YCbCr"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:1:1"])
def test_a_jpeg_has_the_pixels_that_pillow_reads(tmp_path, channels, mode, progressive, subsampling):
    for height, width in [(1, 1), (1, 9), (17, 9), (33, 50), (64, 64), (121, 75)]:
        image = Image.fromarray(photograph(height, width)).convert(mode)
        options = {} if mode == "L" else {"subsampling": subsampling}
        path = save(tmp_path / "a.jpg", image, mode=mode, quality=83, progressive=progressive, **options)
        assert np.array_equal(decode_image(path, channels), read_by_pillow(path, channels))


@pytest.mark.parametrize("options", [{"keep_rgb": True}, {"restart_marker_blocks": 1}, {"optimize": True}])
def test_a_jpeg_written_otherwise_has_the_pixels_that_pillow_reads(tmp_path, options):
    path = save(tmp_path / "a.jpg", photograph(50, 34), quality=95, **options)
    assert np.array_equal(decode_image(path, 3), read_by_pillow(path, 3))


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("channels", [1, 3])
def test_the_exif_orientation_of_a_jpeg_is_applied_as_pillow_does(tmp_path, orientation, channels):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.jpg", photograph(20, 31), exif=exif)
    decoded = decode_image(path, channels)
    assert np.array_equal(decoded, read_by_pillow(path, channels))
    assert decoded.flags.c_contiguous


def test_the_first_picture_of_several_in_a_jpeg_is_taken(tmp_path):
    first, second = (Image.fromarray(photograph(20, side)) for side in (31, 32))
    path = save(tmp_path / "a.jpg", first, mode="RGB", format="MPO", save_all=True, append_images=[second])
    assert decode_image(path, 3).shape == (20, 31, 3)
    assert np.array_equal(decode_image(path, 3), read_by_pillow(path, 3))


def test_a_truncated_jpeg_is_named_with_pillows_reason(tmp_path):
    path = save(tmp_path / "a.jpg", photograph(64, 64))
    path.write_bytes(path.read_bytes()[:1200])
    with pytest.raises(DataError, match=r"a\.jpg: cannot be decoded: (image file is truncated|broken data)"):
        decode_image(path, 3)


def outcome(read, path):
    try:
        return read(path, 3)
    except Exception as error:
        assert read is read_by_pillow or isinstance(error, DataError)
        return None


def test_what_is_refused_of_a_damaged_jpeg_pillow_refuses_and_what_is_read_is_the_same(tmp_path):
    rng, path, outcomes = np.random.default_rng(3), tmp_path / "a.jpg", []
    content = save(path, photograph(48, 40), quality=90).read_bytes()
    for _ in range(150):
        changed = bytearray(content)
        changed[rng.integers(0, len(changed))] = rng.integers(0, 256)
        path.write_bytes(changed[: rng.choice([len(changed), len(changed), rng.integers(1, len(changed))])])
        decoded, expected = outcome(decode_image, path), outcome(read_by_pillow, path)
        assert decoded is not None or expected is None
        assert decoded is None or expected is None or np.array_equal(decoded, expected)
        outcomes.append(decoded is None)
    assert 20 < sum(outcomes) < 130


def test_a_jpeg_with_two_headers_is_not_decoded_beyond_the_size_that_was_checked(tmp_path):
    path = save(tmp_path / "a.jpg", photograph(16, 16))
    content = path.read_bytes()
    start = content.index(b"\xff\xc0")
    header = content[start : start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")]
    large = header[:5] + struct.pack(">HH", 60000, 60000) + header[9:]
    path.write_bytes(content[:start] + large + content[start:])
    with pytest.raises(DataError, match=r"a\.jpg: "):
        decode_image(path, 3)


def truncated(path, gradient):
    save(path, np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:2000])


def empty(path, gradient):
    path.write_bytes(b"")


def text(path, gradient):
    path.write_text("this is no picture")


def bomb(path, gradient):
    save(path, gradient)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 30000, 30000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (empty, r"a\.png: is empty \(0 bytes\)"),
        (text, r"a\.png: is not an image"),
        (truncated, r"a\.png: cannot be decoded"),
        (bomb, r"a\.png: is too large to be decoded safely"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(tmp_path, gradient, damage, words):
    path = tmp_path / "a.png"
    damage(path, gradient)
    with pytest.raises(DataError, match=words) as caught:
        decode_image(path, 3)
    assert caught.value.exit_code == 3


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_too_large_to_be_decoded_safely_is_refused(tmp_path, monkeypatch, gradient):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    path = save(tmp_path / "a.png", gradient)
    with pytest.raises(DataError, match=r"too large to be decoded safely \(more than 20 pixels\)"):
        decode_image(path, 3)


def test_floating_point_pixels_are_refused(tmp_path):
    path = save(tmp_path / "a.tif", np.zeros((2, 2), np.float32))
    with pytest.raises(DataError, match="floating-point pixels"):
        decode_image(path, 1)


def test_a_missing_file_is_named():
    with pytest.raises(DataError, match=r"nowhere\.png: no such file"):
        decode_image(Path("nowhere.png"), 3)


def test_a_random_change_of_bytes_never_raises_anything_else(tmp_path):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)
    for suffix in ("png", "jpg", "gif", "bmp", "tif", "webp"):
        content = save(tmp_path / f"a.{suffix}", pixels).read_bytes()
        for _ in range(30):
            changed = bytearray(content)
            for place in rng.integers(0, len(changed), 4):
                changed[place] = rng.integers(0, 256)
            path = tmp_path / f"b.{suffix}"
            path.write_bytes(changed[: rng.integers(1, len(changed) + 1)])
            with contextlib.suppress(DataError):
                assert decode_image(path, 3).dtype == np.uint8


def test_image_files_decode_when_asked(tmp_path, gradient):
    files = ImageFiles((save(tmp_path / "a.png", gradient), tmp_path / "missing.png"), 3)
    assert len(files) == 2
    np.testing.assert_array_equal(files[0], gradient)
    assert files.take([1, 0]).paths == (files.paths[1], files.paths[0])
    assert files[1:].paths == (files.paths[1],)


def test_every_bad_file_is_listed_up_to_20(tmp_path, gradient):
    good = save(tmp_path / "good.png", gradient)
    bad = [tmp_path / f"bad-{i:02}.png" for i in range(22)]
    for path in bad:
        path.write_text("no picture")
    with pytest.raises(DataError, match="22 of 23 pictures cannot be read") as caught:
        ImageFiles((good, *bad), 3).check()
    assert "bad-19.png: is not an image" in caught.value.message
    assert "bad-20.png" not in caught.value.message
    assert "and 2 more" in caught.value.message


def test_a_folder_is_expanded_to_its_pictures_in_order(tmp_path, gradient):
    for name in ("b.png", "a.PNG", "sub/c.png", ".hidden.png", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save(tmp_path / name, gradient, format="png")
    (tmp_path / "notes.txt").write_text("not a picture")
    assert [path.name for path in find_images(tmp_path)] == ["a.PNG", "b.png", "c.png"]
    single = tmp_path / "notes.txt"
    assert expand([single, tmp_path]) == [single, *find_images(tmp_path)]


def test_a_folder_without_pictures_and_a_missing_path_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no pictures"):
        expand([tmp_path])
    with pytest.raises(DataError, match=r"nothing\.png: no such file or folder"):
        expand([tmp_path / "nothing.png"])
