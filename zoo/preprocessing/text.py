r"""Texts: split into words or characters by ONNX Runtime, and numbered by a fitted vocabulary.

0 is padding behind the end of a text, 1 is a token that the vocabulary does not know, and the known ones
follow from the most frequent on. Splitting is done by ONNX Runtime's own ``Tokenizer`` (in every wheel
and in onnxruntime-web; no library of custom operators): a character is a code point, a word is a run of
letters, marks, digits and ``_``, and every other character that is no blank is a word of its own. The
vocabulary is fitted on what that very operator returns.

**Lower case.** The graph can lower A to Z everywhere, since the ``"C"`` locale is the only one that every
machine has. Other letters are lowered by the vocabulary: of each word it also knows the Capitalised and
the UPPER-CASE spelling, and those that training has seen, so that only a mixed spelling that training has
not seen (``éTÉ``) is unknown. Of single characters it knows every case.

**Long texts.** Of a batch, all texts take the room of the longest, so a text is cut before it is split:
behind ``max_length`` characters or, in words, behind a bound of at least ``8 * max_length`` characters,
which only a text of very long words or blanks reaches before its ``max_length`` words.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
import spox
import spox.opset.ai.onnx.ml.v3 as ml
import spox.opset.ai.onnx.v20 as op
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from zoo.contracts.examples import Examples
from zoo.contracts.tensors import TensorSpec
from zoo.errors import DataError
from zoo.preprocessing.encoding import Encoding, encoded_name
from zoo.preprocessing.graphs import IR_VERSION, OPSET, build, open_session

PADDING, UNKNOWN, FIRST_KNOWN = 0, 1, 2
UNKNOWN_WORD = "\ufffd"
"""What stands for an unknown token in the vocabulary; padding is the empty text."""

_WORDS = r"[\pL\pM\pN_]+|[^\t-\r \x{85}\pZ\pL\pM\pN_]"
# RE2 counts this far cheaply; with 1,000 its automaton outgrows its memory and takes seconds.
_PIECE_LENGTH = 256
_CHARACTERS_A_WORD = 8
_CHUNK = 256
_TOKENS = "tokens"


@dataclass(frozen=True)
class Tokenisation:
    """How texts become tokens.

    Attributes:
        tokens: What a token is.
        max_tokens: The size of the vocabulary at most, padding and unknown included; the most frequent
            tokens stay.
        min_count: How often training must have seen a token that the vocabulary knows. The rarer ones
            are what the network learns about unknown tokens from.
        max_length: How many tokens of a text are read; what is behind is cut off. ``None`` reads all.
        lower_case: Whether upper and lower case are the same.
    """

    tokens: Literal["words", "characters"] = "words"
    max_tokens: int = 20_000
    min_count: int = 2
    max_length: int | None = 1024
    lower_case: bool = False


def fit(spec: TensorSpec, train: Examples, tokenisation: Tokenisation) -> Encoding:
    """Learns the vocabulary and builds the graph: str ``[batch]`` to int64 ``[batch, length]``.

    The length is that of the batch's longest text, and at least 1.

    Raises:
        DataError: A text is none that Unicode can encode, or no token is frequent enough.
    """
    texts = np.asarray(train.inputs[spec.name], dtype=object)
    check_texts(spec, texts, train.ids)
    counts = _count(texts, tokenisation)
    vocabulary = ["", UNKNOWN_WORD, *_most_frequent(spec, counts, tokenisation)]
    name = encoded_name(spec.name)
    raw = spox.argument(spox.Tensor(str, ("batch",)))
    graph = build(
        {spec.name: raw}, {name: _numbered(_split(raw, tokenisation), vocabulary, counts, tokenisation)}
    )
    inputs = (TensorSpec(name, "tokens", "int64", (None,), len(vocabulary)),)
    return Encoding(inputs, {**asdict(tokenisation), "vocabulary": vocabulary}, graph, (name,))


def check_texts(spec: TensorSpec, texts: Sequence[str] | NDArray[np.object_], ids: Sequence[str]) -> None:
    """Checks that texts can be given to ONNX Runtime, which takes UTF-8.

    Raises:
        DataError: One holds half of a surrogate pair; names the input and where it stands.
    """
    for row, text in enumerate(texts):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"input {spec.name!r} in {ids[row]}: character {error.start} is {text[error.start]!r}, "
                "half of a surrogate pair and no character",
                fix="decode the text with the encoding that it was written in",
            ) from None


def _count(texts: NDArray[np.object_], tokenisation: Tokenisation) -> Counter[str]:
    """How often each token occurs, as the graph splits the texts."""
    raw = spox.argument(spox.Tensor(str, ("batch",)))
    session = open_session(build({"texts": raw}, {_TOKENS: _split(raw, tokenisation)}), num_threads=1)
    counts: Counter[str] = Counter()
    for start in range(0, len(texts), _CHUNK):
        (tokens,) = session.run(None, {"texts": texts[start : start + _CHUNK]})
        counts.update(tokens.ravel().tolist())
    del counts[""]
    return counts


def _most_frequent(spec: TensorSpec, counts: Mapping[str, int], tokenisation: Tokenisation) -> list[str]:
    """The known tokens: by falling count, equally frequent ones by code point."""
    totals: Counter[str] = Counter()
    for token, count in counts.items():
        totals[_cased(token, tokenisation)] += count
    # It stands for what is unknown, and so do the texts that hold it.
    del totals[UNKNOWN_WORD]
    if not totals:
        raise DataError(f"input {spec.name!r} holds no {tokenisation.tokens} in the training split")
    known = (token for token, count in totals.items() if count >= tokenisation.min_count)
    chosen = list(
        islice(
            sorted(known, key=lambda token: (-totals[token], token)), tokenisation.max_tokens - FIRST_KNOWN
        )
    )
    if not chosen:
        raise DataError(
            f"input {spec.name!r}: none of its {tokenisation.tokens} occurs {tokenisation.min_count} times in training",
            fix="more examples, or data.min_count=1",
        )
    return chosen


def _cased(token: str, tokenisation: Tokenisation) -> str:
    return token.lower() if tokenisation.lower_case else token


def _numbered(
    tokens: spox.Var, vocabulary: Sequence[str], seen: Mapping[str, int], tokenisation: Tokenisation
) -> spox.Var:
    """int64 ``[batch, length]``."""
    numbers = {token: number for number, token in enumerate(vocabulary) if number != UNKNOWN}
    if tokenisation.lower_case:
        spellings = [
            *seen,
            *(spelling for token in vocabulary for spelling in _spellings(token, tokenisation)),
        ]
        for spelling in spellings:
            numbers.setdefault(spelling, numbers.get(spelling.lower(), UNKNOWN))
    return ml.label_encoder(
        tokens, keys_strings=list(numbers), values_int64s=list(numbers.values()), default_int64=UNKNOWN
    )


def _spellings(token: str, tokenisation: Tokenisation) -> Iterator[str]:
    """How a token in lower case may be spelt where the graph meets it."""
    for spelling in (token.upper(), token.capitalize(), token.title()):
        if spelling.lower() == token:
            yield _lower_ascii(spelling) if tokenisation.tokens == "words" else spelling


def _lower_ascii(text: str) -> str:
    return "".join(character.lower() if character.isascii() else character for character in text)


def _split(texts: spox.Var, tokenisation: Tokenisation) -> spox.Var:
    """Texts ``[batch]`` to tokens ``[batch, length]``, ``""`` behind the end of a text."""
    # A text more, of one token: an empty batch has a row and a blank one a column.
    filled = op.concat([texts, op.constant(value=np.array(["_"]))], axis=0)
    words = tokenisation.tokens == "words"
    if tokenisation.max_length is not None:
        filled = _cut(filled, tokenisation.max_length * (_CHARACTERS_A_WORD if words else 1))
    if words and tokenisation.lower_case:
        filled = op.string_normalizer(filled, case_change_action="LOWER", locale="C")
    tokens = _tokenizer(filled, tokenexp=_WORDS) if words else _tokenizer(filled, separators=[""])
    ends = [-1, np.iinfo(np.int64).max if tokenisation.max_length is None else tokenisation.max_length]
    return op.slice(tokens, _integers([0, 0]), _integers(ends), _integers([0, 1]))


def _cut(texts: spox.Var, num_characters: int) -> spox.Var:
    """At least the first ``num_characters`` of each text, and not many more: str ``[batch]``."""
    depth = max(0, -(-num_characters // _PIECE_LENGTH) - 1).bit_length()
    pieces = _tokenizer(texts, tokenexp=f"(?s).{{1,{_PIECE_LENGTH}}}")
    width = op.gather(op.shape(pieces), op.constant(value_int=1))
    (cut,) = op.if_(
        op.less_or_equal(width, op.constant(value_int=2**depth)),
        then_branch=lambda: [op.identity(texts)],
        else_branch=lambda: [_joined(pieces, depth)],
    )
    return cut


def _joined(pieces: spox.Var, depth: int) -> spox.Var:
    """The first ``2 ** depth`` pieces of each text, put together pairwise: str ``[batch]``."""
    joined = op.slice(pieces, _integers([0]), _integers([2**depth]), _integers([1]))
    end = _integers([2**depth])
    for _ in range(depth):
        left, right = (
            op.slice(joined, _integers([start]), end, _integers([1]), _integers([2])) for start in (0, 1)
        )
        joined = op.string_concat(left, right)
    return op.squeeze(joined, _integers([1]))


def _tokenizer(texts: spox.Var, **splitting: Any) -> spox.Var:
    """ONNX Runtime's ``com.microsoft.Tokenizer``: str ``[batch]`` to ``[batch, length]``."""
    node = helper.make_node(
        "Tokenizer",
        ["texts"],
        [_TOKENS],
        domain="com.microsoft",
        mark=0,
        mincharnum=1,
        pad_value="",
        **splitting,
    )
    ends = [
        helper.make_tensor_value_info(name, TensorProto.STRING, shape)
        for name, shape in (("texts", ["batch"]), (_TOKENS, ["batch", "length"]))
    ]
    graph = helper.make_graph([node], "tokenizer", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    (tokens,) = spox.inline(model)(texts=texts).values()
    return tokens


def _integers(values: Sequence[int]) -> spox.Var:
    return op.constant(value=np.array(values, np.int64))
