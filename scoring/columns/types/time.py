"""Times in the years 1 to 9999, in microseconds and UTC. A time without a zone is UTC; a date is midnight UTC."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from numbers import Number
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns.series_functions import (
    CoercedColumn,
    Mask,
    drop_missing_texts,
    get_dtype_letter,
    mask_present,
    read_normal_texts,
    to_mask,
    to_plain_dtype,
    to_text_series,
    view_bytes,
)
from scoring.columns.types.column_type import ColumnType

__all__ = ["TIME"]

TIME_SHAPE: Final = r"^[0-9]{4}([-/][0-9]{1,2}[-/][0-9]{1,2}|[0-9]{4})([ T].*)?$"
"""A date, optionally with a time. It excludes "now", a year alone, and seconds since an epoch."""
FIRST: Final = int(np.datetime64("0001-01-01", "us").astype(np.int64))
LAST: Final = int(np.datetime64("9999-12-31T23:59:59.999999", "us").astype(np.int64))  # also of Python's datetime
MISSING_TIME: Final = np.iinfo(np.int64).min
SAFE_YEARS: Final = range(1700, 2200)  # within the limits of nanoseconds and datetime

NOT_TIME: Final = "is not a time (example: 2025-06-30T12:00:00Z; a time without a zone is UTC)"
NOT_MICROSECONDS: Final = "is not an integer number of microseconds since 1970, in the years 1 to 9999"


class TimeType(ColumnType):
    name = "time"
    dtype = "datetime64[us, UTC]"
    sql_type = "bigint"
    stored_type = pa.int64()
    missing = pd.NaT

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        column = to_plain_dtype(values)
        letter = get_dtype_letter(column)
        if letter in "biuf":
            result = CoercedColumn(pd.Series(pd.NaT, index=column.index, dtype=self.dtype))
            result.reject(mask_present(column), NOT_TIME)
            return result
        if letter == "M":
            times, invalid = self._convert_zone(column), np.zeros(len(column), dtype=bool)
            if times.dt.unit not in ("us", "ns"):  # years that do not fit in microseconds
                invalid = ~times.dt.year.between(1, 9999).to_numpy(dtype=bool) & mask_present(times)
                times = times.mask(pd.Series(invalid, index=times.index))
            times = times.astype(self._pandas_dtype)
        else:
            texts, invalid = read_normal_texts(column)
            times, unparsed = _parse_times(drop_missing_texts(texts))
            invalid = invalid | unparsed
            if letter == "O":  # the unit of a number is unknown, even if it looks like a date: 20250101
                numbers = np.array([isinstance(v, Number) and v == v for v in column.array], dtype=bool)
                times, invalid = times.mask(pd.Series(numbers, index=times.index)), invalid | numbers
        microseconds = _to_microseconds(times)
        outside = ((microseconds < FIRST) | (microseconds > LAST)) & (microseconds != MISSING_TIME)
        if outside.any():
            times = times.mask(pd.Series(outside))
        result = CoercedColumn(times)
        result.reject(invalid | outside, NOT_TIME)
        return result

    def _convert_zone(self, column: pd.Series) -> pd.Series:
        if column.dtype == self._pandas_dtype:
            return column
        return column.dt.tz_localize("UTC") if column.dt.tz is None else column.dt.tz_convert("UTC")

    def accepts_values(self, values: pd.Series) -> bool:
        microseconds = values.to_numpy(dtype="datetime64[us]").view(np.int64)
        return bool((((microseconds >= FIRST) & (microseconds <= LAST)) | (microseconds == MISSING_TIME)).all())

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        return isinstance(value, datetime) and value.tzinfo is not None and value.year in SAFE_YEARS

    def make_column(self, values: Sequence[Any]) -> pd.Series:
        times = pd.DatetimeIndex([pd.NaT if v is None else pd.Timestamp(v).tz_convert("UTC") for v in values])
        return pd.Series(times.as_unit("us"))

    def parse_bound(self, value: Any) -> Any:
        stamp = pd.Timestamp(str(value))
        return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")

    def conforms(self, array: pa.Array) -> bool:
        return not pc.any(pc.or_(pc.less(array, FIRST), pc.greater(array, LAST))).as_py()

    def from_arrow(self, array: pa.Array) -> pd.Series:
        microseconds = pc.fill_null(array, MISSING_TIME).to_numpy(zero_copy_only=False)
        return pd.Series(microseconds.view("datetime64[us]")).dt.tz_localize("UTC")

    def decode(self, stored: pd.Series) -> CoercedColumn:
        invalid = np.array([not _is_stored_time(value) for value in stored], dtype=bool)
        times = pa.array(stored.mask(pd.Series(invalid), None), type=pa.int64(), from_pandas=True)
        result = CoercedColumn(self.from_arrow(times))
        result.reject(invalid, NOT_MICROSECONDS)
        return result

    def to_readable(self, stored: Any) -> Any:
        """Return the time of stored microseconds; other values are unchanged."""
        return pd.Timestamp(stored, unit="us", tz="UTC") if stored is not None and _is_stored_time(stored) else stored

    def to_database(self, values: pd.Series) -> list[Any]:
        return [None if value == MISSING_TIME else value for value in _to_microseconds(values).tolist()]

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        digest.update(name.encode())
        digest.update(view_bytes(_to_microseconds(values)))


def _to_microseconds(times: pd.Series) -> np.ndarray:
    return times.dt.tz_convert(None).to_numpy(dtype="datetime64[us]").view(np.int64)


def _parse_times(texts: pa.Array) -> tuple[pd.Series, Mask]:
    has_shape = pc.match_substring_regex(texts, TIME_SHAPE)
    cleaned = pc.replace_substring_regex(texts, r" ?(UTC|GMT)$", "Z")
    # with nanoseconds the column would become datetime64[ns], which ends in the year 2262
    cleaned = pc.replace_substring_regex(cleaned, r"(\.[0-9]{6})[0-9]+", r"\1")
    cleaned = pc.if_else(has_shape, cleaned, pa.scalar(None, pa.large_string()))
    times = pd.to_datetime(to_text_series(cleaned), errors="coerce", utc=True, format="ISO8601").dt.as_unit("us")
    return times, to_mask(pc.is_valid(texts)) & times.isna().to_numpy()


def _is_stored_time(value: Any) -> bool:
    return value is None or (type(value) is int and FIRST <= value <= LAST)


TIME: Final = TimeType()
"""The type of times in UTC, in microseconds."""
