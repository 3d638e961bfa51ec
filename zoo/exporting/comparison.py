"""Answers the same raw examples with an exported file and with the network that it was made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from zoo.contracts.examples import Examples
from zoo.contracts.targets import SCORES, Mask, Tokens
from zoo.contracts.tensors import TensorSpec
from zoo.errors import VerificationError
from zoo.exporting.reference import Reference, following
from zoo.preprocessing.encoding import encoded_name
from zoo.runtime.answers import Answers
from zoo.runtime.batches import Array, batches, is_ragged, joined
from zoo.runtime.generation import initial_states
from zoo.runtime.sessions import open_session
from zoo.training.trained import Network

_FIX = "export again; if it fails again, this network cannot be exported faithfully: report it to its author"


@dataclass(frozen=True)
class Comparison:
    """Scores and answers for the same examples: PyTorch in both precisions, and the exported file."""

    single: Answers
    double: Answers
    file: Answers


class Subject:
    """An exported file beside the network that it was made from."""

    def __init__(self, model: bytes, network: Network, states: Sequence[TensorSpec] = ()) -> None:
        preprocessing = network.preprocessing
        self.fitted = preprocessing.fitted["target"]
        self._target = preprocessing.encoded.target
        self._states = states
        self._reference = Reference(network.module, preprocessing)
        self._session = open_session(model)
        inner = [spec.name for spec in self._target.outputs]
        if isinstance(self._target, Tokens):
            self._tokens = encoded_name(preprocessing.raw.inputs[0].name)
            inner = [SCORES, self._tokens]
        self._inner, self._opened = inner, open_session(_with_inner(model, inner))

    def compare(self, examples: Examples, batch_size: int) -> Comparison:
        """Answers raw examples all three ways, in batches of at most `batch_size`."""
        single, double = self._reference.answers(examples, batch_size)
        order, files = [], []
        for indices, batch in batches(examples.inputs, batch_size):
            order.append(indices)
            files.append(self._run(batch, [examples.ids[index] for index in indices], double))
        back = np.argsort(np.concatenate(order))
        file = {name: each[back] for name, each in joined(files).items()}
        return Comparison(single=_rounded(single), double=double, file=file)

    def continued(self, texts: Sequence[tuple[str, str]]) -> Comparison:
        """What follows a text, all at once in PyTorch, and in the file in two pieces with the state handed on."""
        whole = np.array([first + second for first, second in texts], object)
        (name,) = (given.name for given in self._session.get_inputs() if given.type == "tensor(string)")
        examples = Examples({name: whole}, None, [f"text {place}" for place in range(len(texts))])
        single, double = self._reference.answers(examples, 1)
        found = [self._in_two_pieces(name, *pieces) for pieces in texts]
        answer = "probabilities"
        return Comparison(
            single={answer: single[answer].astype(np.float32)},
            double={answer: double[answer]},
            file={answer: np.concatenate(found)},
        )

    def _in_two_pieces(self, name: str, first: str, second: str) -> Array:
        names = [output.name for output in self._session.get_outputs()]
        feed = {name: np.array([first], object), **initial_states(self._states, 1)}
        after = dict(zip(names, self._session.run(names, feed), strict=True))
        handed_on = {spec.name: after[f"next_{spec.name}"] for spec in self._states}
        feed = {name: np.array([second], object), **handed_on}
        answers: Array = self._session.run(["probabilities"], feed)[0]
        return answers

    def _run(self, batch: Mapping[str, Array], ids: list[str], expected: Answers) -> dict[str, Array]:
        names = [each.name for each in self._session.get_outputs() if not each.name.startswith("next_")]
        feed = {**batch, **initial_states(self._states, len(ids))}
        try:
            outputs = [*self._session.run(names, feed), *self._opened.run(self._inner, feed)]
        # ONNX Runtime's exceptions have no common base; whatever it is, the file does not answer.
        except Exception as error:
            raise refusal(f"it fails on a batch of {len(ids)}, from {ids[0]}: {error}") from error
        file = dict(zip((*names, *self._inner), outputs, strict=True))
        if isinstance(self._target, Tokens):
            said = following(np.asarray(file[SCORES], np.float64), file[self._tokens])
            file = {"probabilities": file["probabilities"], "log_likelihoods": said["log_likelihoods"]}
        for name, answer in expected.items():
            self._require_shape(name, file[name], answer, ids)
        return file

    def _require_shape(self, name: str, given: Array, expected: Array, ids: list[str]) -> None:
        shape = (len(ids), *expected.shape[1:])
        # Log-likelihoods are as many as the batch's longest text has tokens, a mask is as large as its picture.
        varies = name == "log_likelihoods" or (isinstance(self._target, Mask) and name != SCORES)
        if (given.ndim != len(shape) and not is_ragged(expected)) or (given.shape != shape and not varies):
            raise refusal(
                f"{name} of a batch of {len(ids)}, from {ids[0]}, has shape {list(given.shape)}, "
                f"not {list(shape)}"
            )


def _with_inner(model: bytes, names: Sequence[str]) -> bytes:
    """A copy that gives what the network emits too."""
    copy = onnx.load_model_from_string(model)
    known = {value.name: value for value in copy.graph.value_info}
    copy.graph.output.extend(known[name] for name in names)
    return bytes(copy.SerializeToString())


def _rounded(single: Answers) -> Answers:
    """To float32, as the file gives them."""
    return {
        name: answer.astype(np.float32) if answer.dtype.kind == "f" else answer
        for name, answer in single.items()
    }


def refusal(difference: str) -> VerificationError:
    """The error that says what differs."""
    return VerificationError(f"the exported model is not the trained network: {difference}", fix=_FIX)
