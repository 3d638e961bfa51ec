"""Models by name: what an installed package offers, wherever a file is accepted."""

from pathlib import Path

from zoo.errors import PluginError, UsageError, did_you_mean
from zoo.registry import Registered, Registry

KIND = "model"
SUFFIX = ".onnx"


def find(given: Path | str, registry: Registry) -> Path:
    """The file that a path or the name of an installed model stands for; an existing path comes first.

    Raises:
        UsageError: It is neither, or several plugins offer the name.
        PluginError: The plugin that offers it does not give a file.
    """
    path = Path(given)
    if path.exists() or (not is_offered(given, registry) and _is_plainly_a_path(path)):
        return path
    if is_offered(given, registry):
        return file_of(registry.get(KIND, str(given)), registry)
    raise UsageError(
        f"there is no model {str(given)!r}: it is neither a file nor the name of an installed model",
        fix=suggest(given, registry),
    )


def is_offered(given: Path | str, registry: Registry) -> bool:
    """Whether an installed plugin offers a model of that name, or several do."""
    bare = str(given).rpartition("/")[2]
    return str(given) in registry.names(KIND) or any(bare == each.entry.name for each in registry.kind(KIND))


def file_of(model: Registered, registry: Registry) -> Path:
    """The file behind an entry.

    Raises:
        PluginError: There is none.
    """
    path = registry.build(model)
    if not isinstance(path, str | Path) or not Path(path).is_file():
        raise PluginError(
            f"the {model} has no file: its factory gave {path!r}",
            fix=f"pip install --force-reinstall {model.plugin.distribution}",
        )
    return Path(path)


def suggest(given: Path | str, registry: Registry) -> str:
    """The nearest of the installed models and of the model files in this folder."""
    known = [*registry.names(KIND), *(path.name for path in Path().glob(f"*{SUFFIX}"))]
    if not known:
        return f"give the path of an {SUFFIX} file; no model is installed"
    return did_you_mean(str(given), known)


def _is_plainly_a_path(path: Path) -> bool:
    return path.suffix == SUFFIX or len(path.parts) != 1
