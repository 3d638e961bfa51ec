"""Checks that plain data from a file has the types that a dataclass says."""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Union, get_args, get_origin


def require_types(instance: Any) -> None:
    """Refuses a dataclass whose fields hold something else than they say.

    Raises:
        TypeError: Names the field.
    """
    hints = typing.get_type_hints(type(instance))
    for field in fields(instance):
        value = getattr(instance, field.name)
        if not _fits(value, hints[field.name]):
            raise TypeError(f"{field.name} is {str(value)[:80]!r}, not {hints[field.name]}")


def _fits(value: Any, annotation: Any) -> bool:
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and _are(value, parts)
    if origin is list:
        return isinstance(value, list) and all(_fits(each, parts[0]) for each in value)
    if origin in (Mapping, dict):
        return isinstance(value, Mapping) and all(
            _fits(key, parts[0]) and _fits(each, parts[1]) for key, each in value.items()
        )
    if annotation in (int, float):
        # JSON writes whole floats without a point, and True is no number.
        kinds = (int,) if annotation is int else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool)
    return isinstance(value, annotation)


def _are(values: tuple[Any, ...], parts: tuple[Any, ...]) -> bool:
    if len(parts) == 2 and parts[1] is Ellipsis:
        return all(_fits(value, parts[0]) for value in values)
    return len(values) == len(parts) and all(
        _fits(value, part) for value, part in zip(values, parts, strict=True)
    )
