"""Answers the same raw examples with an exported file and with the network that it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from zoo.contracts.signature import Examples
from zoo.errors import VerificationError
from zoo.exporting.reference import Reference, answers
from zoo.preprocessing.encoding import SCORES
from zoo.runtime.answers import Answers
from zoo.runtime.batches import Array, batches
from zoo.runtime.predictor import open_session
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

    def __init__(self, model: bytes, network: Network) -> None:
        preprocessing = network.preprocessing
        self.fitted = preprocessing.fitted["target"]
        self._target = preprocessing.raw.target
        self._reference = Reference(network.module, preprocessing)
        self._file = open_session(model)
        self._scores = open_session(_with_scores(model))

    def compare(self, examples: Examples, batch_size: int) -> Comparison:
        """Answers raw examples all three ways, in batches of at most `batch_size`."""
        single, double = self._reference.scores(examples, batch_size)
        expected = self._answers(double)
        order, files = [], []
        for indices, batch in batches(examples.inputs, batch_size):
            order.append(indices)
            files.append(self._run(batch, [examples.ids[index] for index in indices], expected))
        back = np.argsort(np.concatenate(order))
        return Comparison(
            single=_rounded(self._answers(single)),
            double=expected,
            file={name: np.concatenate([file[name] for file in files])[back] for name in files[0]},
        )

    def _answers(self, scores: Array) -> Answers:
        return {SCORES: scores, **answers(self._target, scores, self.fitted)}

    def _run(self, batch: Mapping[str, Array], ids: list[str], expected: Answers) -> dict[str, Array]:
        names = [output.name for output in self._file.get_outputs()]
        try:
            outputs = [*self._file.run(names, batch), *self._scores.run([SCORES], batch)]
        # ONNX Runtime's exceptions have no common base; whatever it is, the file does not answer.
        except Exception as error:
            raise refusal(f"it fails on a batch of {len(ids)}, from {ids[0]}: {error}") from error
        file = dict(zip((*names, SCORES), outputs, strict=True))
        for name, answer in expected.items():
            shape = (len(ids), *answer.shape[1:])
            if file[name].shape != shape:
                raise refusal(
                    f"{name} of a batch of {len(ids)}, from {ids[0]}, has shape {list(file[name].shape)}, "
                    f"not {list(shape)}"
                )
        return file


def _with_scores(model: bytes) -> bytes:
    """A copy that gives the scores too."""
    copy = onnx.load_model_from_string(model)
    copy.graph.output.extend(value for value in copy.graph.value_info if value.name == SCORES)
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
