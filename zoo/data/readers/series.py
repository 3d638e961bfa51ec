"""Reads the rows of tables as series: to be forecast, or one to a label.

A ``time`` column alone makes one series of all rows, and every window of it an example of a forecast. A
``group`` column makes one example of the rows of each group.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from zoo.contracts.examples import Examples, Splits, Timeline
from zoo.contracts.signature import Signature
from zoo.contracts.targets import Forecast
from zoo.contracts.tensors import TensorSpec
from zoo.data.examples import concatenate
from zoo.data.targets import TargetColumn, TargetType, column_names, encode, infer, require_distinct
from zoo.errors import DataError, UsageError, did_you_mean
from zoo.runtime.series import Course, Gaps, Numbers, Rows, SeriesOptions, arrange
from zoo.runtime.tables import Table, categories, not_numbers, numbers, require_column

TARGET_NAMES = ("target", "label", "class")
"""What the target of groups is called by default; in a series, y is a coordinate as often."""


def read_series(
    tables: Mapping[str, Table],
    *,
    target: str | tuple[str, ...] | None,
    target_type: TargetType,
    drop: Sequence[str],
    time: str | None,
    group: str | None,
    window: int,
    horizon: int,
    gaps: Gaps,
) -> Splits:
    """Windows of one series and what follows each, or one example a group.

    Args:
        tables: By split; each is a series, or groups, of its own.
        target: Columns to predict. By default the only one that can be forecast, or, for groups, one called
            target, label or class.
        target_type: What the target of groups is.
        drop: Columns to leave out.
        time: The column that orders the rows.
        group: The column that names the series of each row.
        window: Past steps in each example of a forecast.
        horizon: Steps that are forecast.
        gaps: What to do where rows are missing.

    Returns:
        Inputs float64, NaN where a value is missing: ``[n, window]`` a column, or one ``[length]`` a
        group. A forecast has a timeline, by which its splits are cut.

    Raises:
        UsageError: A column that an option names does not exist, or the options do not fit together.
        DataError: The rows are no series that can be learned from; names file, line and column.
    """
    options = SeriesOptions(time, group, window, gaps)
    table = tables["train"]
    targets = (target,) if isinstance(target, str) else tuple(target or ())
    given = {
        "time": (time,) if time else (),
        "group": (group,) if group else (),
        "target": targets,
        "drop": drop,
    }
    _require_known(table, given)
    require_distinct(targets)
    if group:
        _require_one_answer(horizon)
        return _read_groups(tables, targets, target_type, drop, options)
    _require_forecast(options, target_type)
    _require_past(table, targets, left_out={*drop, time})
    _require_numeric(table, targets)
    inputs = _inputs(table, exclude={*drop, time})
    names = targets or _only_column(table, inputs)
    signature = Signature(inputs, Forecast(names, horizon))
    parts = {split: _windows(each, signature, options) for split, each in tables.items()}
    validation, test = (parts[split][0] if split in parts else None for split in ("validation", "test"))
    return Splits(signature, parts["train"][0], validation, test, timeline=parts["train"][1])


def read_series_like(
    tables: Mapping[str, Table], signature: Signature, options: Mapping[str, Any]
) -> Examples:
    """Every window or group as examples of ``signature``.

    Args:
        tables: By split; each is a series, or groups, of its own.
        signature: The known inputs and target.
        options: Those of ``read_series``.

    Raises:
        DataError: A column is missing, holds what the signature does not know, or is no series.
    """
    how = SeriesOptions.from_json(options)
    if isinstance(signature.target, Forecast):
        return concatenate([_windows(table, signature, how)[0] for table in tables.values()])
    return concatenate([_labelled(table, signature, how) for table in tables.values()])


def _windows(table: Table, signature: Signature, options: SeriesOptions) -> tuple[Examples, Timeline]:
    """All windows whose truth is known and which show a value of each target."""
    target = signature.target
    assert isinstance(target, Forecast)
    [course] = arrange(table, options)
    columns = {spec.name: course.lay_out(_column(table, spec.name)) for spec in signature.inputs}
    _require_length(table, len(course), options.window, target.horizon)
    past = {name: _slide(steps[: -target.horizon], options.window) for name, steps in columns.items()}
    truth = np.stack(
        [_slide(columns[name][options.window :], target.horizon) for name in target.names], axis=2
    )
    has_past = [~np.isnan(past[name]).all(axis=1) for name in target.names]
    chosen = np.flatnonzero(np.all(has_past, axis=0) & ~np.isnan(truth).any(axis=(1, 2)))
    if not len(chosen):
        raise DataError(
            f"{table.path}: {', '.join(map(repr, target.names))} has nowhere {target.horizon} values in a row "
            "with a value before them, so there is nothing to learn from",
            fix="fill in values, or forecast fewer steps with data.horizon=…",
        )
    first = chosen + options.window
    timeline = Timeline(first.tolist(), (first + target.horizon - 1).tolist(), len(course))
    inputs = {name: windows[chosen] for name, windows in past.items()}
    return Examples(inputs, truth[chosen], _places(table, course, first)), timeline


def _slide(steps: Numbers, length: int) -> Numbers:
    """Every window of a series: ``[windows, length]``."""
    return sliding_window_view(steps, length)


def _places(table: Table, course: Course, first: Rows) -> list[str]:
    """The first row that each example predicts: its truth is known, so it is there."""
    rows = course.rows[np.searchsorted(course.places, first)]
    return [table.where(row) for row in rows.tolist()]


def _require_length(table: Table, num_steps: int, window: int, horizon: int) -> None:
    if num_steps < window + horizon:
        raise DataError(
            f"{table.path}: the series has {num_steps} steps, too few for a window of {window} and "
            f"a horizon of {horizon}, together {window + horizon}",
            fix="a shorter past with data.window=…, or fewer steps ahead with data.horizon=…",
        )


def _require_forecast(options: SeriesOptions, target_type: TargetType) -> None:
    if options.time is None:
        raise UsageError(
            "a series has a column that orders its rows, or one that names the series of each row",
            fix="data.time=COLUMN or data.group=COLUMN",
        )
    if target_type not in ("auto", "values", "forecast"):
        raise UsageError(
            f"data.target_type={target_type}: the rows of one series are forecast, which gives numbers",
            fix="data.group=COLUMN names the series of each row; then each series has a target of its own",
        )


def _require_one_answer(horizon: int) -> None:
    if horizon != 1:
        raise UsageError(
            f"data.horizon={horizon}: with data.group each series has one answer, and is not forecast",
            fix="leave out data.horizon, or forecast one series: data.time=COLUMN without data.group",
        )


def _require_numeric(table: Table, targets: Sequence[str]) -> None:
    for name in targets:
        if _is_text(table, name):
            raise DataError(
                f"{table.path}: target {name!r} is not numeric: it holds {categories(table, name).max()!r}, "
                "and what is forecast are numbers",
                fix="name a column of numbers in data.target",
            )


def _only_column(table: Table, inputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    names = [spec.name for spec in inputs]
    if len(names) == 1:
        return (names[0],)
    raise UsageError(
        f"{table.path}: which column is to be forecast? It has {', '.join(map(repr, names[:40]))}",
        fix=f"data.target=NAME, for example data.target={names[0]}",
    )


def _require_past(table: Table, targets: Sequence[str], *, left_out: set[str | None]) -> None:
    for name in targets:
        if name in left_out:
            raise UsageError(
                f"data.target: column {name!r} of {table.path} is left out of the inputs, "
                "and a forecast starts from its own past",
                fix=f"name another column, or take {name!r} out of data.drop and data.time",
            )


def _read_groups(
    tables: Mapping[str, Table],
    targets: tuple[str, ...],
    target_type: TargetType,
    drop: Sequence[str],
    options: SeriesOptions,
) -> Splits:
    table = tables["train"]
    targets = targets or _named_target(table, left_out={*drop, options.time, options.group})
    inputs = _inputs(table, exclude={*targets, *drop, options.time, options.group})
    truth = _truth(table, arrange(table, options), targets, must_be_numbers=target_type == "values")
    signature = Signature(inputs, infer(truth, target_type))
    parts = {split: _labelled(each, signature, options) for split, each in tables.items()}
    return Splits(signature, parts["train"], parts.get("validation"), parts.get("test"))


def _named_target(table: Table, *, left_out: set[str | None]) -> tuple[str, ...]:
    names = [name for name in table.frame.columns if name not in left_out]
    found = [name for name in names if name.lower() in TARGET_NAMES]
    if len(found) == 1:
        return (found[0],)
    raise UsageError(
        f"{table.path}: which column is to be predicted? It has {', '.join(map(repr, names[:40]))}",
        fix=f"data.target=NAME, for example data.target={names[-1]}" if names else "data.target=NAME",
    )


def _labelled(table: Table, signature: Signature, options: SeriesOptions) -> Examples:
    """One example a group."""
    courses = arrange(table, options)
    columns = {spec.name: _column(table, spec.name) for spec in signature.inputs}
    names = column_names(signature.target)
    truth = _truth(table, courses, names, must_be_numbers=signature.target.kind == "values")
    ids = [f"{table.where(int(course.rows.min()))} ({options.group} {course.name})" for course in courses]
    inputs = {name: [course.lay_out(column) for course in courses] for name, column in columns.items()}
    return Examples(inputs, encode(signature.target, truth, ids), ids)


def _truth(
    table: Table, courses: Sequence[Course], names: Sequence[str], *, must_be_numbers: bool
) -> list[TargetColumn]:
    """One value a group, in the order of the groups."""
    for name in names:
        require_column(table, name)
        cells = categories(table, name)
        for course in courses:
            _require_one_value(table, name, course, cells)
    is_first = np.zeros(len(table), bool)
    is_first[[int(course.rows.min()) for course in courses]] = True
    firsts = table.filter(is_first)
    return [_truth_column(firsts, name, must_be_numbers) for name in names]


def _truth_column(table: Table, name: str, must_be_number: bool) -> TargetColumn:
    is_number = must_be_number or not not_numbers(table, name).any()
    return TargetColumn(name, categories(table, name), numbers(table, name) if is_number else None)


def _require_one_value(table: Table, name: str, course: Course, cells: npt.NDArray[np.object_]) -> None:
    rows = np.sort(course.rows)
    values = cells[rows]
    first = values[0]
    if first == "":
        raise DataError(
            f"{table.where(int(rows[0]))}: target {name!r} of {course.name!r} is missing",
            fix="fill it in, or remove the rows of this series",
        )
    for place in np.flatnonzero(values != first)[:1].tolist():
        raise DataError(
            f"{table.where(int(rows[place]))}: target {name!r} of {course.name!r} is {values[place]!r}, "
            f"but {first!r} in {table.where(int(rows[0]))}; a series has one target",
            fix="write the same value into every row of a series",
        )


def _inputs(table: Table, *, exclude: set[str | None]) -> tuple[TensorSpec, ...]:
    names = [name for name in table.frame.columns if name not in exclude]
    texts = [name for name in names if _is_text(table, name)]
    if len(texts) == len(names):
        found = f": {', '.join(map(repr, texts))} hold text" if texts else ""
        raise DataError(
            f"{table.path}: no numeric column is left to make a series of{found}",
            fix="check data.drop, data.time and data.separator",
        )
    for name in texts:
        raise DataError(
            f"{table.path}: column {name!r} holds text, and the steps of a series are numbers",
            fix=shlex.quote(f"data.drop=[{name}]") if " " in name else f"data.drop=[{name}]",
        )
    for name in names:
        numbers(table, name)
    return tuple(TensorSpec(name, "series", "float64", (None,)) for name in names)


def _is_text(table: Table, name: str) -> bool:
    """Whether no cell of a column is a number, and some are something else."""
    odd = int(not_numbers(table, name).sum())
    return 0 < odd == len(table) - table.frame[name].null_count()


def _column(table: Table, name: str) -> Numbers:
    require_column(table, name)
    return numbers(table, name)


def _require_known(table: Table, given: Mapping[str, Sequence[str]]) -> None:
    for option, names in given.items():
        for name in names:
            if name not in table.frame.columns:
                raise UsageError(
                    f"data.{option}: {table.path} has no column {name!r}",
                    fix=did_you_mean(name, table.frame.columns),
                )
