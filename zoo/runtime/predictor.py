"""Answers questions with an exported model: NumPy and ONNX Runtime, nothing else."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from zoo.contracts.certificate import FORMAT, Certificate
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Tokens
from zoo.contracts.tensors import TensorSpec
from zoo.errors import ArtifactError, UsageError, ZooError
from zoo.reading import read_regular
from zoo.runtime import answers as plain
from zoo.runtime.arrays import RAW_KINDS, conform, typed
from zoo.runtime.batches import Array, Column, batches, concatenate, count
from zoo.runtime.generation import Draws, continue_text, draw_latents, initial_states
from zoo.runtime.inputs import decode
from zoo.runtime.seal import CERTIFICATE, unseal
from zoo.runtime.sessions import MAX_BYTES, Session, open_session
from zoo.runtime.tables import TableOptions

BATCH_SIZE = 256
_LONGEST_PATH = 4096
_ONNX_TYPES = {"float32": "float", "float64": "double"}


class Predictor:
    """An exported model that takes raw inputs and gives answers.

    Attributes:
        certificate: The proof that came with the model.
    """

    def __init__(self, session: Session, certificate: Certificate) -> None:
        self.certificate = certificate
        self._session = session

    @property
    def signature(self) -> Signature:
        """The raw inputs and the target."""
        return self.certificate.signature

    def predict(self, inputs: Any, *, batch_size: int = BATCH_SIZE) -> dict[str, Array]:
        """Answers for raw inputs, by output, with the examples along the first axis.

        Masks of pictures that differ in size are an array of arrays.

        Args:
            inputs: One of
                - an array with the examples along the first axis, a list of arrays (pictures and
                  clips may differ in size), or a single picture, clip or vector, where the model has one input;
                - a dict from column to values, or a polars DataFrame;
                - the path of a picture or clip, a folder of them, a ``.csv``, ``.tsv``, ``.parquet``, ``.txt``
                  or ``.npz`` file, or a list of such paths;
                - a text, or a list of texts, where the model takes text.
            batch_size: Examples answered at once.

        Raises:
            DataError: The inputs are not what the model takes.
        """
        return self.answer(self._columns(inputs), batch_size=batch_size)

    def answer(self, columns: Mapping[str, Column], *, batch_size: int = BATCH_SIZE) -> dict[str, Array]:
        """Answers for raw columns as `decode` returns them and a data set holds them, taken as they are.

        Raises:
            DataError: The columns differ in length, or are empty.
        """
        names = [each.name for each in self._session.get_outputs() if not each.name.startswith("next_")]
        columns = typed(columns, self.signature)
        return run(self._session, columns, self.certificate.states, names=names, batch_size=batch_size)

    def generate(
        self, prompt: str, *, max_tokens: int = 200, temperature: float = 1.0, seed: int = 0
    ) -> Iterator[str]:
        """Continues a text, token by token; the state is handed on, so that nothing is computed twice.

        Args:
            prompt: What is continued.
            max_tokens: How many tokens to add.
            temperature: Divides the logits: below 1 likelier tokens are preferred, 0 takes the likeliest.
            seed: Decides the draws.

        Raises:
            DataError: The prompt is empty.
            UsageError: The model continues no texts, or an option is out of range.
        """
        target = self.signature.target
        if not isinstance(target, Tokens):
            raise UsageError(
                f"the model answers {target.kind}; it does not continue texts",
                fix="leave --prompt out",
            )
        return continue_text(
            self._session,
            self.signature.inputs[0].name,
            self.certificate.states,
            target.vocabulary,
            Draws(prompt, max_tokens, temperature, seed),
        )

    def latents(self, count: int, *, seed: int = 0, label: str | None = None) -> dict[str, Column]:
        """Raw inputs of a generator: latent vectors from N(0, 1), and the label asked for, or each in turn.

        Raises:
            UsageError: The model generates no samples, takes no label, or does not know this one.
        """
        return draw_latents(self.signature, self.labels, count, seed, label)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that a generator can be asked for."""
        return self.certificate.labels

    def rows(self, answers: Mapping[str, Array]) -> list[dict[str, Any]]:
        """Answers as plain objects, one an example, ready for JSON."""
        with _as_certified():
            return plain.rows(self.signature.target, answers)

    def _columns(self, inputs: Any) -> dict[str, Column]:
        is_text = [spec.kind for spec in self.signature.inputs] == ["text"]
        paths = [] if is_text and not _are_files(inputs) else _paths(inputs)
        if paths:
            return decode(paths, self.signature, self.certificate.reading)[0]
        if type(inputs).__module__.partition(".")[0] == "polars":
            inputs = {name: inputs[name].to_list() for name in inputs.columns}
        missing = TableOptions.from_json(self.certificate.reading).missing
        return conform(inputs, self.signature, missing)


def _are_files(inputs: Any) -> bool:
    """Whether what a model of texts is given are files, and not the texts themselves."""
    given = [inputs] if isinstance(inputs, str | Path) else inputs
    if not isinstance(given, list | tuple):
        return False
    return bool(given) and all(isinstance(each, Path) or _is_file(each) for each in given)


def _is_file(text: Any) -> bool:
    try:
        return isinstance(text, str) and len(text) < _LONGEST_PATH and Path(text).is_file()
    except (OSError, ValueError):
        return False


def _paths(inputs: Any) -> list[Path]:
    """The inputs as paths; empty where they are not paths."""
    if isinstance(inputs, str | Path):
        return [Path(inputs)]
    is_paths = (
        isinstance(inputs, list | tuple) and inputs and all(isinstance(each, str | Path) for each in inputs)
    )
    return [Path(each) for each in inputs] if is_paths else []


def run(
    session: Session,
    columns: Mapping[str, Column],
    states: Sequence[TensorSpec] = (),
    *,
    names: Sequence[str],
    batch_size: int,
) -> dict[str, Array]:
    """Outputs of a session for all examples, in their order; states begin as zeros.

    Raises:
        DataError: The columns differ in length, or are empty.
    """
    order = np.empty(count(columns), dtype=np.intp)
    parts, num_done = [], 0
    for indices, batch in batches(columns, batch_size):
        parts.append(session.run(names, {**batch, **initial_states(states, len(indices))}))
        order[indices] = np.arange(num_done, num_done + len(indices))
        num_done += len(indices)
    with _as_certified():
        return {
            name: concatenate(pieces)[order]
            for name, pieces in zip(names, zip(*parts, strict=True), strict=True)
        }


def load(path: Path | str) -> Predictor:
    """Opens a model that `zoo export` wrote; every byte of it is checked first.

    Raises:
        ArtifactError: The file is missing, damaged, changed after its export, or not Zoo's.
        EnvironmentFault: The installed ONNX Runtime cannot load it.
    """
    path = Path(path)
    if path.is_dir():
        raise ArtifactError(
            f"{path}: is a folder, not a model", fix=f"name the file in it, such as {path / 'model.onnx'}"
        )
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file", fix="export a trained run with `zoo export RUN`")
    try:
        content = read_regular(path, at_most=MAX_BYTES)
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read: {error.strerror}", fix="check the path and its permissions"
        ) from error
    session = open_session(unseal(content, path.name))
    certificate = _certificate(session, path.name)
    _require_fit(session, certificate, path.name)
    return Predictor(session, certificate)


def _require_fit(session: Session, certificate: Certificate, name: str) -> None:
    """Refuses a file whose certificate speaks of other inputs or answers than its graph has."""
    kinds = {spec.kind for spec in certificate.signature.inputs}
    if not kinds or kinds - RAW_KINDS:
        raise ArtifactError(
            f"{name}: its certificate speaks of {', '.join(sorted(kinds)) or 'no'} inputs",
            fix=f"known kinds: {', '.join(sorted(RAW_KINDS))}; pip install --upgrade zoo-core",
        )
    specs = (*certificate.signature.inputs, *certificate.states)
    wanted = {spec.name: f"tensor({_ONNX_TYPES.get(spec.dtype, spec.dtype)})" for spec in specs}
    found = {each.name: each.type for each in session.get_inputs()}
    answers = {*certificate.signature.target.answers, *(f"next_{spec.name}" for spec in certificate.states)}
    given = {each.name for each in session.get_outputs()}
    if found != wanted or given != answers:
        raise ArtifactError(
            f"{name}: its certificate speaks of {wanted} and {sorted(answers)}, its graph of {found} and {sorted(given)}",
            fix="export it again",
        )


@contextmanager
def _as_certified() -> Iterator[None]:
    """Refuses answers of another type or shape than the certificate's target has."""
    try:
        yield
    except ZooError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise ArtifactError(
            f"the model's answers are not those that its certificate speaks of: {error}",
            fix="export it again",
        ) from error


def _certificate(session: Session, name: str) -> Certificate:
    try:
        document = json.loads(session.get_modelmeta().custom_metadata_map[CERTIFICATE])
        if document["format"] == FORMAT:
            return Certificate.from_json(document)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ArtifactError(
            f"{name}: its certificate cannot be read: {error!r}", fix="export it again"
        ) from error
    raise ArtifactError(
        f"{name}: its certificate has format {document['format']}, this Zoo reads format {FORMAT}",
        fix="pip install --upgrade zoo-core",
    )
