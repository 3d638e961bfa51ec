"""MNIST with its own 10,000 test pictures."""


def test_an_mlp_reaches_980_in_a_thousand(done, record):
    job = done("mlp on mnist")
    accuracy = job.test["accuracy"]
    record(
        "mlp on mnist",
        f"accuracy {accuracy:.4f}",
        demanded=">= 0.980",
        command=str(job.job),
        seconds=job.training_s,
    )
    assert accuracy >= 0.980


def test_a_convnet_reaches_990_in_a_thousand_within_five_epochs(done, record):
    job = done("convnet on mnist")
    accuracy = job.test["accuracy"]
    record(
        "convnet on mnist",
        f"accuracy {accuracy:.4f}",
        demanded=">= 0.990",
        command=str(job.job),
        seconds=job.training_s,
    )
    assert accuracy >= 0.990
