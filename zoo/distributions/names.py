"""Names of distributions: ``zoo-my-net``, imported as ``zoo_my_net``, offering ``my-net``."""

import re
from dataclasses import dataclass
from typing import Self

from zoo.errors import UsageError

PREFIX = "zoo-"
_NAME = re.compile(r"zoo-[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CORE = "zoo-core"


@dataclass(frozen=True)
class Name:
    """A distribution's name and what follows from it."""

    distribution: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name that was given.

        Raises:
            UsageError: It is not lower-case words joined by ``-``, the first of them ``zoo``, or is Zoo's own.
        """
        if not _NAME.fullmatch(text):
            raise UsageError(
                f"{text!r} is no name for a package of Zoo: it begins with {PREFIX!r}, and is lower-case words joined by '-'",
                fix=f"did you mean {spelled(text)!r}?",
            )
        if text == _CORE:
            raise UsageError(f"{text!r} is Zoo itself", fix="choose another name")
        return cls(text)

    @property
    def stem(self) -> str:
        """What its entry is called: ``my-net``."""
        return self.distribution.removeprefix(PREFIX)

    @property
    def package(self) -> str:
        """What is imported: ``zoo_my_net``."""
        return self.distribution.replace("-", "_")

    @property
    def title(self) -> str:
        """What its classes begin with: ``MyNet``."""
        return "".join(word.capitalize() for word in self.stem.split("-"))


def spelled(text: str) -> str:
    """The nearest name: ``zoo-my-net`` for ``MyNet``."""
    words = re.findall(r"[A-Z]*[a-z0-9]+|[A-Z]+", text if text.isascii() else "")
    stem = "-".join(words).lower().removeprefix(PREFIX).lstrip("-0123456789")
    return PREFIX + (stem if stem not in {"", "zoo", "core"} else "mynet")
