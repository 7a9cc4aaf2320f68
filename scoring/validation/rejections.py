"""Rejected rows with all their reasons, and the messages of data errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from scoring.columns import Column
from scoring.columns.series_functions import Mask, to_text_series
from scoring.columns.text_id_hash import OWNERS, mask_reserved
from scoring.errors import DataError, pluralize
from scoring.validation.column_match import get_table, match_columns

__all__ = [
    "DUPLICATE",
    "FrameRows",
    "Rejection",
    "Rejections",
    "RowName",
    "SourceRows",
    "group_rejections",
    "join_reasons",
    "make_data_error",
    "make_empty_rejections",
]

DUPLICATE: Final = "is a duplicate of an earlier row"
"""The reason for a duplicate id."""

MAX_ROWS: Final = 5  # rows of a table that an error message describes
MAX_KINDS: Final = 10  # kinds of other problems that it lists
PROBLEMS: Final = ("table", "column", "reason", "rows", "first", "value")


class Rejection(NamedTuple):
    """One reason for which a row is rejected. A row may have several.

    A frame of rejections has these columns, preceded by `at`, the position of the row in its source.
    """

    table: str
    row: Any
    """How messages name the row: its label in the index of the frame, or a `RowName`."""
    column: str
    value: str
    reason: str
    caused_by: str = ""
    """The table of the rejected row to which this row refers; empty if the row is invalid itself."""


class RowName(str):
    """The name of a row without a row number, such as `job_id 3`."""

    __slots__ = ()


class SourceRows(Protocol):
    """The original rows of a source, by position. Only rejected rows are read."""

    def take(self, at: NDArray[np.int64]) -> pd.DataFrame:
        """Return the original rows at these positions, with a RangeIndex."""
        ...

    def names(self, at: NDArray[np.int64]) -> pd.Series:
        """Return the names of the rows at these positions, as objects."""
        ...


class FrameRows:
    """The rows of a DataFrame, named by its index or by `names`."""

    def __init__(self, frame: pd.DataFrame, names: Sequence[Any] | NDArray[Any] | pd.Index | None = None) -> None:
        names = frame.index if names is None else names
        self._frame = frame
        self._names = names if isinstance(names, pd.Index) else pd.Index(names, dtype=object)

    def take(self, at: NDArray[np.int64]) -> pd.DataFrame:
        return self._frame.iloc[at].reset_index(drop=True)

    def names(self, at: NDArray[np.int64]) -> pd.Series:
        return pd.Series(self._names.take(at), dtype=object)


class Rejections:
    """Collects the rejections of one table. Masks cover all rows of the table."""

    def __init__(self, table: str, length: int) -> None:
        self.table = table
        self.rejected: Mask = np.zeros(length, dtype=bool)
        self._found: list[tuple[NDArray[np.int64], list[str], str, str, str]] = []

    def add(self, mask: Mask, column: str, values: pd.Series, reason: str, caused_by: str = "") -> None:
        """Reject the rows of a mask for a column. `values`: (length,) the values of the column, for messages."""
        at = np.flatnonzero(mask)
        if not len(at):
            return
        texts = [_format_value(value) for value in values.iloc[at]]
        self._found.append((at, texts, column, reason, caused_by))
        self.rejected[at] = True

    def check(self, columns: Sequence[Column], coerced: Mapping[str, pd.Series]) -> None:
        """Reject rows that violate a column of coerced values, unless they are rejected already."""
        accepted = ~self.rejected
        for column in columns:
            values = coerced[column.name]
            for mask, reason in column.find_violations(values):
                self.add(mask & accepted, column.name, values, reason)

    def frame(self, source: SourceRows, rows: NDArray[np.int64] | None = None) -> pd.DataFrame:
        """Return the frame of rejections, by row.

        `rows`: (length,) the position of each row in its source; by default, positions are equal.
        """
        if not self._found:
            return make_empty_rejections()
        places = np.concatenate([found[0] for found in self._found])
        order = np.argsort(places, kind="stable")
        at = places[order] if rows is None else rows[places[order]]
        values = np.concatenate([np.array(found[1], dtype=object) for found in self._found])
        kinds = [(found[2:], len(found[0])) for found in self._found]
        columns, reasons, causes = (
            np.repeat(np.array([texts[place] for texts, _ in kinds], dtype=object), [count for _, count in kinds])
            for place in range(3)
        )
        texts = {"column": columns, "value": values, "reason": reasons, "caused_by": causes}
        rejections = pd.DataFrame(
            {
                "at": at,
                "table": _make_texts([self.table] * len(at)),
                "row": source.names(at),
                **{name: _make_texts(found[order]) for name, found in texts.items()},
            }
        )
        return _restore_text_ids(self.table, rejections, source, at)


def _make_texts(texts: NDArray[np.object_] | list[str]) -> pd.Series:
    return to_text_series(pa.array(texts, type=pa.large_string()))


def _restore_text_ids(table: str, rejections: pd.DataFrame, source: SourceRows, at: NDArray[np.int64]) -> pd.DataFrame:
    """Return the rejections with the text ids of the source for their numbers, which a reader does not know."""
    is_id = rejections["column"].isin(OWNERS).to_numpy()
    if not is_id.any():
        return rejections
    numbers = pd.to_numeric(rejections["value"].where(is_id), errors="coerce").fillna(0).to_numpy(dtype=np.float64)
    places = np.flatnonzero(mask_reserved(numbers))
    if not len(places):
        return rejections
    rows = source.take(at[places])
    spec = get_table(table)
    names, _ = match_columns(spec, [spec.column(name) for name in OWNERS if name in spec.names], rows)
    values = rejections["value"].tolist()
    for row, (place, column) in enumerate(zip(places, rejections["column"].iloc[places], strict=True)):
        values[place] = _format_value(rows[names[column]].iloc[row])
    return rejections.assign(value=values)


def make_empty_rejections() -> pd.DataFrame:
    """Return a frame of rejections without rows."""
    return _empty_rejections().copy()  # pandas needs a millisecond for a new one


@cache
def _empty_rejections() -> pd.DataFrame:
    dtypes = {"at": "int64"} | dict.fromkeys(Rejection._fields, "str") | {"row": "object"}
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})


def join_reasons(rejections: pd.DataFrame) -> pd.DataFrame:
    """Return one row per rejected row of one table: row, column, value, and all reasons joined."""
    columns = ["row", "column", "value", "reason"]
    several = rejections["at"].duplicated()
    if not several.any():
        return rejections[columns].reset_index(drop=True)
    # the column of the first reason is already in `column`
    reasons = rejections["reason"].where(~several, rejections["column"] + " " + rejections["reason"])
    joined = reasons.groupby(rejections["at"], sort=False).agg("; ".join)
    return rejections.drop_duplicates("at").assign(reason=joined.to_numpy())[columns].reset_index(drop=True)


def group_rejections(rejections: pd.DataFrame) -> pd.DataFrame:
    """Return one row per kind of problem: table, column, reason, rows, first (5 row names), value (of the first)."""
    groups = [
        (table, column, reason, len(group), tuple(group["row"].head(MAX_ROWS)), group["value"].iloc[0])
        for (table, column, reason), group in rejections.groupby(["table", "column", "reason"], sort=False)
    ]
    return pd.DataFrame(groups, columns=list(PROBLEMS))


def make_data_error(rejections: pd.DataFrame, failures: Sequence[str] = ()) -> DataError:
    """Return one error for all rejections of all tables, and for failures of whole tables.

    Its `problems` is a frame of `group_rejections`. For a failure of a whole table, column is "" and rows is 0.
    """
    failed = [(message.partition(":")[0].partition(".")[0], "", message, 0, (), "") for message in failures]
    frames = [group_rejections(rejections)] if len(rejections) else []
    frames += [pd.DataFrame(failed, columns=list(PROBLEMS))] if failed else []
    tables = rejections.groupby("table", sort=False)
    messages = [*failures, *(_describe_table(str(table), group) for table, group in tables)]
    text = " ".join(messages + (["Correct or remove these rows."] if len(rejections) else []))
    return DataError(text, problems=pd.concat(frames, ignore_index=True), reason="invalid rows")


def _describe_table(table: str, rejections: pd.DataFrame) -> str:
    rejected = join_reasons(rejections)
    rows = [
        f"{_format_row(row)}, column {column}: {repr(value) if value else 'the value'} {reason}"
        for row, column, value, reason in rejected.head(MAX_ROWS).itertuples(index=False)
    ]
    if len(rejected) > MAX_ROWS:
        rows.append(f"and {len(rejected) - MAX_ROWS:,} more{_describe_other_kinds(rejections)}")
    return f"{table}: {pluralize(len(rejected), 'invalid row')} ({'; '.join(rows)})."


def _describe_other_kinds(rejections: pd.DataFrame) -> str:
    """Return text that lists the kinds of problems that the described rows do not have."""
    described = rejections[rejections["at"].isin(rejections["at"].unique()[:MAX_ROWS])]
    kinds = set(zip(described["column"], described["reason"], strict=True))
    other_kinds = [
        f"{column} {reason} ({rows:,}, first {_format_row(first[0])})"
        for _, column, reason, rows, first, _ in group_rejections(rejections).itertuples(index=False)
        if (column, reason) not in kinds
    ]
    more = f", and {pluralize(len(other_kinds) - MAX_KINDS, 'other problem')}" if len(other_kinds) > MAX_KINDS else ""
    return f", among them {', '.join(other_kinds[:MAX_KINDS])}{more}" if other_kinds else ""


def _format_row(row: Any) -> str:
    return str(row) if isinstance(row, RowName) else f"row {row}"


def _format_value(value: Any) -> str:
    """Return a value as error messages show it: short, and encodable as UTF-8."""
    if not isinstance(value, list | tuple | np.ndarray) and pd.isna(value):
        return ""
    text = str(value).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 80 else text[:77] + "…"
