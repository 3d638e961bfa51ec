"""The options of a class of the library, as Zoo reads them from a factory's signature."""

import enum
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import torch

_FORMATS = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
_Format = Literal["float32", "float64", "bfloat16"]


def options_of(original: type, further: Iterable[inspect.Parameter] = ()) -> list[inspect.Parameter]:
    """Keyword-only parameters of a class; functions, sets and process groups are left at their defaults.

    Args:
        original: The class of the library.
        further: Options that the bridge itself takes; they come first.
    """
    initialiser: Any = original.__init__  # type: ignore[misc]
    hints = typing.get_type_hints(initialiser)
    parameters = list(inspect.signature(original).parameters.values())[1:]
    own = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_plain(each.default),
            annotation=_type(hints.get(each.name), each.default),
        )
        for each in parameters
        if each.kind is not inspect.Parameter.VAR_KEYWORD and _can_be_written(each, hints.get(each.name))
    ]
    brought = list(further)
    names = {each.name for each in brought}
    return brought + [each for each in own if each.name not in names]


def describe(factory: Callable[..., Any], options: Iterable[inspect.Parameter]) -> None:
    """Gives a factory the signature and the annotations that Zoo reads."""
    first = inspect.Parameter("named_parameters", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    listed = list(options)
    factory.__signature__ = inspect.Signature([first, *listed])  # type: ignore[attr-defined]
    factory.__annotations__ = {each.name: each.annotation for each in listed}


def arguments(options: Iterable[inspect.Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """What the class is given: defaults filled in, and words for number formats become PyTorch's."""
    taken = list(options)
    formats = {each.name for each in taken if _Format in (each.annotation, *get_args(each.annotation))}
    chosen = {each.name: each.default for each in taken if each.default is not inspect.Parameter.empty}
    return {
        name: _FORMATS.get(value, value) if name in formats else value
        for name, value in {**chosen, **given}.items()
    }


def _can_be_written(parameter: inspect.Parameter, hint: Any) -> bool:
    """Whether a user can write the option's value in a recipe."""
    if parameter.default is inspect.Parameter.empty:
        return hint in (int, float, str, bool)
    if callable(parameter.default) and not isinstance(parameter.default, type | torch.dtype):
        return False
    return not any(
        get_origin(each) in (set, dict) or each in (dict, set) or getattr(each, "__name__", "") in _UNWRITTEN
        for each in _branches(hint)
        if each is not type(None)
    ) or any(each in (float, int) for each in _branches(hint))


_UNWRITTEN = {"Callable", "ProcessGroup", "Module"}


def _branches(hint: Any) -> tuple[Any, ...]:
    is_union = get_origin(hint) in (Union, types.UnionType)
    return get_args(hint) if is_union else (hint,)


def _type(hint: Any, default: Any) -> Any:
    """The annotation, without what no recipe can hold; the default's own type where it does not fit."""
    if hint is None:
        return type(default) if default not in (None, inspect.Parameter.empty) else Any
    parts = [_writable(each) for each in _branches(hint) if not _is_code(each)]
    # Some defaults are numbers of another kind than their annotation says.
    if isinstance(default, float) and int in parts and float not in parts:
        parts.append(float)
    return Union[tuple(parts)] if parts else Any  # noqa: UP007


def _writable(hint: Any) -> Any:
    """A number format is a word, and a sequence a tuple."""
    if get_origin(hint) is Sequence:
        return tuple.__class_getitem__((*get_args(hint), ...))
    return _Format if hint is torch.dtype else hint


def _is_code(hint: Any) -> bool:
    return getattr(hint, "__name__", "") in _UNWRITTEN or hint is torch.Tensor


def _plain(default: Any) -> Any:
    if isinstance(default, torch.dtype):
        return str(default).removeprefix("torch.")
    return default.value if isinstance(default, enum.Enum) else default
