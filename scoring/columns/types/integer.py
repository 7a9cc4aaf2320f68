"""64-bit integers; a missing value is <NA>."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns.series import (
    EXACT,
    Coerced,
    Mask,
    all_or_none,
    letter_of,
    mask_of,
    plain,
    present_in,
    texts_of,
    without_words,
)
from scoring.columns.types.column_type import ColumnType
from scoring.columns.types.number import NOT_NUMBER, parse_numbers

__all__ = ["INTEGER", "IntegerType", "whole_texts"]

INT64: Final = np.iinfo(np.int64)
NOT_WHOLE: Final = "is not a whole number"
TOO_LARGE: Final = "is too large for a 64-bit number"
INEXACT: Final = "is a float beyond 2^53, where whole numbers are no longer exact: bring it as integer or text"


class IntegerType(ColumnType):
    name = "integer"
    dtype = "Int64"
    sql = "bigint"
    stored = pa.int64()
    missing = pd.NA
    compact: ClassVar[Literal["", "code", "flag"]] = "code"

    def coerce(self, values: pd.Series, width: int | None = None) -> Coerced:
        """Return Int64. Only integers are valid; 13.0 is one."""
        column = plain(values)
        letter = letter_of(column)
        if letter == "i":
            return Coerced(column.astype("Int64"))
        if letter == "u":
            too_large = column.fillna(0).to_numpy(dtype=np.uint64) > np.uint64(INT64.max)
            result = Coerced(column.mask(pd.Series(too_large), 0).astype("Int64").mask(pd.Series(too_large)))
            result.refuse(too_large, TOO_LARGE)
            return result
        if letter == "f":
            return _whole_floats(column.to_numpy(dtype=np.float64, na_value=np.nan))
        if letter in "bM":
            result = Coerced(pd.Series(pd.NA, index=column.index, dtype="Int64"))
            result.refuse(present_in(column), NOT_NUMBER)
            return result
        texts, bad = texts_of(column)
        result = _parse_whole(texts)
        result.refuse(bad, NOT_NUMBER)
        return result

    def accepts_values(self, values: pd.Series) -> bool:
        return True

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        if not all_or_none(values, lambda value: type(value) is int and abs(value) < EXACT):
            return None
        numbers = np.array([0 if value is None else value for value in values], dtype=np.int64)
        return pd.Series(pd.arrays.IntegerArray(numbers, np.array([value is None for value in values])))

    def bound(self, value: Any) -> Any:
        return float(value)

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return _int64(array)


def _whole_floats(numbers: NDArray[np.float64]) -> Coerced:
    present = ~np.isnan(numbers)
    with np.errstate(invalid="ignore"):
        strange = present & ~(np.isfinite(numbers) & (np.floor(numbers) == numbers))
        inexact = present & ~strange & (np.abs(numbers) > EXACT)
    good = present & ~strange & ~inexact
    values = pd.arrays.IntegerArray(np.where(good, numbers, 0).astype(np.int64), ~good)
    result = Coerced(pd.Series(values))
    result.refuse(strange, NOT_WHOLE)
    result.refuse(inexact, INEXACT)
    return result


def _parse_whole(texts: pa.Array) -> Coerced:
    texts = without_words(texts)
    try:
        if not pc.any(pc.match_substring(texts, "x", ignore_case=True)).as_py():  # Arrow reads 0x10 as 16
            return Coerced(_int64(pc.cast(texts, pa.int64())))
    except pa.ArrowInvalid:
        pass
    numbers, strange = parse_numbers(texts)
    result = _whole_floats(np.where(np.abs(numbers) > EXACT, np.nan, numbers))
    result.refuse(strange, NOT_NUMBER)
    wide = np.flatnonzero(np.abs(numbers) > EXACT)  # rare, so parsed exactly one by one
    large, fractions, inexact = np.zeros((3, len(numbers)), dtype=bool)
    for row in wide.tolist():
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
            large[row] = True
    result.refuse(fractions, NOT_WHOLE)
    result.refuse(inexact, INEXACT)
    result.refuse(large, TOO_LARGE)
    return result


def _int64(array: pa.Array) -> pd.Series:
    missing = ~mask_of(pc.is_valid(array))
    return pd.Series(pd.arrays.IntegerArray(pc.fill_null(array, 0).to_numpy(zero_copy_only=False), missing))


INTEGER: Final = IntegerType()


def whole_texts(column: pd.Series) -> Mask:
    """Return which values are present but not 64-bit integers: text ids, which need a number."""
    present = present_in(column)
    strange = np.zeros(len(column), dtype=bool)
    for mask, reason in INTEGER.coerce(column).problems:
        if reason in (NOT_NUMBER, NOT_WHOLE, TOO_LARGE):
            strange |= mask
    return strange & present
