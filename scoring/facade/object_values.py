"""Canonical columns from Python values that need no coercion.

Coercing a column takes half a millisecond in Arrow and pandas. For thirty columns, this is nearly all of the time of a
single pair. Values of exactly the type that a canonical column holds need no coercion. For all other values
`column_of_objects` returns None, and the caller coerces. `tests/facade/test_legacy_objects.py` compares the results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.columns import Column, Kind

__all__ = ["column_of_objects"]

Values = Sequence[Any]

_LARGEST: Final = 2**53
_YEARS: Final = range(1700, 2200)  # within the limits of nanoseconds and of datetime


def column_of_objects(column: Column, values: Values, width: int | None) -> pd.Series | None:
    """Return the canonical column of values (None: missing), or None if they need coercion.

    `width`: number of digits to which integer codes are padded.
    """
    if column.kind is Kind.CODE:
        return _codes(values, width)
    make = _MAKERS.get(column.kind)
    return None if make is None else make(values)


def _all(values: Values, holds: Callable[[Any], bool]) -> bool:
    return all(value is None or holds(value) for value in values)


def _ids(values: Values) -> pd.Series | None:
    if not all(type(value) is int and abs(value) < _LARGEST for value in values):
        return None
    return pd.Series(np.array(values, dtype=np.int64))


def _whole(values: Values) -> pd.Series | None:
    if not _all(values, lambda value: type(value) is int and abs(value) < _LARGEST):
        return None
    numbers = np.array([0 if value is None else value for value in values], dtype=np.int64)
    return pd.Series(pd.arrays.IntegerArray(numbers, np.array([value is None for value in values])))


def _numbers(values: Values) -> pd.Series | None:
    if not _all(values, lambda v: (type(v) is float and math.isfinite(v)) or (type(v) is int and abs(v) < _LARGEST)):
        return None
    return pd.Series(np.array([np.nan if value is None else value for value in values], dtype=np.float64))


def _flags(values: Values) -> pd.Series | None:
    if not _all(values, lambda value: type(value) is bool):
        return None
    return pd.Series(
        pd.arrays.BooleanArray(np.array([value is True for value in values]), np.array([v is None for v in values]))
    )


def _active(values: Values) -> pd.Series | None:
    if not _all(values, lambda value: type(value) is bool):
        return None
    return pd.Series(np.array([value is not False for value in values]))


def _text_is_clean(value: Any) -> bool:
    """Return whether nothing is to be stripped, and there is no NUL and no lone surrogate."""
    return type(value) is str and value.isprintable() and bool(value) and value == value.strip()


def _texts(values: Values) -> pd.Series | None:
    return pd.Series(list(values), dtype="str") if _all(values, _text_is_clean) else None


def _choices(values: Values) -> pd.Series | None:
    if not _all(values, lambda value: _text_is_clean(value) and value.isascii() and value == value.lower()):
        return None
    return pd.Series(list(values), dtype="str")


def _codes(values: Values, width: int | None) -> pd.Series | None:
    """Letters and digits; an integer already has its width."""

    def clean(value: Any) -> bool:
        if type(value) is not str or not (value.isascii() and value.isalnum()):
            return False
        return width is None or not value.isdigit() or len(value) >= width

    return pd.Series(list(values), dtype="str") if _all(values, clean) else None


def _times(values: Values) -> pd.Series | None:
    def clean(value: Any) -> bool:
        return isinstance(value, datetime) and value.tzinfo is not None and value.year in _YEARS

    if not _all(values, clean):
        return None
    times = pd.DatetimeIndex([pd.NaT if value is None else pd.Timestamp(value).tz_convert("UTC") for value in values])
    return pd.Series(times.as_unit("us"))


def _lists(values: Values) -> pd.Series | None:
    def clean(value: Any) -> bool:
        return type(value) is list and all(type(part) is int and abs(part) < _LARGEST for part in value)

    if not _all(values, clean):
        return None
    return pd.Series([[] if value is None else list(value) for value in values], dtype=object)


_MAKERS: Final[dict[Kind, Callable[[Values], pd.Series | None]]] = {
    Kind.ID: _ids,
    Kind.TEXT: _texts,
    Kind.CHOICE: _choices,
    Kind.INTEGER: _whole,
    Kind.NUMBER: _numbers,
    Kind.FLAG: _flags,
    Kind.ACTIVE: _active,
    Kind.TIME: _times,
    Kind.INTEGERS: _lists,
}
