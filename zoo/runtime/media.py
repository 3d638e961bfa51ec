"""Pictures and clips that stay files until one is asked for."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from zoo.errors import DataError
from zoo.runtime.contents import read_content

MAX_LISTED = 20


@dataclass(frozen=True)
class MediaFiles(Sequence[Any], ABC):
    """Files that each hold one example.

    Attributes:
        paths: The files.
        channels: 1 for grey, 3 for colour.
    """

    paths: tuple[Path, ...]
    channels: int
    noun: ClassVar[str] = "files"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> Any:
        """The decoded content of one file, or the files of a slice."""
        if isinstance(index, slice):
            return replace(self, paths=self.paths[index])
        return self.decode(self.paths[index])

    @abstractmethod
    def decode(self, path: Path) -> Any:
        """Pixels of one file.

        Raises:
            DataError: It cannot be decoded.
        """

    def content(self, path: Path) -> bytes:
        """What tells one file from another."""
        return read_content(path)

    def take(self, indices: Iterable[int]) -> Self:
        """The files at these places."""
        return replace(self, paths=tuple(self.paths[index] for index in indices))

    def check(self) -> None:
        """Decodes every file once.

        Raises:
            DataError: Some cannot be decoded; up to 20 are listed.
        """
        failures = [error for path in self.paths if (error := self._failure(path))]
        if failures:
            raise unreadable(failures, len(self), self.noun)

    def _failure(self, path: Path) -> DataError | None:
        try:
            self.decode(path)
        except DataError as error:
            return error
        return None


def unreadable(failures: Sequence[DataError], num_files: int, noun: str) -> DataError:
    """One error for all pictures or clips that cannot be decoded."""
    listed = [f"  {error.message}" for error in failures[:MAX_LISTED]]
    if len(failures) > MAX_LISTED:
        listed.append(f"  and {len(failures) - MAX_LISTED} more")
    return DataError(
        "\n".join([f"{len(failures)} of {num_files} {noun} cannot be read:", *listed]),
        fix="remove these files or fetch them again",
    )
