import numpy as np
import pytest
from PIL import Image

from zoo.cli import pictures
from zoo.contracts.targets import Boxes
from zoo.errors import UsageError

TARGET = Boxes(("disc",))
FOUND = {"objects": [{"label": "disc", "score": 0.9, "box": [2.0, 2.0, 9.0, 9.0]}]}


def columns(count):
    return {"image": [np.full((16, 16, 3), 255, np.uint8)] * count}


def test_each_picture_is_written_under_its_own_name_with_its_boxes(tmp_path):
    written = pictures.write_boxes(TARGET, columns(2), [FOUND] * 2, ["a/1.jpg", "a/2.jpg"], None, tmp_path)
    assert written == [tmp_path / "1.png", tmp_path / "2.png"]
    with Image.open(written[1]) as drawn:
        assert drawn.size == (16, 16)
        assert len(drawn.convert("RGB").getcolors()) > 1


def test_two_pictures_of_one_name_are_refused_and_none_is_written(tmp_path):
    with pytest.raises(UsageError, match=r"--out: 1\.png would be written twice"):
        pictures.write_boxes(TARGET, columns(2), [FOUND] * 2, ["a/1.jpg", "b/1.png"], None, tmp_path / "out")
    assert not (tmp_path / "out").exists()
