"""Flags, times and lists of whole numbers."""

from __future__ import annotations

from numbers import Number
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns import Kind
from scoring.columns.coercion.numbers import integer
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

__all__ = ["flag", "integers", "time"]

TRUE_WORDS: Final = ("true", "t", "yes", "y", "1", "1.0")
FALSE_WORDS: Final = ("false", "f", "no", "n", "0", "0.0")
TIME_SHAPE: Final = r"^[0-9]{4}([-/][0-9]{1,2}[-/][0-9]{1,2}|[0-9]{4})([ T].*)?$"
"""A date, perhaps followed by a time: keeps out "now", a bare year, and seconds since an epoch."""
FIRST_TIME: Final = np.datetime64("0001-01-01", "us")
AFTER_LAST_TIME: Final = np.datetime64("10000-01-01", "us")  # beyond it Python has no datetime

NOT_FLAG: Final = "is neither true nor false"
NOT_TIME: Final = "is not a time (write it like 2025-06-30T12:00:00Z; without a zone it is UTC)"
NOT_LIST: Final = "is not a list of whole numbers"


def flag(column: pd.Series) -> Coerced:
    """boolean; true, t, yes, y, 1 and their opposites, in any case."""
    column = plain(column)
    letter = letter_of(column)
    if letter == "b":
        return Coerced(column.astype("boolean"))
    present = present_in(column)
    if letter in "iuf":
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        yes, no = numbers == 1, numbers == 0
        bad = present & ~yes & ~no
    elif letter == "M":
        yes, no, bad = np.zeros_like(present), np.zeros_like(present), present
    else:
        texts, broken = texts_of(column)
        lower = pc.utf8_lower(without_words(texts))
        yes = mask_of(pc.is_in(lower, pa.array(TRUE_WORDS, type=pa.large_string())))
        no = mask_of(pc.is_in(lower, pa.array(FALSE_WORDS, type=pa.large_string())))
        bad = broken | (mask_of(pc.is_valid(lower)) & ~yes & ~no)
    result = Coerced(pd.Series(pd.arrays.BooleanArray(yes, ~(yes | no))))
    result.refuse(bad, NOT_FLAG)
    return result


def time(column: pd.Series) -> Coerced:
    """datetime64[us, UTC] of the years 1 to 9999."""
    column = plain(column)
    letter = letter_of(column)
    if letter in "biuf":
        result = Coerced(pd.Series(pd.NaT, index=column.index, dtype=Kind.TIME.dtype))
        result.refuse(present_in(column), NOT_TIME)
        return result
    if letter == "M":
        zoned = column.dt.tz_localize("UTC") if column.dt.tz is None else column.dt.tz_convert("UTC")
        # years that only coarser units than the microsecond can hold
        strange = ~zoned.dt.year.between(1, 9999).to_numpy(dtype=bool) & present_in(column)
        times = zoned.mask(pd.Series(strange, index=zoned.index)).astype(Kind.TIME.dtype)
    else:
        texts, strange = texts_of(column)
        times, unread = _parse_times(without_words(texts))
        strange = strange | unread
        if letter == "O":  # a number says not what it counts, also where it looks like a day: 20250101
            numbers = np.array([isinstance(v, Number) and v == v for v in column.array], dtype=bool)
            times, strange = times.mask(pd.Series(numbers, index=times.index)), strange | numbers
    raw = times.dt.tz_convert(None).to_numpy(dtype="datetime64[us]")
    outside = (raw < FIRST_TIME) | (raw >= AFTER_LAST_TIME)
    if outside.any():
        times = times.mask(pd.Series(outside))
    result = Coerced(times)
    result.refuse(strange | outside, NOT_TIME)
    return result


def _parse_times(texts: pa.Array) -> tuple[pd.Series, Mask]:
    shaped = pc.match_substring_regex(texts, TIME_SHAPE)
    ready = pc.replace_substring_regex(texts, r" ?(UTC|GMT)$", "Z")
    # nanoseconds would make the whole column datetime64[ns], which ends in the year 2262
    ready = pc.replace_substring_regex(ready, r"(\.[0-9]{6})[0-9]+", r"\1")
    ready = pc.if_else(shaped, ready, pa.scalar(None, pa.large_string()))
    times = pd.to_datetime(text_series(ready), errors="coerce", utc=True, format="ISO8601").dt.as_unit("us")
    return times, mask_of(pc.is_valid(texts)) & times.isna().to_numpy()


def integers(column: pd.Series) -> Coerced:
    """object: a list of int per row, empty when missing."""
    bad = np.zeros(len(column), dtype=bool)
    lists: list[list[int]] = []
    known: dict[str, list[int] | None] = {}
    for row, value in enumerate(column.array):
        if isinstance(value, str):
            if value not in known:
                known[value] = _whole_list(value.split("|"))
            read = known[value]
        elif isinstance(value, list | tuple | np.ndarray):
            read = _whole_list(list(value))
        elif pd.isna(value):
            read = []
        else:
            read = _whole_list([value])
        bad[row] = read is None
        lists.append(list(read or ()))
    values = pd.Series(lists, dtype=object, index=column.index)
    result = Coerced(values)
    result.refuse(bad, NOT_LIST)
    return result


def _whole_list(pieces: list[Any]) -> list[int] | None:
    """The pieces as int, missing ones left out; None when one is no whole number."""
    if all(type(piece) is int and -EXACT <= piece <= EXACT for piece in pieces):
        return pieces
    if any(isinstance(piece, list | tuple | dict | np.ndarray) for piece in pieces):
        return None
    read = integer(pd.Series(pieces, dtype=object))
    return None if read.problems else [int(value) for value in read.values.dropna()]
