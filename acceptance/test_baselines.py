"""Wine quality, breast cancer and three labels at once: each beats the best constant answer clearly."""

import pytest


@pytest.mark.parametrize(
    ("name", "margin"),
    [
        ("mlp on wine quality as classes", 0.10),
        ("mlp on breast-cancer", 0.25),
        ("mlp on three labels of wine", 0.15),
    ],
)
def test_accuracy_beats_the_majority_by_a_margin(done, compared, record, name, margin):
    job, found = done(name), compared(name)
    accuracy, baseline = found.figure(found.onnx), found.baseline()
    record(
        name,
        f"accuracy {accuracy:.4f}, majority {baseline:.4f}",
        demanded=f"majority + {margin:.2f}",
        command=str(job.job),
        seconds=job.training_s,
    )
    assert job.exported["certificate"]["signature"]["target"]["kind"] == job.job.target
    assert accuracy >= baseline + margin


def test_the_error_of_values_beats_the_mean_by_a_tenth(done, compared, record):
    name = "mlp on wine quality as values"
    job, found = done(name), compared(name)
    error, baseline = found.figure(found.onnx), found.baseline()
    record(
        name,
        f"RMSE {error:.4f}, mean {baseline:.4f}",
        demanded="<= 0.9 x mean",
        command=str(job.job),
        seconds=job.training_s,
    )
    assert job.exported["certificate"]["signature"]["target"]["kind"] == "values"
    assert error <= 0.9 * baseline
