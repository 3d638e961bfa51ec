"""Finds a data set by name or path, reads it, and completes its splits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt

from zoo.contracts.examples import Examples, Splits
from zoo.contracts.signature import Signature
from zoo.data.examples import every_example
from zoo.data.readers import Reader, recognise
from zoo.data.splits import complete
from zoo.errors import DataError, UsageError, did_you_mean
from zoo.options import Option, Schema, schema_of
from zoo.registry import Registered, Registry

WHERE = "data."
Size = int | tuple[int, int] | None


@dataclass(frozen=True)
class Data:
    """A data set that is ready to be encoded.

    Attributes:
        splits: Raw examples; validation or test is ``None`` only where its share is 0.
        options: Every option with its value, as plain data for a recipe.
        shared: Those of ``shared_options``, which say how examples are encoded.
    """

    splits: Splits
    options: dict[str, Any]
    shared: dict[str, Any]


def shared_options(
    *,
    validation: Annotated[float, Ge(0), Lt(1)] = 0.1,
    test: Annotated[float, Ge(0), Lt(1)] = 0.2,
    size: Size = None,
    fit: Literal["auto", "crop", "stretch"] = "auto",
    frames: Annotated[int, Ge(1)] | None = None,
    tokens: Literal["auto", "words", "characters"] = "auto",
    max_tokens: Annotated[int, Ge(3)] = 20_000,
    min_count: Annotated[int, Ge(1)] = 2,
    max_length: Annotated[int, Ge(1)] | None = None,
    lower_case: bool | None = None,
    latent: Annotated[int, Ge(1)] | None = None,
) -> dict[str, Any]:
    """The options that every data set has.

    Args:
        validation: Share of the training examples split off for validation, where the data declares none.
        test: Share of the training examples split off for testing, where the data declares none.
        size: Pixels that pictures and frames are brought to: a side, or [height, width]; by default what suits the network.
        fit: crop keeps the centre of a picture, stretch keeps all of it and changes its proportions; auto crops unless boxes or masks are to be found.
        frames: Frames that are taken of a clip, evenly spaced; by default what suits the network, else 16.
        tokens: What a text is cut into; auto takes characters for a language model and where most texts are one word, else words.
        max_tokens: Tokens that are known, the most frequent ones, padding and unknown included.
        min_count: Times a token must occur in training to be known; rarer ones teach what an unknown one means.
        max_length: Tokens of a text that are read; by default 256 words or 1,024 characters.
        lower_case: Whether texts are lower-cased first; by default words are, characters are not.
        latent: Numbers in the latent vector that a generator starts from; by default what suits the network.
    """
    return {
        "validation": validation,
        "test": test,
        "size": _height_width(size),
        "fit": fit,
        "frames": frames,
        "tokens": tokens,
        "max_tokens": max_tokens,
        "min_count": min_count,
        "max_length": max_length,
        "lower_case": lower_case,
        "latent": latent,
    }


def shared_defaults() -> dict[str, Any]:
    """The value of each shared option that the user does not name."""
    return {option.name: option.default for option in _SHARED.options}


def load(source: str, options: Mapping[str, Any], *, seed: int, registry: Registry) -> Data:
    """The data set of a name or path, with complete splits.

    Args:
        source: Name of a dataset entry, or else a path.
        options: The ``data.…`` words, without ``data.``.
        seed: Decides the splits.
        registry: Where names are looked up.

    Raises:
        UsageError: There is no such data set, or an option does not exist or fit.
        DataError: The data cannot be read or learned from.
    """
    found = _find(source, registry)
    own, shared = _divide(options, found, registry)
    arguments = _schema(found, registry).arguments(own, where=WHERE)
    common = shared_options(**_SHARED.arguments(shared, where=WHERE))
    splits = complete(
        _read(found, arguments, registry), validation=common["validation"], test=common["test"], seed=seed
    )
    plain = {
        **_SHARED.complete(shared, where=WHERE),
        **_schema(found, registry).complete(own, where=WHERE),
    }
    return Data(splits, plain, common)


def load_like(source: str, options: Mapping[str, Any], signature: Signature, registry: Registry) -> Examples:
    """Every example of a data set, as examples of a known signature.

    Raises:
        UsageError: There is no such data set, or an option does not exist or fit.
        DataError: The data does not fit the signature.
    """
    found = _find(source, registry)
    own, _ = _divide(options, found, registry)
    arguments = _schema(found, registry).arguments(own, where=WHERE)
    if isinstance(found, _Path):
        return found.reader.read_like(found.path, signature, arguments)
    splits = _read(found, arguments, registry)
    if replace(splits.signature, outputs=()) != replace(signature, outputs=()):
        raise DataError(
            f"dataset {source!r} has other inputs or labels than the model",
            fix="give data of the trained kind",
        )
    return every_example(splits)


def options_of(source: str, registry: Registry) -> tuple[Option, ...]:
    """The ``data.…`` words that a data set takes, for help and completion."""
    own = _schema(_find(source, registry), registry).options
    known = {option.name for option in own}
    return own + tuple(option for option in _SHARED.options if option.name not in known)


@dataclass(frozen=True)
class _Path:
    path: Path
    reader: Reader


_SHARED = schema_of(shared_options)


def _find(source: str, registry: Registry) -> Registered | _Path:
    entries = registry.kind("dataset")
    if any(source in (each.entry.name, each.qualified_name) for each in entries):
        return registry.get("dataset", source)
    path = Path(source).expanduser()
    if path.exists() or _looks_like_a_path(source):
        return _Path(path, recognise(path))
    raise UsageError(
        f"there is no dataset {source!r}, and no file or folder of that name",
        fix=did_you_mean(source, registry.names("dataset")),
    )


def _looks_like_a_path(source: str) -> bool:
    return "/" in source or "\\" in source or bool(Path(source).suffix) or source.startswith((".", "~"))


def _schema(found: Registered | _Path, registry: Registry) -> Schema:
    return schema_of(found.reader.read if isinstance(found, _Path) else registry.load(found))


def _read(found: Registered | _Path, arguments: Mapping[str, Any], registry: Registry) -> Splits:
    if isinstance(found, _Path):
        return found.reader.read(found.path, **arguments)
    splits: Splits = registry.build(found, **arguments)
    return splits


def _divide(
    options: Mapping[str, Any], found: Registered | _Path, registry: Registry
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The source's own options and the shared ones; one that both name goes to both."""
    shared = {option.name for option in _SHARED.options}
    known = shared | {option.name for option in _schema(found, registry).options}
    for key in options:
        if key not in known:
            raise UsageError(f"unknown key {WHERE + key!r}", fix=did_you_mean(key, known))
    own = {option.name for option in _schema(found, registry).options}
    return (
        {key: value for key, value in options.items() if key in own},
        {key: value for key, value in options.items() if key in shared},
    )


def _height_width(size: Size) -> tuple[int, int] | None:
    if size is None:
        return None
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise UsageError(
            f"data.size={size}: a picture has at least 1 pixel a side", fix="for example data.size=64"
        )
    return height, width
