"""What people see while a network trains."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from zoo.files import LOCAL

Metrics = Mapping[str, float]


class Progress:
    """Says nothing; the base of those that do."""

    @contextmanager
    def of(self, num_steps: int, step: int) -> Iterator[None]:
        """Accompanies training from ``step`` to ``num_steps``."""
        yield

    def stepped(self, step: int, num_examples: int, losses: Mapping[str, torch.Tensor]) -> None:
        """A step is done."""

    def validated(
        self, epoch: int, num_epochs: int, train: Metrics, metrics: Metrics, *, is_best: bool
    ) -> None:
        """An epoch is done and judged."""

    def note(self, message: str) -> None:
        """Something worth knowing."""

    def warn(self, message: str) -> None:
        """Something is not as it should be, and training goes on."""


class Lines(Progress):
    """One line an epoch, for logs."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def validated(
        self, epoch: int, num_epochs: int, train: Metrics, metrics: Metrics, *, is_best: bool
    ) -> None:
        """Prints the epoch's losses and metrics; ``*`` marks the best so far."""
        self._write(describe(epoch, num_epochs, train, metrics, is_best=is_best))

    def note(self, message: str) -> None:
        """Prints it."""
        self._write(message)

    def warn(self, message: str) -> None:
        """Prints a warning."""
        self._write(f"warning: {message}")


class LiveBar(Progress):
    """A bar with loss, examples a second and time left; one line stays for each epoch that improved."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}  {task.fields[metric]}{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._num_examples = 0
        self._read_at = 0.0

    @contextmanager
    def of(self, num_steps: int, step: int) -> Iterator[None]:
        """Shows the bar while training goes on."""
        self._task = self._bar.add_task(
            "training", total=num_steps, completed=step, loss="", metric="", speed=""
        )
        self._read_at = LOCAL.monotonic()
        with self._bar:
            yield

    def stepped(self, step: int, num_examples: int, losses: Mapping[str, torch.Tensor]) -> None:
        """Reads the loss from the device four times a second, not every step."""
        self._num_examples += num_examples
        elapsed_s = LOCAL.monotonic() - self._read_at
        if elapsed_s < 0.25:
            return
        loss = "  ".join(f"{float(value):.4f}" for value in losses.values())
        speed = f"{self._num_examples / elapsed_s:,.0f} examples/s"
        self._bar.update(self._task, completed=step, loss=loss, speed=speed)
        self._num_examples, self._read_at = 0, LOCAL.monotonic()

    def validated(
        self, epoch: int, num_epochs: int, train: Metrics, metrics: Metrics, *, is_best: bool
    ) -> None:
        """Keeps a line for an epoch that improved, so that a long run does not scroll away."""
        name, value = next((pair for pair in metrics.items() if pair[0] != "loss"), ("loss", metrics["loss"]))
        self._bar.update(self._task, metric=f"{name} {value:.4g}  ")
        if is_best or epoch == num_epochs:
            self._bar.console.print(
                describe(epoch, num_epochs, train, metrics, is_best=is_best), highlight=False, soft_wrap=True
            )

    def note(self, message: str) -> None:
        """Prints it above the bar."""
        self._bar.console.print(message, highlight=False, soft_wrap=True)

    def warn(self, message: str) -> None:
        """Prints a warning above the bar."""
        self._bar.console.print(f"warning: {message}", highlight=False, soft_wrap=True)


def describe(epoch: int, num_epochs: int, train: Metrics, metrics: Metrics, *, is_best: bool) -> str:
    """An epoch in one line."""
    trained = "  ".join(f"{name} {value:.4f}" for name, value in train.items())
    # The figures of single labels, f1[cat], are in the log; there may be many.
    judged = "  ".join(f"{name} {value:.4g}" for name, value in metrics.items() if not name.endswith("]"))
    return f"epoch {epoch}/{num_epochs}  train {trained}  validation {judged}{' *' if is_best else ''}"
