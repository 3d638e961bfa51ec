import numpy as np
import pytest

from zoo.contracts.examples import Examples
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Binary, Classes, Values
from zoo.contracts.tensors import TensorSpec
from zoo.errors import VerificationError
from zoo.exporting import certify, held_out
from zoo.exporting.comparison import Comparison
from zoo.exporting.probes import NUM_PROBES, probes
from zoo.exporting.reference import answers
from zoo.exporting.tolerances import Rule
from zoo.registry import Registry
from zoo.runtime.answers import faults, undecided


def comparison(target, scores, *, single_error=0.0, fitted=None):
    double = np.asarray(scores, np.float64)
    both = [
        {"scores": each, **answers(target, {"scores": each}, {}, fitted or {})}
        for each in (double + single_error, double)
    ]
    return Comparison(single=both[0], double=both[1], file={})


def rule(target, fitted=None):
    return Rule(target, {"target": fitted or {}})


def test_the_tolerance_is_three_rounding_errors_and_a_millionth_of_the_scale():
    compared = comparison(Classes(("a", "b")), [[8.0, -2.0], [1.0, 0.0]], single_error=1e-5)
    assert rule(Classes(("a", "b"))).tolerance(compared)["scores"] == pytest.approx((3e-5 + 8e-6,))


def test_a_value_has_the_tolerance_of_its_own_unit():
    target = Values(("price", "year"))
    fitted = {"link": "identity", "mean": [1e6, 2000.0], "std": [1e5, 10.0]}
    compared = comparison(target, [[1.0, -2.0], [0.5, 1.0]], fitted=fitted)
    price, year = rule(target, fitted).tolerance(compared)["values"]
    # Besides the spread, a float32's own steps: 2^-3 at 1.1 million, 2^-13 at 2010.
    assert price == pytest.approx(1e-6 * 1e5 + 2**-3)
    assert year == pytest.approx(1e-6 * 20 + 2**-13)


def test_a_network_that_is_imprecise_itself_proves_nothing():
    target = Classes(("a", "b"))
    with pytest.raises(VerificationError, match="scores up to 8 differ by 0.1 between float32 and float64"):
        rule(target).tolerance(comparison(target, [[8.0, 0.0]], single_error=0.1))


def test_a_tie_of_two_labels_is_undecided_and_a_lead_is_not():
    expected = {"probabilities": np.array([[0.4, 0.4 + 1e-7, 0.2], [0.5, 0.3, 0.2]])}
    assert undecided(Classes(("a", "b", "c")), expected, {"probabilities": (1e-6,)}).tolist() == [True, False]


def test_the_worst_of_several_faults_is_named():
    expected = {"probability": np.array([0.1, 0.5, 0.9]), "label": np.array(["no", "yes", "yes"], object)}
    given = {**expected, "probability": np.array([0.1, 0.501, 0.88])}
    (fault,) = faults(Binary(("no", "yes")), expected, given, {"probability": (1e-6,)})
    assert (fault.output, fault.example) == ("probability", 2)
    assert fault.message == "value 0: expected 0.9, found 0.88: error 0.02, tolerance 1e-06"


class Judged:
    """A judge of ranks alone."""

    def __init__(self):
        self.registry, self.names, self.target = Registry.discover(), ("auroc",), Binary(("no", "yes"))


def metrics(single, file):
    compared = Comparison({"probability": np.array(single)}, {}, {"probability": np.array(file)})
    truth = Examples({}, np.array(["no", "yes", "no", "yes"], object), list("abcd"))
    return certify._metrics(compared, Judged(), {"probability": (1e-6,)}, truth)


def test_a_rank_may_change_where_probabilities_tie_within_their_tolerance():
    found = metrics([0.3, 0.3 + 1e-8, 0.1, 0.9], [0.3 + 1e-8, 0.3, 0.1, 0.9])
    assert found == {"torch": {"auroc": pytest.approx(1.0)}, "onnx": {"auroc": pytest.approx(0.75)}}


def test_a_metric_that_differs_for_no_such_reason_is_refused():
    with pytest.raises(VerificationError, match=r"auroc on 4 held-out examples: PyTorch 1\.0, file 0\.75"):
        metrics([0.3, 0.6, 0.1, 0.9], [0.6, 0.3, 0.1, 0.9])


def test_pictures_of_different_sizes_are_cut_to_fit_into_one_batch():
    pictures = [np.full((5 + n, 9 - n, 3), n, np.uint8) for n in range(4)]
    few = held_out.sample(Examples({"image": pictures}, None, list("abcd")))
    assert few.inputs["image"].shape == (4, 5, 6, 3)
    assert few.ids == list("abcd")


def test_golden_examples_stay_within_their_share_of_the_disk(monkeypatch):
    pictures = Examples({"image": np.zeros((40, 10, 10, 3), np.uint8)}, None, list(range(40)))
    assert len(held_out.golden(pictures, {})) == 16
    monkeypatch.setattr(held_out, "_GOLDEN_BYTES", 1000)
    assert len(held_out.golden(pictures, {})) == 3
    monkeypatch.setattr(held_out, "_GOLDEN_BYTES", 10)
    assert len(held_out.golden(pictures, {})) == 1


def test_probes_vary_what_the_held_out_examples_do_not():
    specs = (
        TensorSpec("age", "number", "float64", ()),
        TensorSpec("island", "category", "string", ()),
        TensorSpec("embedding", "vector", "float32", (3,)),
    )
    inputs = {"age": np.full(5, 7.0), "island": np.full(5, "Biscoe", object), "embedding": np.ones((5, 3))}
    probing = probes(Signature(specs, Classes(("a", "b"))), Examples(inputs, None, list("abcde")))
    assert len(probing) == NUM_PROBES
    assert np.isnan(probing.inputs["age"]).sum() == 4
    assert len(np.unique(probing.inputs["age"])) > 20
    assert {"", "Biscoe", "a word never seen"} == set(probing.inputs["island"])
    assert (probing.inputs["embedding"].std(axis=0) > 0).all()


def test_probed_pictures_have_several_sizes():
    spec = TensorSpec("image", "image", "uint8", (None, None, 1))
    grey = Examples({"image": np.zeros((2, 8, 8, 1), np.uint8)}, None, ["a", "b"])
    probing = probes(Signature((spec,), Classes(("a", "b"))), grey)
    assert {picture.shape for picture in probing.inputs["image"]} >= {(8, 8, 1), (1, 1, 1), (7, 40, 1)}
