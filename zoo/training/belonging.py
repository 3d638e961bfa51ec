"""What a checkpoint holds must fit the run that it lies in, digests or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import ArtifactError, ZooError
from zoo.training.joining import is_loss


@contextmanager
def belonging(path: Path) -> Iterator[None]:
    """Explains what goes wrong when the state of a checkpoint is put into networks and positions.

    Raises:
        ArtifactError: The state is not one of this run.
    """
    try:
        yield
    except ZooError:
        raise
    # torch raises RuntimeError for shapes and names that differ; the rest comes from a state of another form.
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        if is_loss(error):  # spread tensors are put back by all processes together
            raise
        text = " ".join(str(error).split())[:300]
        raise ArtifactError(
            f"a checkpoint in {path} does not belong to this run: {type(error).__name__}: {text}",
            fix="restore the run folder from a copy, or train again",
        ) from error
