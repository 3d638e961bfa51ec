"""Checks of an optimizer: it descends, its state is whole, and it keeps to torch's interface."""

from contextlib import suppress
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from zoo.options import schema_of
from zoo.testing.checks import Inapplicable, Subject, expect
from zoo.testing.registration import suite
from zoo.training import trees
from zoo.training.player import has_two_modes

_NUM_STEPS = 1000
RATES = (None, 1e-3, 1e-2, 1e-1, 1.0)
"""The default comes first; one that is made for millions of weights may be too low for a few."""

_SHARE = 0.5


class Quadratic(nn.Module):
    """A bowl around zero over a matrix and a vector, curved from 1 to 10."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 32).reshape(8, 4).roll(1, 0))
        self.bias = nn.Parameter(torch.linspace(1, -1, 4))

    def forward(self) -> Tensor:
        """Half the sum of squares, weighted."""
        curved = torch.linspace(1, 10, 4)
        height: Tensor = (self.weight.square() * curved).sum() + (self.bias.square() * curved).sum()
        return height / 2


class Rosenbrock(nn.Module):
    """A bent valley (Rosenbrock 1960, doi:10.1093/comjnl/3.3.175), from its classical start, divided by 100."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.tensor([-1.2, 1.0]))

    def forward(self) -> Tensor:
        """((1 - x)² + 100 (y - x²)²) / 100."""
        x, y = self.place
        height: Tensor = (1 - x).square() + 100 * (y - x.square()).square()
        return height / 100


def descends_a_quadratic(subject: Subject) -> None:
    """A thousand steps halve a quadratic function of a matrix and a vector, at the default rate or one of 0.001 to 1."""
    _require_descent(subject, Quadratic)


def descends_rosenbrock(subject: Subject) -> None:
    """A thousand steps halve Rosenbrock's function, divided by 100, at the default rate or one of 0.001 to 1."""
    _require_descent(subject, Rosenbrock)


def state_round_trips(subject: Subject) -> None:
    """From saved and loaded state it goes on bit for bit, and its state is tensors and plain data."""
    landscape, optimizer = _begin(subject)
    for step in range(7):
        _advance(optimizer, landscape, step)
    tensors: trees.Tensors = {}
    document = trees.flatten(optimizer.state_dict(), tensors, "state")
    written = safetensors.torch.save({name: each.contiguous().clone() for name, each in tensors.items()})
    again, resumed = _begin(subject)
    again.load_state_dict({name: each.clone() for name, each in landscape.state_dict().items()})
    resumed.load_state_dict(trees.unflatten(document, safetensors.torch.load(written)))
    for step in range(7, 14):
        _advance(optimizer, landscape, step)
        _advance(resumed, again, step)
        for (name, given), (_, seen) in zip(
            landscape.named_parameters(), again.named_parameters(), strict=True
        ):
            expect(
                torch.equal(given, seen),
                "the same bits as without the interruption",
                f"{name} is {(given - seen).abs().max().item():.1e} off, {step - 6} steps after it",
            )


def takes_parameter_groups(subject: Subject) -> None:
    """Each parameter is in one of its groups, and a group whose `lr` is set to 0 stays where it is."""
    landscape, optimizer = _begin(subject)
    held = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    expect(
        sorted(held) == sorted(map(id, landscape.parameters())),
        "each parameter in one group",
        f"{len(held)} parameters in groups, {len(list(landscape.parameters()))} were given",
    )
    if any(group.get("lr") is None for group in optimizer.param_groups):
        raise Inapplicable("its groups have no learning rate")
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * 0
    before = [parameter.detach().clone() for parameter in landscape.parameters()]
    for step in range(3):
        _advance(optimizer, landscape, step)
    moved = max(
        (now - then).abs().max().item() for now, then in zip(landscape.parameters(), before, strict=True)
    )
    expect(moved == 0, "no movement at a learning rate of 0, as schedules set it", f"{moved:.1e}")


def leaves_others_alone(subject: Subject) -> None:
    """A parameter without a gradient stays as it is."""
    landscape, optimizer = _begin(subject)
    before = landscape.bias.detach().clone()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = landscape.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    for _ in range(3):
        closure()
        optimizer.step(closure if _needs_closure(subject) else None)  # type: ignore[arg-type]
    moved = (landscape.bias - before).abs().max().item()
    expect(moved == 0, "no movement without a gradient", f"{moved:.1e}")


def evaluates_a_closure(subject: Subject) -> None:
    """`step(closure)` evaluates the loss with gradients and returns it."""
    landscape, optimizer = _begin(subject)
    seen: list[tuple[bool, float]] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = landscape()
        loss.backward()  # type: ignore[no-untyped-call]
        seen.append((torch.is_grad_enabled(), loss.item()))
        return loss

    returned: Any = optimizer.step(closure)  # type: ignore[arg-type]
    expect(bool(seen), "the closure to be called", "it was not")
    expect(seen[0][0], "gradients while the closure runs", "they are off")
    expect(
        returned is not None and abs(float(returned) - seen[0][1]) <= 1e-6 * abs(seen[0][1]),
        f"the loss {seen[0][1]:g} of the first evaluation to be returned",
        returned,
    )


def foreach_agrees(subject: Subject) -> None:
    """With `foreach` it goes the same way as without, up to rounding."""
    if "foreach" not in {option.name for option in schema_of(subject.factory).options}:
        raise Inapplicable("it has no option foreach")
    ends = []
    for is_foreach in (False, True):
        landscape, optimizer = _begin(subject, foreach=is_foreach)
        for step in range(20):
            _advance(optimizer, landscape, step)
        ends.append(landscape.weight.detach())
    apart = (ends[0] - ends[1]).abs().max().item()
    expect(apart <= 1e-5, "the same place up to rounding", f"{apart:.1e} apart after 20 steps")


def _require_descent(subject: Subject, make_landscape: type[nn.Module]) -> None:
    wanted = _SHARE * make_landscape()().item()
    lowest = _lowest(subject, make_landscape(), wanted)
    for rate in RATES[1:] if _has_rate(subject) else ():
        if lowest <= wanted:
            return
        # Some raise when their numbers overflow, which a rate that is too high for them leads to.
        with suppress(RuntimeError, ArithmeticError):
            lowest = min(lowest, _lowest(subject, make_landscape(), wanted, lr=rate))
    expect(
        lowest <= wanted,
        f"at most {wanted:.3g} after {_NUM_STEPS} steps from {wanted / _SHARE:.3g}",
        f"{lowest:.3g}",
    )


def _lowest(subject: Subject, landscape: nn.Module, wanted: float, **options: Any) -> float:
    """The lowest height, as soon as it is as low as wanted."""
    optimizer = _made(subject, landscape, **options)
    lowest = float("inf")
    for step in range(_NUM_STEPS):
        lowest = min(lowest, _advance(optimizer, landscape, step))
        if lowest <= wanted:
            break
    return lowest


def _advance(optimizer: torch.optim.Optimizer, landscape: nn.Module, step: int) -> float:
    """One step as the trainer takes it, by a closure that any optimizer takes; the loss before it."""

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = landscape()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    # What an optimizer draws is a function of the step, so that a run goes on as if it had never stopped.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(step)
        loss = closure()
        optimizer.step(closure)  # type: ignore[arg-type]
    return loss.item()


def _begin(subject: Subject, **options: Any) -> tuple[Quadratic, torch.optim.Optimizer]:
    landscape = Quadratic()
    return landscape, _made(subject, landscape, **options)


def _made(subject: Subject, landscape: nn.Module, **options: Any) -> torch.optim.Optimizer:
    """The optimizer of a landscape, ready to learn; what it draws as it is made is always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        optimizer: torch.optim.Optimizer = subject.make(list(landscape.named_parameters()), **options)
    if has_two_modes(optimizer):
        optimizer.train()
    return optimizer


def _has_rate(subject: Subject) -> bool:
    return "lr" in {option.name for option in schema_of(subject.factory).options}


def _needs_closure(subject: Subject) -> bool:
    return bool(getattr(subject.entry, "needs_closure", False))


SUITE = suite(
    descends_a_quadratic,
    descends_rosenbrock,
    state_round_trips,
    takes_parameter_groups,
    leaves_others_alone,
    evaluates_a_closure,
    foreach_agrees,
)
