import json
import random
import time
import unicodedata
from collections import Counter

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.contracts.examples import Examples
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing import text
from zoo.preprocessing.graphs import chain, cut, open_session
from zoo.preprocessing.text import Tokenisation

SPEC = TensorSpec("message", "text", "string", ())
MODES = ("words", "characters")
MILLION = 1_000_000


def fitted(texts, **choices):
    ids = [f"texts.csv line {row + 2}" for row in range(len(texts))]
    examples = Examples({"message": np.array(texts, dtype=object)}, None, ids)
    return text.fit(SPEC, examples, Tokenisation(**choices))


class Model:
    """Fitted and opened: texts to rows without padding, as numbers or as tokens."""

    def __init__(self, texts, **choices):
        self.encoding = fitted(texts, **choices)
        self.vocabulary = self.encoding.statistics["vocabulary"]
        self._session = open_session(self.encoding.graph, num_threads=1)

    def encode(self, texts):
        return self._session.run(None, {"message": np.array(texts, dtype=object)})[0]

    def tokens(self, texts):
        return [[self.vocabulary[number] for number in row if number] for row in self.encode(texts).tolist()]


def tokenise(given, mode):
    """What the module promises, written anew from Unicode's categories."""
    if mode == "characters":
        return list(given)
    tokens, word = [], ""
    for character in given:
        category = unicodedata.category(character)
        if category[0] in "LMN" or character == "_":
            word += character
            continue
        tokens += [word] if word else []
        word = ""
        if category[0] != "Z" and character not in "\t\n\v\f\r\x85":
            tokens.append(character)
    return tokens + ([word] if word else [])


def random_texts(num_texts, seed):
    """Texts of characters that Python's Unicode knows, from every plane, with many short runs of each kind."""
    draw = random.Random(seed)
    assigned = [code for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    common = list(
        map(ord, " \t\n\v\f\r\x85\xa0\u3000\u2028_aB9é.,!'\u0301\u0903\u200d\u200f\u0627\u4e2d\U0001f600\0")
    )
    for _ in range(num_texts):
        codes = draw.choices(assigned, k=draw.randrange(12)) + draw.choices(common, k=draw.randrange(12))
        draw.shuffle(codes)
        yield "".join(map(chr, codes)).replace("\ufffd", "")


@pytest.mark.parametrize("mode", MODES)
def test_ten_thousand_random_texts_split_as_unicode_says(mode):
    texts = list(random_texts(10_000, seed=5))
    model = Model(texts, tokens=mode, min_count=1, max_tokens=10**6)
    expected = [tokenise(given, mode) for given in texts]
    assert model.tokens(texts) == expected
    counts = Counter(token for tokens in expected for token in tokens)
    assert model.vocabulary[2:] == sorted(counts, key=lambda token: (-counts[token], token))


known_characters = st.characters(blacklist_categories=["Cs", "Cn"], blacklist_characters="\ufffd")


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(known_characters, max_size=30), min_size=1, max_size=5),
    mode=st.sampled_from(MODES),
)
def test_any_text_splits_as_unicode_says(texts, mode):
    expected = [tokenise(given, mode) for given in texts]
    if not any(expected):
        with pytest.raises(DataError, match=f"holds no {mode} in the training split"):
            fitted(texts, tokens=mode, min_count=1)
    else:
        assert Model(texts, tokens=mode, min_count=1).tokens(texts) == expected


def test_tokens_are_numbered_by_falling_count_then_by_code_point():
    model = Model(["b a c", "b c", "b é d"], min_count=1)
    assert model.vocabulary == ["", "\ufffd", "b", "c", "a", "d", "é"]
    assert model.encode(["d b new", "é"]).tolist() == [[5, 2, 1], [6, 0, 0]]
    assert model.encoding.inputs == (TensorSpec("encoded_message", "tokens", "int64", (None,), 7),)
    assert model.encoding.stored == ("encoded_message",)


def test_rare_tokens_and_those_beyond_the_limit_are_unknown():
    texts = ["a a a b b c", "c d"]
    assert Model(texts, min_count=2).vocabulary[2:] == ["a", "b", "c"]
    assert Model(texts, min_count=1, max_tokens=4).vocabulary[2:] == ["a", "b"]
    assert Model(texts, min_count=2).encode(["d a e"]).tolist() == [[1, 2, 1]]


def test_statistics_are_plain_data():
    statistics = fitted(["a b a b"], max_length=7).statistics
    assert json.loads(json.dumps(statistics)) == statistics
    assert statistics["max_length"] == 7
    assert statistics["vocabulary"] == ["", "\ufffd", "a", "b"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("lower_case", [False, True])
def test_empty_and_blank_texts_are_padding_alone_and_an_empty_batch_is_one(mode, lower_case):
    model = Model(["ab ab"], tokens=mode, lower_case=lower_case)
    assert model.encode([]).shape == (0, 1)
    assert model.encode([""]).tolist() == [[0]]
    assert model.encode(["", "ab"]).shape == (2, 1 if mode == "words" else 2)
    if mode == "words":
        assert model.encode(["  \t\u3000\n", ""]).tolist() == [[0], [0]]


@pytest.mark.parametrize("mode", MODES)
def test_a_text_of_unknown_tokens_is_not_padding(mode):
    assert Model(["a a"], tokens=mode).encode(["xyz", "\ufffd"]).min() == (1 if mode == "words" else 0)
    assert Model(["a a"], tokens=mode).encode(["\0", "\ufffd"]).tolist() == [[1], [1]]


def test_a_nul_character_is_a_token_like_any_other():
    assert Model(["a\0b\0"], tokens="characters", min_count=1).tokens(["b\0a"]) == [["b", "\0", "a"]]
    assert Model(["a\0b\0"], min_count=1).tokens(["b\0a"]) == [["b", "\0", "a"]]


def test_marks_belong_to_their_word_and_emoji_stand_alone():
    texts = ["cafe\u0301 हिन्दी", "👩\u200d👧!", "שָׁלוֹם עולם"]
    assert Model(texts, min_count=1).tokens(texts) == [
        ["cafe\u0301", "हिन्दी"],
        ["👩", "\u200d", "👧", "!"],
        ["שָׁלוֹם", "עולם"],
    ]


def test_lower_case_joins_the_spellings_of_a_word():
    model = Model(["Hello wörld", "hello ÉTÉ"], lower_case=True, min_count=1)
    assert model.vocabulary[2:] == ["hello", "wörld", "été"]
    assert model.encode(["HELLO hELLo", "WÖRLD Wörld", "wÖrld été", "Été ÉTÉ", "éTÉ étÉ"]).tolist() == [
        [2, 2], [3, 3], [3, 4], [4, 4], [1, 1]
    ]  # fmt: skip


def test_a_mixed_spelling_that_training_has_seen_is_known():
    assert Model(["éTÉ", "été"], lower_case=True, min_count=1).encode(["étÉ ÉTÉ"]).tolist() == [[2, 2]]


def test_lower_case_joins_both_cases_of_every_letter():
    model = Model(["äß \u03a3\u01c6"], tokens="characters", lower_case=True, min_count=1)
    (row,) = model.tokens(["Äß \u03c3\u01c5"])
    assert row == ["ä", "ß", " ", "\u03c3", "\u01c6"]
    assert model.encode(["Ä"]).tolist() == model.encode(["ä"]).tolist()


def test_without_lower_case_spellings_differ():
    assert Model(["Ab Ab ab ab"]).encode(["ab Ab AB"]).tolist() == [[3, 2, 1]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("max_length", [1, 3, 40, 256, 257, 700])
def test_a_text_is_cut_behind_its_first_tokens(mode, max_length):
    given = [" ".join(f"wörd{i % 50}" for i in range(900)), "short"]
    model = Model(given, tokens=mode, max_length=max_length, min_count=1)
    whole = Model(given, tokens=mode, max_length=None, min_count=1)
    assert model.encode(given).shape[1] == max_length
    assert model.tokens(given) == [tokens[:max_length] for tokens in whole.tokens(given)]


@pytest.mark.parametrize("unit", ["a", "!", " ", "ab, ", "é漢 "])
@pytest.mark.parametrize("mode", MODES)
def test_a_million_characters_among_short_texts_take_less_than_two_seconds(unit, mode):
    model = Model(["ab, é!"], tokens=mode, min_count=1, max_length=512)
    long = (unit * MILLION)[:MILLION]
    started_at = time.perf_counter()
    encoded = model.encode([long, *["ab"] * 255])
    assert time.perf_counter() - started_at < 2
    assert encoded.shape[1] <= 512
    expected = [
        token if token in model.vocabulary else "\ufffd" for token in tokenise(long[:4096], mode)[:512]
    ]
    assert model.tokens([long]) == [expected]


def test_the_rest_of_the_batch_does_not_change_a_row():
    model = Model(["one two three four five"], min_count=1, max_length=4)
    alone = model.encode(["one two"]).tolist()[0]
    among = model.encode(["one two", "one two three four five", "x" * 100_000]).tolist()[0]
    assert among == alone + [0] * (len(among) - len(alone))


def test_half_a_surrogate_pair_is_refused_by_place():
    with pytest.raises(DataError, match=r"input 'message' in texts\.csv line 3: character 1 is '\\ud800'"):
        fitted(["good", "b\ud800d"])


def test_too_few_texts_for_a_vocabulary_say_so():
    with pytest.raises(DataError, match="none of its words occurs 2 times in training") as caught:
        fitted(["each word once"])
    assert "data.min_count=1" in caught.value.fix


@pytest.mark.parametrize(
    "choices", [{"max_length": 5, "lower_case": True}, {"tokens": "characters"}, {"max_length": None}]
)
def test_the_graph_is_one_that_every_supported_runtime_loads_and_can_be_cut_and_chained(choices):
    encoding = fitted(["a a b b"], **choices)
    onnx.checker.check_model(encoding.graph)
    assert encoding.graph.ir_version == 8
    opsets = {entry.domain: entry.version for entry in encoding.graph.opset_import}
    assert opsets[""] == 20
    assert opsets["com.microsoft"] == 1
    assert opsets["ai.onnx.ml"] <= 3
    model = chain([("text", cut(encoding.graph, ["message"], encoding.stored))])
    texts = np.array(["a b " * 200, "b"], dtype=object)
    results = [open_session(each).run(None, {"message": texts})[0] for each in (encoding.graph, model)]
    np.testing.assert_array_equal(*results)
