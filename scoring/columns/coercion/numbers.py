"""Numbers and whole numbers."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns import Column
from scoring.columns.coercion.plain import (
    EXACT,
    Coerced,
    Mask,
    letter_of,
    mask_of,
    plain,
    present_in,
    text_series,
    texts_of,
    without_words,
)

__all__ = ["NOT_NUMBER", "NOT_WHOLE", "TOO_LARGE", "beyond", "integer", "number", "whole_texts"]

INT64: Final = np.iinfo(np.int64)
NOT_NUMBER: Final = "is not a number"
NOT_WHOLE: Final = "is not a whole number"
TOO_LARGE: Final = "is too large for a 64-bit number"
INEXACT: Final = "is a float beyond 2^53, where whole numbers are no longer exact: bring it as integer or text"


def number(column: pd.Series) -> Coerced:
    """float64; infinity stays for the schema to refuse."""
    column = plain(column)
    letter = letter_of(column)
    if letter in "iuf":
        return Coerced(pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan)))
    if letter in "bM":
        result = Coerced(pd.Series(np.full(len(column), np.nan)))
        result.refuse(present_in(column), NOT_NUMBER)
        return result
    texts, bad = texts_of(column)
    numbers, strange = parse_numbers(texts)
    result = Coerced(pd.Series(numbers))
    result.refuse(strange | bad, NOT_NUMBER)
    return result


def beyond(column: Column, values: pd.Series) -> list[tuple[Mask, str]]:
    """The numbers that are further from 0 than the column allows, and why they are refused; `values` are coerced.

    Infinity is the schema's to refuse.
    """
    if column.most is None or not (too_far := _too_far(column.most, values.to_numpy(dtype=np.float64))).any():
        return []
    return [(too_far, f"is further from 0 than {column.most:,.0f}")]


def _too_far(most: float, numbers: NDArray[np.float64]) -> Mask:
    with np.errstate(invalid="ignore"):
        return (np.abs(numbers) > most) & np.isfinite(numbers)


def parse_numbers(texts: pa.Array) -> tuple[NDArray[np.float64], Mask]:
    texts = without_words(texts)
    try:
        numbers = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
        return numbers, np.zeros(len(numbers), dtype=bool)
    except pa.ArrowInvalid:  # some are not numbers: which ones, only the slower parser tells
        numbers = pd.to_numeric(text_series(texts), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers, np.isnan(numbers) & mask_of(pc.is_valid(texts))


def integer(column: pd.Series) -> Coerced:
    """Int64; whole numbers only (13.0 is whole)."""
    column = plain(column)
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
        if not pc.any(pc.match_substring(texts, "x", ignore_case=True)).as_py():  # Arrow would read 0x10 as 16
            return Coerced(_int64(pc.cast(texts, pa.int64())))
    except pa.ArrowInvalid:
        pass
    numbers, strange = parse_numbers(texts)
    result = _whole_floats(np.where(np.abs(numbers) > EXACT, np.nan, numbers))
    result.refuse(strange, NOT_NUMBER)
    wide = np.flatnonzero(np.abs(numbers) > EXACT)  # few: read one by one, exactly
    large, fractions, inexact = np.zeros((3, len(numbers)), dtype=bool)
    for row in wide.tolist():
        if "e" in texts[row].as_py().lower() and np.isfinite(numbers[row]):  # a float's way to write it
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


def whole_texts(column: pd.Series) -> Mask:
    """(n,) bool: present values that are no whole numbers, as `integer` sees it: text ids need a number."""
    present = present_in(column)
    strange = np.zeros(len(column), dtype=bool)
    for mask, reason in integer(column).problems:
        if reason in (NOT_NUMBER, NOT_WHOLE, TOO_LARGE):
            strange |= mask
    return strange & present
