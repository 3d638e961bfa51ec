"""Reads text files: classes to tell apart, or plain text for a language model.

- Class files, a text a line: ``names/Arabic.txt`` beside ``names/Czech.txt``.
- Class folders, a text a file: ``mails/spam/1.txt`` beside ``mails/ham/1.txt``.
- Either below ``train``, ``validation`` and ``test``.
- One file, or ``train.txt`` beside ``valid.txt`` and ``test.txt``: plain text.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge

from zoo.contracts.examples import Examples, Splits, Timeline
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Tokens
from zoo.contracts.tensors import TensorSpec
from zoo.data.examples import concatenate, take
from zoo.data.readers.windows import Cut, read_windows
from zoo.data.splits import ROLES
from zoo.data.targets import TargetColumn, encode, infer, label_target
from zoo.errors import DataError, UsageError, did_you_mean
from zoo.runtime.tables import TABLE_SUFFIXES
from zoo.runtime.texts import AUTO, TEXT_SUFFIX, read_text

INPUT = "text"
Texts = list[tuple[str, str]]
"""Texts, each with the place that it comes from."""


@dataclass(frozen=True)
class Sources:
    """Where the texts of one class stand: in each line of one file, or in files of their own."""

    files: tuple[Path, ...]
    are_lines: bool


Classes = Mapping[str, Sources]


def refuses(path: Path) -> str:
    """Why this is no text file, and no folder of them; empty if it is one."""
    if path.is_file():
        return "" if path.suffix.lower() == TEXT_SUFFIX else f"does not end in {TEXT_SUFFIX}"
    if any(file.suffix.lower() in TABLE_SUFFIXES for file in path.iterdir()):
        return "holds tables"
    files = _files(path)
    if (
        len(files) > 1
        or (files and files[0].stem.lower() in ROLES)
        or any(_files(inner) for folder in _folders(path) for inner in (folder, *_folders(folder)))
    ):
        return ""
    if files:
        return f"holds {files[0].name} alone: give the file itself, or add one for another class"
    return f"holds no {TEXT_SUFFIX} file, nor a folder with one in it"


def read(
    path: Path,
    *,
    target_type: Literal["auto", "classes"] = "auto",
    drop: tuple[str, ...] = (),
    encoding: str = AUTO,
    duplicates: Literal["drop", "keep"] = "drop",
    window: Annotated[int, Ge(2)] = 1024,
    tokens: Literal["auto", "words", "characters"] = "auto",
) -> Splits:
    """The texts of class files (a text a line) or class folders (a text a file), or plain text in windows.

    Args:
        path: The file or folder.
        target_type: What two classes are: auto makes them binary, the second one being positive.
        drop: Classes or files to leave out.
        encoding: The text encoding; auto is UTF-8, or UTF-16 where the file says so.
        duplicates: What happens to texts that occurred before, if the data declares no splits: drop keeps one, with the most frequent label.
        window: Characters of plain text in one example.
        tokens: What a text is cut into; auto takes characters for plain text and where most texts are one word, else words.

    Raises:
        UsageError: What is to be left out does not exist.
        DataError: A file is empty, is no text or has another encoding, or there is one class only.
    """
    plain = _plain_files(path, drop)
    if plain:
        return _read_plain(plain, window, _cut(tokens), encoding)
    splits = _find_splits(path, drop)
    train = splits["train"]
    if len(train) < 2:
        raise DataError(
            f"{path}: has one class ({', '.join(train)}); there is nothing to tell apart", fix=_alone(train)
        )
    found = {role: _labelled(path, classes, encoding) for role, classes in splits.items()}
    column = found["train"][1]
    target = label_target(column) if target_type == "auto" else infer([column], target_type)
    signature = Signature((TensorSpec(INPUT, "text", "string", ()),), target)
    parts = {role: _examples(texts, column, signature) for role, (texts, column) in found.items()}
    if len(parts) == 1 and duplicates == "drop":
        parts["train"] = without_duplicates(parts["train"])
    return Splits(signature, parts["train"], parts.get("validation"), parts.get("test"))


def read_like(path: Path, signature: Signature, options: Mapping[str, Any]) -> Examples:
    """Every text as examples of ``signature``.

    Raises:
        DataError: The signature takes no text, or does not know a class.
    """
    if [spec.kind for spec in signature.inputs] != ["text"]:
        names = ", ".join(spec.name for spec in signature.inputs[:10])
        raise DataError(
            f"{path}: holds texts, but the model takes {names}", fix="give data of the trained kind"
        )
    drop = [name for name in options.get("drop", ()) if name in _names(path)]
    encoding = str(options.get("encoding", AUTO))
    plain = _plain_files(path, drop)
    name = signature.inputs[0].name
    if isinstance(signature.target, Tokens):
        files = list(plain.values()) or [
            file for found in _find_splits(path, drop).values() for file in _every(found)
        ]
        window, cut = int(options.get("window", 1024)), _cut(str(options.get("tokens", "auto")))
        return concatenate([read_windows(file, window, cut, encoding, name) for file in files])
    if plain:
        raise DataError(
            f"{path}: is plain text, but the model tells classes apart", fix="give a file or a folder a class"
        )
    found = [_labelled(path, classes, encoding) for classes in _find_splits(path, drop).values()]
    return concatenate([_examples(texts, column, signature) for texts, column in found])


def without_duplicates(examples: Examples) -> Examples:
    """One example a distinct input text, in the order in which the kept ones stand.

    Where their truths differ, the first example with the most frequent truth is kept, and of equally
    frequent ones the first.
    """
    [texts] = examples.inputs.values()
    rows_by_text: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        rows_by_text.setdefault(text, []).append(row)
    if len(rows_by_text) == len(examples):
        return examples
    return take(examples, sorted(_most_frequent(examples.target, rows) for rows in rows_by_text.values()))


def _most_frequent(truth: Any, rows: list[int]) -> int:
    if len(rows) == 1:
        return rows[0]
    columns = list(truth.values()) if isinstance(truth, dict) else [truth]
    keys = [repr([np.asarray(column[row]).tolist() for column in columns]) for row in rows]
    # Counter keeps the order of first occurrence among equals.
    return rows[keys.index(Counter(keys).most_common(1)[0][0])]


def _files(path: Path) -> list[Path]:
    return sorted(
        file
        for file in path.glob("*")
        if file.suffix.lower() == TEXT_SUFFIX and file.is_file() and file.name[0] != "."
    )


def _folders(path: Path) -> list[Path]:
    return sorted(folder for folder in path.iterdir() if folder.is_dir() and folder.name[0] != ".")


def _names(path: Path) -> set[str]:
    """What can be left out at a path: files by stem or name, folders by name, also one level down."""
    if path.is_file():
        return set()
    inner = [each for folder in _folders(path) for each in (*_files(folder), *_folders(folder))]
    found = [*_files(path), *_folders(path), *inner]
    return {each.name for each in found} | {each.stem for each in found if each.is_file()}


def _is_kept(each: Path, drop: Sequence[str]) -> bool:
    return each.name not in drop and not (each.is_file() and each.stem in drop)


def _plain_files(path: Path, drop: Sequence[str]) -> dict[str, Path]:
    """The files of plain text by split; none if these are classes."""
    known = _names(path)
    for name in drop:
        if name not in known:
            raise UsageError(
                f"data.drop: {path} has no class or file {name!r}", fix=did_you_mean(name, known)
            )
    if path.is_file():
        return {"train": path}
    found: dict[str, Path] = {}
    for file in (file for file in _files(path) if _is_kept(file, drop)):
        role = ROLES.get(file.stem.lower())
        if role in found:
            raise DataError(
                f"{path}: {found[role].name} and {file.name} are both the {role} split",
                fix="remove one of them",
            )
        if role:
            found[role] = file
    return found if "train" in found else {}


def _find_splits(path: Path, drop: Sequence[str]) -> dict[str, Classes]:
    folders = [folder for folder in _folders(path) if _is_kept(folder, drop)]
    roles = [ROLES.get(folder.name.lower()) for folder in folders]
    if "train" not in roles or None in roles:
        return {"train": _find_classes(path, drop)}
    if len(set(roles)) < len(roles):
        raise DataError(
            f"{path}: several folders hold the same split: {', '.join(folder.name for folder in folders)}",
            fix="keep one of train, validation and test each",
        )
    return {str(role): _find_classes(folder, drop) for role, folder in zip(roles, folders, strict=True)}


def _find_classes(path: Path, drop: Sequence[str]) -> Classes:
    """The files of each class; a file that is a class itself is the only one of its own."""
    folders = [folder for folder in _folders(path) if _is_kept(folder, drop)]
    files = [file for file in _files(path) if _is_kept(file, drop)]
    found = {folder.name: tuple(sorted(folder.rglob(f"*{TEXT_SUFFIX}"))) for folder in folders}
    if not any(found.values()):
        return {file.stem: Sources((file,), are_lines=True) for file in files}
    if files:
        raise DataError(
            f"{path}: {len(files)} texts are in no class folder, for example {files[0].name}",
            fix=f"move them into the folder of their class, or leave them out: data.drop=[{files[0].stem}]",
        )
    empty = [name for name, inside in found.items() if not inside]
    if empty:
        raise DataError(
            f"{path}: class folders without texts: {', '.join(empty[:10])}",
            fix=f"remove them, or add files that end in {TEXT_SUFFIX}",
        )
    return {name: Sources(inside, are_lines=False) for name, inside in found.items()}


def _every(classes: Classes) -> list[Path]:
    return [file for sources in classes.values() for file in sources.files]


def _alone(classes: Classes) -> str:
    """What to do about the only class."""
    lines = [str(sources.files[0]) for sources in classes.values() if sources.are_lines]
    if lines:
        return f"add a file for another class; {lines[0]} alone trains a language model"
    return "add a folder for another class"


def _labelled(path: Path, classes: Classes, encoding: str) -> tuple[Texts, TargetColumn]:
    texts: Texts = []
    labels: list[str] = []
    for label, sources in classes.items():
        of_class = [
            pair for file in sources.files for pair in _texts_of(path, file, sources.are_lines, encoding)
        ]
        texts += of_class
        labels += [label] * len(of_class)
    return texts, TargetColumn("label", np.array(labels, dtype=object))


def _texts_of(path: Path, file: Path, are_lines: bool, encoding: str) -> Texts:
    """The lines of a file but the blank ones, or its whole text."""
    content = read_text(file, encoding)
    place = file.relative_to(path).as_posix()
    if not content.strip():
        raise DataError(f"{file}: is empty", fix="remove the file, or leave it out with data.drop=[…]")
    if not are_lines:
        return [(content, place)]
    lines = enumerate(content.split("\n"), start=1)
    return [(line.strip(), f"{place} line {number}") for number, line in lines if line.strip()]


def _examples(texts: Texts, column: TargetColumn, signature: Signature) -> Examples:
    ids = [place for _, place in texts]
    inputs = {signature.inputs[0].name: np.array([text for text, _ in texts], dtype=object)}
    return Examples(inputs, encode(signature.target, [column], ids), ids)


def _cut(tokens: str) -> Cut:
    """What two neighbouring windows share: their border character, or the word there."""
    return "words" if tokens == "words" else "characters"


def _read_plain(files: Mapping[str, Path], window: int, cut: Cut, encoding: str) -> Splits:
    parts = {role: read_windows(file, window, cut, encoding, INPUT) for role, file in files.items()}
    signature = Signature((TensorSpec(INPUT, "text", "string", ()),), Tokens(name=INPUT))
    num = len(parts["train"])
    timeline = Timeline(range(num), range(num), num)
    return Splits(signature, parts["train"], parts.get("validation"), parts.get("test"), timeline)
