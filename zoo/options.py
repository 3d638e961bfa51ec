"""The signature of a factory is the schema of its options.

Options are a factory's keyword-only parameters; for a class or function that was not written for Zoo,
such as an optimizer of ``torch.optim``, they are all parameters after the required positional ones.
"""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pydantic

from zoo.errors import PluginError, UsageError, did_you_mean
from zoo.words import NONE, require_plain

_CONFIG = pydantic.ConfigDict(extra="forbid", coerce_numbers_to_str=True, protected_namespaces=())


@dataclass(frozen=True)
class Option:
    """One hyperparameter, as shown to people.

    Attributes:
        name: Its key.
        type: Its type and bounds in words.
        default: Its default; ``inspect.Parameter.empty`` when it must be given.
        meaning: One sentence from the docstring.
        choices: The values it can take, where they can be listed.
    """

    name: str
    type: str
    default: Any
    meaning: str
    choices: tuple[str, ...] = ()

    @property
    def is_required(self) -> bool:
        """Whether there is no default."""
        return self.default is inspect.Parameter.empty


class Schema:
    """The options of one factory: what they are, and how given values are checked."""

    def __init__(self, fields: Mapping[str, tuple[Any, Any]], meanings: Mapping[str, str]) -> None:
        self._annotations = {name: annotation for name, (annotation, _) in fields.items()}
        self.options = tuple(
            Option(
                name,
                _in_words(annotation),
                default,
                _first_sentence(meanings.get(name, "")),
                _choices(annotation),
            )
            for name, (annotation, default) in fields.items()
        )
        # Fields get neutral names: an option may be called what pydantic keeps for itself ("copy", "json").
        definitions: dict[str, Any] = {
            f"option_{index}": (
                annotation,
                pydantic.Field(... if default is inspect.Parameter.empty else default, alias=name),
            )
            for index, (name, (annotation, default)) in enumerate(fields.items())
        }
        self._model = pydantic.create_model("Options", __config__=_CONFIG, **definitions)

    def arguments(self, given: Mapping[str, Any], *, where: str) -> dict[str, Any]:
        """Checked keyword arguments for the factory, every default filled.

        Raises:
            UsageError: A key is unknown or a value does not fit; ``where`` prefixes the key.
        """
        checked = self._check(given, where)
        return {option.name: getattr(checked, f"option_{i}") for i, option in enumerate(self.options)}

    def complete(self, given: Mapping[str, Any], *, where: str) -> dict[str, Any]:
        """The same as plain data for a recipe.

        Raises:
            UsageError: As for ``arguments``.
        """
        dumped = self._check(given, where).model_dump(mode="json", by_alias=True)
        return {option.name: dumped[option.name] for option in self.options}

    def _check(self, given: Mapping[str, Any], where: str) -> pydantic.BaseModel:
        annotations = self._annotations
        values = {name: _read_none(value, annotations.get(name)) for name, value in given.items()}
        # A recipe is read again elsewhere: paths in it do not depend on where it was written.
        values |= {
            name: Path(value).expanduser().absolute()
            for name, value in values.items()
            if isinstance(value, str) and _is_path(annotations.get(name))
        }
        try:
            checked: pydantic.BaseModel = self._model.model_validate(values)
        except pydantic.ValidationError as error:
            raise self._explain(error.errors()[0], where) from error
        for place, option in enumerate(self.options):
            value = getattr(checked, f"option_{place}")
            try:
                require_plain(value)
            except ValueError as error:
                raise UsageError(
                    f"{where}{option.name}={_shorten(value)}: {error}",
                    fix=f"{where}{option.name} is {option.type}",
                ) from error
        return checked

    def _explain(self, problem: Any, where: str) -> UsageError:
        key = where + ".".join(str(part) for part in problem["loc"] if not _is_branch(part))
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            fix = did_you_mean(name, [option.name for option in self.options])
            return UsageError(f"unknown key {key!r}", fix=fix if self.options else "it takes no options")
        option = next(option for option in self.options if option.name == name)
        if problem["type"] == "missing" and len(problem["loc"]) == 1:
            return UsageError(f"{key!r} must be given ({option.type})", fix=f"add {key}=…")
        reason = problem["msg"][0].lower() + problem["msg"][1:]
        return UsageError(
            f"{key}={_shorten(problem['input'])}: {reason}", fix=f"{where}{name} is {option.type}"
        )


def schema_of(factory: Callable[..., Any]) -> Schema:
    """The schema of a factory's options, read from its signature and docstring.

    Raises:
        PluginError: The signature or its annotations cannot be read.
    """
    try:
        return _schema(factory)
    # Annotations are the plugin's own code: reading them can raise anything.
    except Exception as error:
        raise PluginError(f"the options of {_name(factory)} cannot be read: {error}") from error


def schema_of_settings(settings: type) -> Schema:
    """The schema of a dataclass whose fields carry ``meaning`` and ``bounds`` as metadata."""
    hints = typing.get_type_hints(settings)
    described = [each for each in dataclasses.fields(settings) if "meaning" in each.metadata]
    annotations = {
        each.name: (Annotated[hints[each.name], pydantic.Field(**each.metadata["bounds"])], each.default)
        for each in described
    }
    return Schema(annotations, {each.name: each.metadata["meaning"] for each in described})


def _schema(factory: Callable[..., Any]) -> Schema:
    parameters = list(inspect.signature(factory).parameters.values())
    hints = typing.get_type_hints(_annotated(factory), include_extras=True)
    fields = {
        parameter.name: (_annotation(parameter, hints), parameter.default)
        for parameter in _options(parameters)
    }
    if "name" in fields:
        raise ValueError("recipes use 'name' for the entry itself, so that no option can be called so")
    documentation = inspect.getdoc(factory) or ""
    initialiser = inspect.getdoc(factory.__init__) if inspect.isclass(factory) else ""
    return Schema(fields, {**_meanings(initialiser or ""), **_meanings(documentation)})


def _options(parameters: Iterable[inspect.Parameter]) -> list[inspect.Parameter]:
    parameters = list(parameters)
    keyword_only = [p for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    defaulted = [
        p
        for p in parameters
        if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and p.default is not inspect.Parameter.empty
    ]
    return defaulted + keyword_only


def _annotation(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
    """The option's type; a default of ``None`` is a value like any, whatever the annotation says."""
    annotation = _without_tensors(hints.get(parameter.name, Any))
    if parameter.default is None and not _admits_none(annotation):
        return annotation | None
    return annotation


def _annotated(factory: Callable[..., Any]) -> Any:
    return factory.__init__ if inspect.isclass(factory) else factory


def _name(factory: Any) -> str:
    return f"{factory.__module__}:{getattr(factory, '__qualname__', factory)}"


def _without_tensors(annotation: Any) -> Any:
    """Drops tensors from a union: an option is plain data."""
    if get_origin(annotation) in (Union, types.UnionType):
        plain = [_without_tensors(branch) for branch in get_args(annotation) if not _is_tensor(branch)]
        return Union[tuple(plain)] if plain else Any  # noqa: UP007
    if get_origin(annotation) is tuple:
        return tuple.__class_getitem__(tuple(_without_tensors(part) for part in get_args(annotation)))
    return Any if _is_tensor(annotation) else annotation


def _is_tensor(annotation: Any) -> bool:
    return inspect.isclass(annotation) and f"{annotation.__module__}.{annotation.__name__}" == "torch.Tensor"


def _is_branch(part: Any) -> bool:
    """Pydantic adds the names of types it tried to an error's place."""
    return isinstance(part, str) and (part in {"int", "float", "str", "bool"} or "[" in part)


def _read_none(value: Any, annotation: Any) -> Any:
    """TOML has no null: the word ``none`` stands for it where the type allows it, in lists too."""
    if value == NONE:
        return None if _admits_none(annotation) else value
    parts = [part for part in get_args(annotation) if part is not Ellipsis]
    if isinstance(value, list | tuple) and parts:
        same_for_all = len(parts) != len(value)
        return [_read_none(item, parts[0 if same_for_all else i]) for i, item in enumerate(value)]
    return value


def _is_path(annotation: Any) -> bool:
    return annotation is Path or Path in get_args(annotation)


def _admits_none(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _admits_none(get_args(annotation)[0])
    return annotation is type(None) or any(branch is type(None) for branch in get_args(annotation))


def _choices(annotation: Any) -> tuple[str, ...]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _choices(get_args(annotation)[0])
    if origin is Literal:
        return tuple(str(value) for value in get_args(annotation))
    if origin in (Union, types.UnionType):
        return tuple(choice for branch in get_args(annotation) for choice in _choices(branch))
    if annotation is bool:
        return ("true", "false")
    return (NONE,) if annotation is type(None) else ()


_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def _in_words(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        bounds = [
            f"{sign} {getattr(bound, attribute)}"
            for metadata in parts[1:]
            for bound in getattr(metadata, "metadata", [metadata])
            for attribute, sign in _BOUNDS.items()
            if getattr(bound, attribute, None) is not None
        ]
        return " ".join([_in_words(parts[0]), ", ".join(bounds)]).strip()
    if origin is Literal:
        return " | ".join(str(value) for value in parts)
    if origin in (Union, types.UnionType):
        return " | ".join(_in_words(branch) for branch in parts)
    if origin in (list, tuple):
        inner = [_in_words(part) for part in parts if part is not Ellipsis]
        return f"[{', '.join(inner)}{', …' if origin is list or Ellipsis in parts else ''}]"
    if annotation is type(None):
        return NONE
    return getattr(annotation, "__name__", str(annotation)) if annotation is not Any else "any"


_ARGUMENT = re.compile(r"^(?P<indent>\s+)\*{0,2}(?P<name>\w+)\s*(\([^)]*\))?\s*:\s*(?P<text>.*)$")


def _meanings(documentation: str) -> dict[str, str]:
    """The ``Args`` section of a docstring: one sentence by parameter."""
    match = re.search(r"^Args:\n(?P<body>(?:[ \t]+.*\n?|\n)+)", documentation, re.MULTILINE)
    if match is None:
        return {}
    lines = match["body"].splitlines()
    outer = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    meanings: dict[str, str] = {}
    current = ""
    for line in lines:
        found = _ARGUMENT.match(line)
        if found and len(found["indent"]) == outer:
            current = found["name"]
            meanings[current] = found["text"].strip()
        elif current and line.strip():
            meanings[current] += " " + line.strip()
    return meanings


def _first_sentence(text: str) -> str:
    sentence = re.split(r"(?<=[a-z0-9)])\.\s|\s*\(default", text.strip(), maxsplit=1)[0]
    return sentence.rstrip(".")


def _shorten(value: Any) -> str:
    text = repr(value) if not isinstance(value, str) else value
    return text if len(text) <= 80 else text[:77] + "…"
