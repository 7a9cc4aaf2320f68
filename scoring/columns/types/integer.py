"""64-bit integers; a missing value is <NA>."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns.series_functions import (
    MAX_EXACT,
    CoercedColumn,
    Mask,
    drop_missing_texts,
    get_dtype_letter,
    mask_present,
    read_normal_texts,
    to_mask,
    to_plain_dtype,
)
from scoring.columns.types.column_type import ColumnType
from scoring.columns.types.number import NOT_NUMBER, parse_numbers

__all__ = ["INEXACT", "INT64", "INTEGER", "NOT_INTEGER", "IntegerType", "find_text_ids", "to_int64"]

INT64: Final = np.iinfo(np.int64)
NOT_INTEGER: Final = "is not an integer"
TOO_LARGE: Final = "does not fit in a 64-bit integer"
INEXACT: Final = "is a float beyond 2^53, which may be inexact (write all digits, as an integer or a text)"


class IntegerType(ColumnType):
    name = "integer"
    dtype = "Int64"
    sql_type = "bigint"
    stored_type = pa.int64()
    missing = pd.NA
    compact: ClassVar[Literal["", "code", "flag"]] = "code"

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        """Return Int64. Only integers are valid; 13.0 is one."""
        column = to_plain_dtype(values)
        letter = get_dtype_letter(column)
        if letter == "i":
            return CoercedColumn(column.astype("Int64"))
        if letter == "u":
            too_large = column.fillna(0).to_numpy(dtype=np.uint64) > np.uint64(INT64.max)
            result = CoercedColumn(column.mask(pd.Series(too_large), 0).astype("Int64").mask(pd.Series(too_large)))
            result.reject(too_large, TOO_LARGE)
            return result
        if letter == "f":
            return _coerce_floats(column.to_numpy(dtype=np.float64, na_value=np.nan))
        if letter in "bM":
            result = CoercedColumn(pd.Series(pd.NA, index=column.index, dtype="Int64"))
            result.reject(mask_present(column), NOT_NUMBER)
            return result
        texts, invalid = read_normal_texts(column)
        result = _parse_integers(texts)
        result.reject(invalid, NOT_NUMBER)
        return result

    def accepts_values(self, values: pd.Series) -> bool:
        return True

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        return type(value) is int and abs(value) < MAX_EXACT

    def make_column(self, values: Sequence[Any]) -> pd.Series:
        numbers = np.array([0 if value is None else value for value in values], dtype=np.int64)
        return pd.Series(pd.arrays.IntegerArray(numbers, np.array([value is None for value in values])))

    def parse_bound(self, value: Any) -> Any:
        return float(value)

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return to_int64(array)


def _coerce_floats(numbers: NDArray[np.float64]) -> CoercedColumn:
    present = ~np.isnan(numbers)
    with np.errstate(invalid="ignore"):
        fractional = present & ~(np.isfinite(numbers) & (np.floor(numbers) == numbers))
        inexact = present & ~fractional & (np.abs(numbers) > MAX_EXACT)
    exact = present & ~fractional & ~inexact
    values = pd.arrays.IntegerArray(np.where(exact, numbers, 0).astype(np.int64), ~exact)
    result = CoercedColumn(pd.Series(values))
    result.reject(fractional, NOT_INTEGER)
    result.reject(inexact, INEXACT)
    return result


def _parse_integers(texts: pa.Array) -> CoercedColumn:
    texts = drop_missing_texts(texts)
    try:
        if not pc.any(pc.match_substring(texts, "x", ignore_case=True)).as_py():  # Arrow reads 0x10 as 16
            return CoercedColumn(to_int64(pc.cast(texts, pa.int64())))
    except pa.ArrowInvalid:
        pass
    numbers, not_numbers = parse_numbers(texts)
    result = _coerce_floats(np.where(np.abs(numbers) > MAX_EXACT, np.nan, numbers))
    result.reject(not_numbers, NOT_NUMBER)
    beyond_exact = np.flatnonzero(np.abs(numbers) > MAX_EXACT)  # rare, so parsed exactly one by one
    too_large, fractions, inexact = np.zeros((3, len(numbers)), dtype=bool)
    for row in beyond_exact.tolist():
        if "e" in texts[row].as_py().lower() and np.isfinite(numbers[row]):  # floats are printed so
            inexact[row] = True
            continue
        text = texts[row].as_py().partition(".0")
        try:
            value = int(text[0]) if not text[2].strip("0") else None
        except ValueError:
            value = None
        if value is None:
            fractions[row] = True
        elif INT64.min <= value <= INT64.max:
            result.values.iloc[row] = value
        else:
            too_large[row] = True
    result.reject(fractions, NOT_INTEGER)
    result.reject(inexact, INEXACT)
    result.reject(too_large, TOO_LARGE)
    return result


def to_int64(array: pa.Array) -> pd.Series:
    """Return an Arrow array of integers as Int64."""
    missing = ~to_mask(pc.is_valid(array))
    return pd.Series(pd.arrays.IntegerArray(pc.fill_null(array, 0).to_numpy(zero_copy_only=False), missing))


INTEGER: Final = IntegerType()
"""The type of 64-bit integers that may be missing."""


def find_text_ids(column: pd.Series) -> Mask:
    """Return which values are present but not 64-bit integers: text ids, which need a number."""
    present = mask_present(column)
    not_integers = np.zeros(len(column), dtype=bool)
    for mask, reason in INTEGER.coerce(column).problems:
        if reason in (NOT_NUMBER, NOT_INTEGER, TOO_LARGE):
            not_integers |= mask
    return not_integers & present
