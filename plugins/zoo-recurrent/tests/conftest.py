from collections.abc import Callable

import pytest
import torch

from zoo.plugin import (
    Binary,
    Classes,
    Forecast,
    Labels,
    Several,
    Signature,
    Target,
    TensorSpec,
    Tokens,
    Values,
)
from zoo_recurrent.networks import gru, lstm, rnn

SignatureOf = Callable[[str, Target], Signature]

NUM_TOKENS = 9
NUM_FEATURES = 3
NETWORKS = [rnn, lstm, gru]
ANSWERED_ONCE = [
    Classes(("ham", "spam", "other")),
    Binary(("no", "yes")),
    Labels(("red", "green", "blue", "grey")),
    Values(("height", "weight")),
    Several((Classes(("cat", "dog", "owl"), "animal"), Values(("weight",)))),
]


def build_signature(kind: str, target: Target) -> Signature:
    tokens = TensorSpec("encoded_text", "tokens", "int64", (None,), NUM_TOKENS)
    series = TensorSpec("encoded_series", "series", "float32", (None, NUM_FEATURES))
    lengths = TensorSpec("encoded_lengths", "lengths", "int64", ())
    inputs = (tokens,) if kind == "tokens" else (series, lengths)
    return Signature(inputs, target, target.outputs)


@pytest.fixture(scope="session")
def signature_of() -> SignatureOf:
    return build_signature


@pytest.fixture(params=NETWORKS, ids=lambda network: network.__name__)
def network(request: pytest.FixtureRequest):
    return request.param


@pytest.fixture(params=ANSWERED_ONCE, ids=lambda target: target.kind)
def target(request: pytest.FixtureRequest) -> Target:
    return request.param


@pytest.fixture
def text() -> Tokens:
    return Tokens(("", "?", *"abcdefg"))


@pytest.fixture
def forecast() -> Forecast:
    return Forecast(("sales", "visits"), 4)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)
