"""The factories of timm's optimizers: ``updates.lion``, made when it is asked for.

A name of timm stands for a class and some of its options; the others are read from the class.
``python -m zoo_timm.updates`` writes optimizers.json from the timm that is installed.
"""

import inspect
import json
import re
import types
import typing
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from importlib import metadata
from typing import Any, Literal, Union, get_args, get_origin

import timm.optim
import torch
from timm.optim._optim_factory import OptimInfo
from timm.optim.kron import Kron

from zoo.plugin import UsageError
from zoo_timm.optimizers import FACTS

_FORMATS = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
_Format = Literal["float32", "float64", "bfloat16"]
_COMPILED = ("_calc_A_and_conjB", "_q_terms", "_precond_grad", "_balance_Q")
_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})")


@cache
def infos() -> dict[str, OptimInfo]:
    """What timm says of each of its optimizers."""
    return {name: timm.optim.get_optimizer_info(name) for name in timm.optim.list_optimizers()}


def __getattr__(name: str) -> Callable[..., torch.optim.Optimizer]:
    """The factory of the entry of that name."""
    if name not in infos():
        raise AttributeError(f"timm has no optimizer {name!r}")
    return _factory(name)


@cache
def _factory(name: str) -> Callable[..., torch.optim.Optimizer]:
    original: Any = infos()[name].opt_class
    options = list(_options_of(original, _bound(infos()[name])))
    defaults = {each.name: each.default for each in options if each.default is not inspect.Parameter.empty}
    formats = {each.name for each in options if _Format in (each.annotation, *get_args(each.annotation))}

    def build(named_parameters: Iterable[tuple[str, torch.Tensor]], **given: Any) -> torch.optim.Optimizer:
        chosen = {
            key: _FORMATS.get(value, value) if key in formats else value
            for key, value in {**defaults, **given}.items()
        }
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*opt_einsum")  # a recommendation of Kron's
                made = original([parameter for _, parameter in named_parameters], **chosen)
        except ValueError as error:
            raise UsageError(
                f"{original.__name__} refuses its options: {error}", fix=f"zoo show timm/{name} lists them"
            ) from error
        if isinstance(made, Kron):
            # It compiles each of these for each shape of a weight, which takes minutes.
            vars(made).update({each: getattr(inspect.getmodule(Kron), each) for each in _COMPILED})
        return made  # type: ignore[no-any-return]

    first = inspect.Parameter("named_parameters", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    build.__name__ = build.__qualname__ = name
    build.__doc__ = (
        inspect.getdoc(original.__init__) if "Args:" in (original.__init__.__doc__ or "") else None
    )
    build.__doc__ = build.__doc__ or inspect.getdoc(original)
    build.__signature__ = inspect.Signature([first, *options])  # type: ignore[attr-defined]
    build.__annotations__ = {each.name: each.annotation for each in options}
    return build


def _bound(info: OptimInfo) -> dict[str, Any]:
    """The options that a name binds; ``create_optimizer_v2`` gives momentum to all that have it, and 0.9."""
    return {**({"momentum": 0.9} if info.has_momentum else {}), **(info.defaults or {})}


def _options_of(original: Any, bound: dict[str, Any]) -> Iterable[inspect.Parameter]:
    """Keyword-only parameters of a class, with the defaults that a name of timm binds."""
    hints = typing.get_type_hints(original.__init__)
    for each in list(inspect.signature(original).parameters.values())[1:]:
        default = bound.get(each.name, each.default)
        if type(default).__name__ == "_RequiredParameter":
            default = inspect.Parameter.empty
        yield inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=str(default).removeprefix("torch.") if isinstance(default, torch.dtype) else default,
            annotation=_type(each.name, hints.get(each.name), default),
        )


def _type(name: str, hint: Any, default: Any) -> Any:
    """The annotation without tensors and functions; the default's type where there is none."""
    if hint is None:
        # Numbers without an annotation are rates, whatever their default looks like.
        is_number = type(default) in (int, float) or default is inspect.Parameter.empty
        return float if is_number else _like(default)
    is_union = get_origin(hint) in (Union, types.UnionType)
    parts = [
        {torch.dtype: _Format, "torch.dtype": _Format}.get(each, each)
        for each in (get_args(hint) if is_union else (hint,))
        if each is not torch.Tensor and getattr(each, "__name__", "") != "Callable"
    ]
    return Union[tuple(parts)] if parts else Any  # noqa: UP007


def _like(default: Any) -> Any:
    return tuple[(float,) * len(default)] if isinstance(default, tuple) else type(default)


def facts() -> dict[str, Any]:
    """What registration needs of each optimizer."""
    return {
        "library": f"timm {metadata.version('timm')}",
        "optimizers": [
            {
                "name": name,
                "summary": " ".join(info.description.removeprefix("torch.Optim ").split()).rstrip("."),
                "reference": _reference(info.opt_class),
                "unsupported": _why_not(info),
            }
            for name, info in infos().items()
        ],
    }


def _reference(original: Any) -> str:
    """The paper that the class or its module names."""
    if isinstance(original, str):
        return ""
    texts = (original.__doc__, inspect.getmodule(original).__doc__)  # type: ignore[union-attr]
    found = next((found for text in texts if (found := _ARXIV.search(text or ""))), None)
    return f"arXiv:{found[1]}" if found else ""


def _why_not(info: OptimInfo) -> str:
    if isinstance(info.opt_class, str):
        library = info.opt_class.partition(".")[0]
        return f"it is an optimizer of {library}, which timm does not bring and which runs on CUDA alone"
    if info.second_order:
        return (
            "it differentiates the gradient once more, and a step of Zoo keeps no graph of its backward pass"
        )
    return ""


def main() -> None:
    """Writes the file."""
    FACTS.write_text(json.dumps(facts(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
