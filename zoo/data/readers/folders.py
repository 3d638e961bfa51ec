"""Folders that hold a folder a class, and perhaps folders of splits above them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zoo.contracts.targets import Classes, Target
from zoo.data.splits import ROLES
from zoo.data.targets import TargetColumn, TargetType, infer, label_target
from zoo.errors import DataError

ClassFolders = Mapping[str, Sequence[Path]]
"""What is found in each class folder."""


def subfolders(path: Path) -> list[Path]:
    """The folders in a folder, sorted; hidden ones are left out."""
    return sorted(folder for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith("."))


def split_folders(path: Path) -> dict[str, Path]:
    """The folder of each split, or the folder itself as training split.

    Raises:
        DataError: Two folders hold the same split.
    """
    folders = subfolders(path)
    roles = [ROLES.get(folder.name.lower()) for folder in folders]
    if "train" not in roles or None in roles or not any(subfolders(folder) for folder in folders):
        return {"train": path}
    if len(set(roles)) < len(roles):
        raise DataError(
            f"{path}: several folders hold the same split: {', '.join(folder.name for folder in folders)}",
            fix="keep one of train, validation and test each",
        )
    return {str(role): folder for role, folder in zip(roles, folders, strict=True)}


def labels(classes: ClassFolders) -> TargetColumn:
    """The name of its class folder for everything found."""
    names = [name for name, files in classes.items() for _ in files]
    return TargetColumn("label", np.array(names, dtype=object))


def class_target(classes: ClassFolders, wanted: TargetType) -> Target:
    """What is to be told apart; a single class is one."""
    column = labels(classes)
    if len(classes) == 1:
        return Classes(tuple(classes), column.name)
    return label_target(column) if wanted == "auto" else infer([column], wanted)
