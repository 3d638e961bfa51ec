import tempfile

import numpy as np
import pytest
import torch

from zoo.errors import EnvironmentFault
from zoo.preprocessing.storage import room


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_fits_lies_in_memory():
    array = room((5, 2), np.float32)
    assert (array.shape, array.dtype, type(array)) == ((5, 2), np.float32, np.ndarray)


def test_what_is_too_much_lies_in_a_file_without_a_name(folder):
    array = room((100, 3, 3), np.uint8, limit=899)
    array[:] = np.arange(900).reshape(array.shape) % 256
    assert isinstance(array, np.memmap)
    assert list(folder.iterdir()) == []
    assert array.ravel()[[0, 300, 899]].tolist() == [0, 44, 131]
    assert type(room((100, 3, 3), np.uint8, limit=900)) is np.ndarray


def test_a_batch_is_gathered_from_the_file_without_a_copy_of_it():
    array = room((10, 2), np.int64, limit=0)
    array[:] = np.arange(20).reshape(10, 2)
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    assert tensor.data_ptr() == array.ctypes.data
    assert tensor.index_select(0, torch.tensor([9, 0])).tolist() == [[18, 19], [0, 1]]


def test_a_folder_without_room_is_named_before_anything_is_encoded(folder):
    with pytest.raises(EnvironmentFault, match=rf"{folder} has no room for \d+\.0 GiB") as caught:
        room((2**50,), np.uint8, limit=0)
    assert "TMPDIR" in caught.value.fix
    assert caught.value.exit_code == 6
