"""What is known of plugins that could hang or end this process: asked once, and remembered.

A guard within a process holds exceptions, not an import without end, a crash of the interpreter or
``os._exit``. So a registration module that is not yet known is first imported in a process of its own
(``zoo.probes``), and how that went is kept in the user's cache folder, with the size and the time of
change of every file of the plugin that was read. A start looks at those files and imports nothing twice.

The cache saves time and decides nothing else: where it is missing, damaged or cannot be written, plugins
are tried again.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LIMIT_S = 5.0
_FORMAT = 1
_MAX_BYTES = 4 << 20

Stamp = list[int]


@dataclass(frozen=True)
class Verdict:
    """How the import of a registration module went in a process of its own.

    Attributes:
        cause: Why it must not be imported here; empty where it may.
        files: The files it depends on, with size in bytes and time of change in nanoseconds.
        limit_s: Seconds that it was given.
    """

    cause: str = ""
    files: Mapping[str, Stamp] = field(default_factory=dict)
    limit_s: float = LIMIT_S

    def holds(self, origin: str, limit_s: float) -> bool:
        """Whether nothing has changed since; a bad one does not hold where more time is granted."""
        if self.cause and limit_s > self.limit_s:
            return False
        return origin in self.files and all(stamp == _stamp(name) for name, stamp in self.files.items())


def judge(points: Sequence[EntryPoint], environ: Mapping[str, str], *, is_retry: bool = False) -> list[str]:
    """Why each registration module must not be imported in this process; empty where it may.

    Args:
        points: Entry points of plugins.
        environ: ``ZOO_PLUGIN_TIMEOUT`` is how many seconds an import may take.
        is_retry: Whether those with a cause are tried again.
    """
    limit_s = _limit(environ)
    origins = [_origin(point) for point in points]
    if not any(origins):
        return [""] * len(points)
    place = cache_file()
    known = _read(place)
    keys = [_key(point) for point in points]
    untried = [
        index
        for index, (key, origin) in enumerate(zip(keys, origins, strict=True))
        if origin and not _is_settled(known.get(key), origin, limit_s, is_retry=is_retry)
    ]
    if untried:
        from zoo.probes import probe  # a process is started, which is seldom

        outcomes = probe([points[index] for index in untried], limit_s)
        tried = {
            keys[index]: Verdict(outcome.cause, _stamps(points[index], origins[index], outcome), limit_s)
            for index, outcome in zip(untried, outcomes, strict=True)
            if outcome is not None
        }
        _write(place, tried)
        known |= tried
    return [
        known[key].cause if origin and key in known else "" for key, origin in zip(keys, origins, strict=True)
    ]


def cache_file() -> Path | None:
    """Where verdicts are kept, as the system's users expect it; nowhere without a home."""
    try:
        if sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        return None
    return Path(base) / "zoo" / "plugins.json"


def _limit(environ: Mapping[str, str]) -> float:
    try:
        limit_s = float(environ.get("ZOO_PLUGIN_TIMEOUT") or LIMIT_S)
    except ValueError:
        return LIMIT_S
    return limit_s if limit_s > 0 else LIMIT_S


def _origin(point: EntryPoint) -> str:
    """The file that importing begins with; empty where there is nothing to try.

    Found as the import will find it, without importing: a folder earlier on the path may hide another.
    """
    top = point.value.partition(":")[0].partition(".")[0].strip()
    if point.dist is None or top in sys.modules:
        return ""
    try:
        spec = find_spec(top)
    except Exception:
        return ""  # the guarded import meets it again, and says what it is
    if spec is None:
        return ""
    return str(spec.origin or next(iter(spec.submodule_search_locations or ()), ""))


def _key(point: EntryPoint) -> str:
    """Names one installation of one version of a plugin under one interpreter."""
    if point.dist is None:
        return ""
    parts = (sys.prefix, sys.version, point.dist.locate_file(""), point.value)
    return " | ".join(map(str, parts))


def _is_settled(verdict: Verdict | None, origin: str, limit_s: float, *, is_retry: bool) -> bool:
    if verdict is None or (is_retry and verdict.cause):
        return False
    return verdict.holds(origin, limit_s)


def _stamps(point: EntryPoint, origin: str, outcome: Any) -> dict[str, Stamp]:
    """A bad import has told nothing: all its files, and the folder where a dependency may appear."""
    names: Iterable[str] = outcome.files
    if outcome.cause:
        folder = Path(origin).parent
        own = folder.rglob("*.py") if Path(origin).name == "__init__.py" else ()
        names = [str(point.dist.locate_file("")) if point.dist else origin, *map(str, own)]
    return {name: stamp for name in (origin, *names) if (stamp := _stamp(name))}


def _stamp(name: str) -> Stamp:
    try:
        status = os.stat(name)  # noqa: PTH116 (every start pays for every file)
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _read(place: Path | None) -> dict[str, Verdict]:
    """What is known; nothing where the file is missing or damaged."""
    try:
        if place is None or place.stat().st_size > _MAX_BYTES:
            return {}
        document = json.loads(place.read_bytes())
        if document["format"] != _FORMAT:
            return {}
        return {key: _verdict(**each) for key, each in document["verdicts"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _verdict(cause: str, files: dict[str, Stamp], limit_s: float) -> Verdict:
    if not (isinstance(cause, str) and isinstance(files, dict) and isinstance(limit_s, int | float)):
        raise TypeError("not a verdict")
    return Verdict(cause, files, limit_s)


def _write(place: Path | None, tried: Mapping[str, Verdict]) -> None:
    """Adds to what other processes have written meanwhile; forgets what is no longer installed."""
    if place is None:
        return
    known = {key: each for key, each in _read(place).items() if all(map(_stamp, each.files))}
    verdicts = {key: asdict(each) for key, each in (known | dict(tried)).items()}
    aside = place.with_name(f"{place.name}.{os.getpid()}")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps({"format": _FORMAT, "verdicts": verdicts}), encoding="utf-8")
        aside.replace(place)
