"""California housing: a value in dollars from a table with gaps and a column of words."""

import numpy as np


def test_an_mlp_is_within_55000_dollars_from_the_file(done, compared, record):
    job, found = done("mlp on california_housing"), compared("mlp on california_housing")
    error = found.figure(found.onnx)
    record(
        "mlp on california_housing",
        f"RMSE {error:,.0f} dollars from the file (mean baseline {found.baseline():,.0f})",
        demanded="<= 55,000",
        command=str(job.job),
        seconds=job.training_s,
    )
    np.testing.assert_allclose(error, job.onnx["rmse"], rtol=1e-6)
    assert error <= 55_000
