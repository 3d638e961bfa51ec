"""Every error Zoo raises on purpose, with the exit code of the command line.

    ZooError                1  our bug
    ├── UsageError          2  usage, recipe, ambiguous name, changed recipe on resume
    ├── DataError           3  input data
    ├── ArtifactError       4  artifact corrupt, untrusted, refused
    ├── PluginError         5  plugin missing, broken, incompatible
    ├── EnvironmentFault    6  disk, permission, lock, memory, device
    ├── NumericsError       7  non-finite or diverged
    ├── VerificationError   8  an exported model is not what was trained
    └── Interrupted   130/143  SIGINT or SIGTERM, after a successful save

A message says what was given and what is allowed; ``fix`` says what to do about it.
"""

from collections.abc import Iterable, Sequence


class ZooError(Exception):
    """An error that is explained to the user; a traceback is only shown with ``--debug``."""

    exit_code = 1

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n{self.fix}" if self.fix else self.message


class UsageError(ZooError):
    """A command, recipe key, option or name that does not exist or does not fit."""

    exit_code = 2


class DataError(ZooError):
    """Input data that cannot be read or learned from; names the file and the line."""

    exit_code = 3


class ArtifactError(ZooError):
    """A run folder, checkpoint or model file that is damaged or not to be trusted."""

    exit_code = 4


class PluginError(ZooError):
    """A plugin that is missing, broken, or made for another version of Zoo."""

    exit_code = 5


class EnvironmentFault(ZooError):
    """The machine's side: disk, permission, lock, memory, device, missing extra."""

    exit_code = 6


class NumericsError(ZooError):
    """Training met a number that is not finite."""

    exit_code = 7


class VerificationError(ZooError):
    """A model that does not provably equal what was trained."""

    exit_code = 8


class Interrupted(ZooError):
    """A signal ended training at a step boundary; the state is saved and can be resumed."""

    def __init__(self, message: str, *, signal_number: int, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.exit_code = 128 + signal_number


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Names the nearest known word, or lists the known ones: the text for an error's ``fix``."""
    import difflib  # only errors need it, and every start would pay for it

    words = sorted(set(known))
    near = difflib.get_close_matches(given, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    if not words:
        return "there is none"
    return f"known: {first_of(words)}"


def first_of(words: Sequence[str], most: int = 20) -> str:
    """The first words of a list that may hold hundreds."""
    shown = ", ".join(words[:most])
    return shown + (f" and {len(words) - most} more" if len(words) > most else "")
