"""Read columns by name as arrays, for components and rules: canonical columns and own columns alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs
from scoring.errors import ConfigurationError, suggest
from scoring.ragged_array import Ragged
from scoring.validation.lazy_columns import ValidatedFrame

__all__ = ["NO_TIME", "CodeLists", "Codes", "NamedColumns", "find_column", "to_plain_value"]

NO_TIME = np.iinfo(np.int64).min
"""A missing time: the integer that represents NaT."""


class Codes(NamedTuple):
    """A column as codes: `labels[codes[r]]` is the value of row r; -1 is missing, or not in the given labels."""

    codes: Ints  # (n,)
    labels: pd.Index  # sorted, unless the caller gave them


class CodeLists(NamedTuple):
    """A column of lists as codes: `labels[lists[r]]` are the values of row r. -1 is not in the given labels."""

    lists: Ragged
    labels: pd.Index


class NamedColumns(ABC):
    """Rows whose columns are read by name. A column that does not exist, or has another type, is an error."""

    @abstractmethod
    def read_column(self, name: str) -> pd.Series:
        """Return the canonical column of a name. Raise ConfigurationError if it does not exist."""

    def numbers(self, name: str) -> Floats:
        """Return (n,) float64 of a number, integer or flag column; NaN for missing values."""
        column = self.read_column(name)
        if column.dtype.kind not in "iufb":
            raise _make_type_error(name, column, "numbers")
        return column.to_numpy(dtype=np.float64, na_value=np.nan)

    def flags(self, name: str) -> NDArray[np.int8]:
        """Return (n,) int8 of a flag column: 1 true, 0 false, -1 missing."""
        column = self.read_column(name)
        if column.dtype.kind != "b":
            raise _make_type_error(name, column, "flags")
        return np.asarray(column.astype("Int8").fillna(-1), dtype=np.int8)

    def times(self, name: str) -> Longs:
        """Return (n,) int64 of a time column: microseconds since 1970 in UTC; NO_TIME for missing values."""
        column = self.read_column(name)
        if column.dtype.kind != "M":
            raise _make_type_error(name, column, "times")
        return column.dt.tz_convert(None).to_numpy(dtype="datetime64[us]").view(np.int64)

    def texts(self, name: str) -> NDArray[np.object_]:
        """Return (n,) str of a text, category or code column; None for missing values."""
        column = self.read_column(name)
        if not isinstance(column.dtype, pd.StringDtype):
            raise _make_type_error(name, column, "texts")
        return column.astype(object).where(column.notna(), None).to_numpy(dtype=object)

    def codes(self, name: str, labels: pd.Index | None = None) -> Codes:
        """Return the codes of a column of single values.

        With the `labels` of another column, equal values of the two columns have equal codes.
        """
        column = self.read_column(name)
        if column.dtype == object:
            raise _make_type_error(name, column, "codes")
        if labels is None:
            labels = pd.Index(column.dropna().unique()).sort_values()
        return Codes(_find_codes(labels, column), labels)

    def code_lists(self, name: str, labels: pd.Index | None = None) -> CodeLists:
        """Return the codes of a column of lists, in the order of each list. A missing list is empty."""
        column = self.read_column(name)
        if column.dtype != object:
            raise _make_type_error(name, column, "code_lists")
        start = np.zeros(len(column) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in column], out=start[1:])
        values = pd.Series([value for row in column for value in row])
        if labels is None:
            labels = pd.Index(values.unique()).sort_values()
        return CodeLists(Ragged(start, _find_codes(labels, values)), labels)


def find_column(table: str, columns: pd.DataFrame | ValidatedFrame, name: str) -> pd.Series:
    """Return a column of a table. Raise ConfigurationError if it does not exist."""
    names = tuple(map(str, columns.columns)) if isinstance(columns, pd.DataFrame) else columns.names
    if name not in names:
        known = suggest(name, names).removesuffix(".")
        raise ConfigurationError(
            f"The table {table} does not have the column {name!r}. {known}; or declare {name} as an own column.",
            key=(table, name),
        )
    return columns[name]


def to_plain_value(value: Any) -> Any:
    """Return a value of a canonical frame as a Python value: None if it is missing, a tuple for a list."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(value)
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        return _to_datetime(value)
    return value.item() if isinstance(value, np.generic) else value


def _to_datetime(value: pd.Timestamp) -> datetime:
    return value.to_pydatetime()


def _find_codes(labels: pd.Index, column: pd.Series) -> Ints:
    if not len(labels) or not len(column):
        return np.full(len(column), -1, dtype=np.int32)
    place, values = pd.factorize(column)
    try:
        known = labels.get_indexer(pd.Index(values).astype(labels.dtype))
    except (TypeError, ValueError):  # values of another type equal none of the labels
        known = np.full(len(values), -1)
    return np.append(known, -1)[place].astype(np.int32)


def _make_type_error(name: str, column: pd.Series, method: str) -> ConfigurationError:
    kind = column.dtype.kind
    if isinstance(column.dtype, pd.StringDtype):
        fitting = "texts or codes"
    elif column.dtype == object:
        fitting = "code_lists"
    else:
        fitting = {"M": "times", "b": "flags or numbers"}.get(kind, "numbers or codes")
    return ConfigurationError(f"The column {name!r} cannot be read with {method}(). Use {fitting}().", key=(name,))
