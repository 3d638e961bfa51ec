import json
from pathlib import Path

import numpy as np
import pytest

from zoo.contracts.entries import Dataset
from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Classes
from zoo.contracts.tensors import TensorSpec
from zoo.data import load, load_like, options_of
from zoo.errors import DataError, UsageError
from zoo.registry import Registry


def toy(*, num_examples: int = 40) -> Splits:
    """Points with two classes.

    Args:
        num_examples: How many.
    """
    x = np.arange(num_examples * 2, dtype=np.float32).reshape(-1, 2)
    labels = np.array(["a", "b"] * (num_examples // 2), dtype=object)
    signature = Signature((TensorSpec("vector", "vector", "float32", (2,)),), Classes(("a", "b")))
    return Splits(signature, Examples({"vector": x}, labels, [f"toy {i}" for i in range(num_examples)]))


@pytest.fixture
def registry(monkeypatch):
    return Registry([Dataset(name="toy", factory=f"{__name__}:toy", summary="Points")])


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Factories are imported by name."""
    import sys
    import types

    module = types.ModuleType(__name__)
    module.toy = toy
    monkeypatch.setitem(sys.modules, __name__, module)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("x,y\n" + "".join(f"{i * 37 % 101},{'ab'[i % 2]}\n" for i in range(60)))
    return path


def test_a_registered_dataset_is_found_by_name_and_split(registry):
    data = load("toy", {"num_examples": 100}, seed=0, registry=registry)
    sizes = [len(part) for part in (data.splits.train, data.splits.validation, data.splits.test)]
    assert sizes == [70, 10, 20]


def test_a_path_is_a_dataset_too(table, registry):
    data = load(str(table), {"test": 0.5, "validation": 0}, seed=0, registry=registry)
    assert len(data.splits.test) == 30
    assert data.splits.validation is None


def test_the_complete_options_load_the_same_data_again(table, registry):
    first = load(str(table), {"target": "y"}, seed=1, registry=registry)
    again = load(str(table), json.loads(json.dumps(first.options)), seed=1, registry=registry)
    assert first.options == again.options
    assert first.options["encoding"] == "auto"
    assert first.options["validation"] == 0.1
    assert first.splits.test.ids == again.splits.test.ids


@pytest.mark.parametrize(("given", "size"), [(None, None), (32, (32, 32)), ([20, 30], (20, 30))])
def test_size_and_fit_are_passed_on(registry, given, size):
    data = load("toy", {"size": given, "fit": "stretch"}, seed=0, registry=registry)
    assert data.shared["size"] == size
    assert data.shared["fit"] == "stretch"


def test_a_size_below_1_is_refused(registry):
    with pytest.raises(UsageError, match="a picture has at least 1 pixel a side"):
        load("toy", {"size": 0}, seed=0, registry=registry)


def test_an_unknown_option_suggests_the_nearest_own_or_shared_one(table, registry):
    with pytest.raises(UsageError, match=r"unknown key 'data\.tset'") as caught:
        load(str(table), {"tset": 0.1}, seed=0, registry=registry)
    assert caught.value.fix == "did you mean 'test'?"
    with pytest.raises(UsageError, match=r"unknown key 'data\.targte'") as caught:
        load(str(table), {"targte": "y"}, seed=0, registry=registry)
    assert caught.value.fix == "did you mean 'target'?"


def test_an_option_out_of_bounds_is_refused(registry):
    with pytest.raises(UsageError, match=r"data\.test=1\.5"):
        load("toy", {"test": 1.5}, seed=0, registry=registry)


def test_an_unknown_name_suggests_the_nearest_dataset(registry):
    with pytest.raises(
        UsageError, match="there is no dataset 'tyo', and no file or folder of that name"
    ) as caught:
        load("tyo", {}, seed=0, registry=registry)
    assert caught.value.fix == "did you mean 'toy'?"


def test_a_missing_path_is_a_data_error_that_suggests_the_nearest_file(table, registry):
    with pytest.raises(DataError, match=r"point\.csv: no such file or folder") as caught:
        load(str(table.with_name("point.csv")), {}, seed=0, registry=registry)
    assert caught.value.fix == "did you mean 'points.csv'?"


def test_an_empty_folder_gets_every_readers_reason(tmp_path, registry):
    with pytest.raises(DataError, match="no reader can read it") as caught:
        load(str(tmp_path), {}, seed=0, registry=registry)
    for reason in ("holds no folder with pictures in it", "holds no table", "a folder without .npy files"):
        assert reason in caught.value.message


def test_too_few_rows_are_refused(tmp_path, registry):
    path = tmp_path / "few.csv"
    path.write_text("x,y\n1,a\n2,b\n")
    with pytest.raises(DataError, match="2 examples are too few to split off"):
        load(str(path), {}, seed=0, registry=registry)


def test_every_row_is_read_for_evaluation(table, registry):
    data = load(str(table), {}, seed=0, registry=registry)
    examples = load_like(str(table), data.options, data.splits.signature, registry)
    assert len(examples) == 60
    assert len(load_like("toy", {}, toy().signature, registry)) == 40


def test_a_dataset_with_other_labels_cannot_be_evaluated_on(registry):
    other = Signature(toy().signature.inputs, Classes(("a", "c")))
    with pytest.raises(DataError, match="dataset 'toy' has other inputs or labels than the model"):
        load_like("toy", {}, other, registry)


def test_the_words_of_a_source_can_be_listed(table, registry):
    names = [option.name for option in options_of(str(table), registry)]
    assert {"target", "header", "validation", "size"} <= set(names)
    assert all(option.meaning for option in options_of(str(table), registry))


def test_a_name_goes_before_a_folder_and_a_dot_before_the_name(tmp_path, registry, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("toy").mkdir()
    assert load("toy", {}, seed=0, registry=registry).splits.signature == toy().signature
    with pytest.raises(DataError, match="no reader can read it"):
        load("./toy", {}, seed=0, registry=registry)
