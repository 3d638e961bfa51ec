"""Checks of a loss: unreduced, differentiable, and each example's own."""

from functools import partial

import torch
from torch import Tensor

from zoo.contracts.targets import TARGETS
from zoo.testing.calls import Call, LossSubject
from zoo.testing.checks import Inapplicable, Unmet, expect
from zoo.testing.registration import suite

_EXPECTS = ("logits", "probabilities", "real")
_EXACT = 1e-9


def declares_what_it_expects(subject: LossSubject) -> None:
    """It names targets that there are, and expects what a network emits for each of them."""
    entry = subject.loss
    expect(entry.expects in _EXPECTS, f"one of {', '.join(_EXPECTS)}", f"expects={entry.expects!r}")
    unknown = [kind for kind in entry.fits if kind not in TARGETS]
    is_told = bool(entry.fits) and not unknown
    expect(is_told, f"targets among {', '.join(TARGETS)}", f"fits={', '.join(entry.fits)!r}")
    for kind in entry.fits:
        emitted = TARGETS[kind].emits
        expect(entry.expects == emitted, f"what a network emits for {kind}: {emitted}", entry.expects)


def is_unreduced(subject: LossSubject) -> None:
    """Its values are finite, and their first axis is the batch, as is that of its weights if it gives some."""
    for call in subject.calls:
        fault = call.fault()
        expect(not fault, f"{call.size} values along the first axis", f"{fault} ({call})")
        values, _ = call.values()
        expect(bool(values.isfinite().all()), "finite values", f"{values.flatten()[:5].tolist()} ({call})")


def is_not_negative(subject: LossSubject) -> None:
    """No value is below zero, unless the entry says that some may be."""
    if not subject.loss.is_nonnegative:
        raise Inapplicable("it says that its values may be negative")
    for call in subject.sound:
        lowest = call.values()[0].min().item()
        expect(lowest >= -_EXACT, "values from 0 up, or is_nonnegative=False", f"{lowest:.3g} ({call})")


def gradient_agrees_with_differences(subject: LossSubject) -> None:
    """In float64 its gradient by what the network emits equals finite differences."""
    for call in subject.sound:
        function, scores = call.of_scores()
        try:
            torch.autograd.gradcheck(function, scores, fast_mode=True)
        except RuntimeError as error:
            told = " ".join(str(error).split())[:200]
            raise Unmet("the gradient of finite differences", f"{told} ({call})") from None


def order_does_not_matter(subject: LossSubject) -> None:
    """The examples in another order have the same values, in that order."""
    for call in subject.sound:
        order = torch.arange(call.size).roll(1)
        seen = call.changed(partial(torch.index_select, dim=0, index=order)).values()
        _require_same([each[order] for each in call.values()], seen, "in another order", call)


def an_example_stands_alone(subject: LossSubject) -> None:
    """An example's value does not depend on the others, so that a batch can be cut anywhere."""
    for call in subject.sound:
        seen = call.changed(lambda tensor: tensor[:1]).values()
        _require_same([each[:1] for each in call.values()], seen, "of an example alone", call)


def _require_same(given: list[Tensor], seen: tuple[Tensor, ...], when: str, call: Call) -> None:
    for one, other in zip(given, seen, strict=True):
        is_same = one.shape == other.shape and bool(((one - other).abs() <= _EXACT).all())
        told = f"{other.flatten()[:3].tolist()} for {one.flatten()[:3].tolist()} ({call})"
        expect(is_same, f"the same values {when}", told)


SUITE = suite(
    declares_what_it_expects,
    is_unreduced,
    is_not_negative,
    gradient_agrees_with_differences,
    order_does_not_matter,
    an_example_stands_alone,
    subject=LossSubject,
)
