"""Data sets that scikit-learn carries, as raw examples; their splits are drawn by seed."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.plugin import Binary, Classes, Examples, Signature, Splits, TensorSpec, Values


def digits() -> Splits:
    """1,797 handwritten digits, 8 by 8 grey pixels (Alpaydin and Kaynak 1998, doi:10.24432/C50P49)."""
    rows = _rows("digits.csv.gz")
    # Scanned levels 0 (paper) to 16 (ink) over the whole range of a byte.
    pixels = np.round(rows[:, :-1].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    inputs = (TensorSpec("image", "image", "uint8", (None, None, 1)),)
    labels = tuple(str(digit) for digit in range(10))
    examples = Examples(
        {"image": pixels}, _named(labels, rows[:, -1].astype(int)), _ids("digits", len(pixels))
    )
    return Splits(Signature(inputs, Classes(labels, name="digit")), examples)


def iris() -> Splits:
    """150 irises of three species by four measures of their flowers (Fisher 1936, doi:10.24432/C56C76)."""
    from sklearn.datasets import load_iris

    return _classes("iris", load_iris(), target="species")


def wine() -> Splits:
    """178 wines of three cultivars by thirteen measures (Aeberhard and Forina 1992, doi:10.24432/C5PC7J)."""
    from sklearn.datasets import load_wine

    return _classes("wine", load_wine(), target="cultivar")


def breast_cancer() -> Splits:
    """569 tumours, malignant or benign, by thirty measures (Wolberg et al. 1993, doi:10.24432/C5DW2B)."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    truth = _named(data.target_names, data.target)
    return _table("breast-cancer", data, Binary(("benign", "malignant"), name="diagnosis"), truth)


def diabetes() -> Splits:
    """442 patients by ten measures, and how far their diabetes progressed in a year (Efron et al. 2004).

    Inputs are in their own units, as in doi:10.1214/009053604000000067; sex is 1 or 2.
    """
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    truth = data.target.astype(np.float64)[:, np.newaxis]
    return _table("diabetes", data, Values(("progression",)), truth)


def _rows(name: str) -> npt.NDArray[np.float64]:
    """A table that scikit-learn carries; importing scikit-learn itself takes a second."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
    return np.loadtxt(Path(package.origin).parent / "datasets" / "data" / name, delimiter=",")


def _classes(name: str, data: Any, *, target: str) -> Splits:
    labels = tuple(str(label) for label in data.target_names)
    return _table(name, data, Classes(labels, name=target), _named(labels, data.target))


def _table(name: str, data: Any, target: Binary | Classes | Values, truth: npt.NDArray[Any]) -> Splits:
    """One ``number`` input a feature."""
    columns = [str(feature) for feature in data.feature_names]
    values = data.data.astype(np.float64)
    inputs = tuple(TensorSpec(column, "number", "float64", ()) for column in columns)
    examples = Examples(dict(zip(columns, values.T, strict=True)), truth, _ids(name, len(values)))
    return Splits(Signature(inputs, target), examples)


def _named(labels: Iterable[str], indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """An object array with the label at each index."""
    names: npt.NDArray[Any] = np.array([str(label) for label in labels], dtype=object)
    return names[indices]


def _ids(name: str, num_examples: int) -> tuple[str, ...]:
    return tuple(f"{name} {index}" for index in range(num_examples))
