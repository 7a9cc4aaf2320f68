"""Bring one column of anything to the dtype of its kind; say which values cannot be.

Every function takes a Series with a RangeIndex and gives `Coerced`: the values in the kind's nullable form
(what cannot be is missing there) and, for each reason, a mask of the rows that it holds for. Homogeneous
columns go through NumPy or Arrow in one step; mixed ones (numbers beside texts, dates beside times) go through
their text, which is what a CSV of the same column would have given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns import Kind

__all__ = ["Coerced", "coerce", "text_series", "whole_texts"]

Mask = NDArray[np.bool_]
INT64: Final = np.iinfo(np.int64)
EXACT: Final = 2**53  # the largest whole number up to which every whole float is exact
MISSING_WORDS: Final = ("nan", "nat", "<na>")  # what str() makes of a missing value
TRUE_WORDS: Final = ("true", "t", "yes", "y", "1", "1.0")
FALSE_WORDS: Final = ("false", "f", "no", "n", "0", "0.0")
TIME_SHAPE: Final = r"^[0-9]{4}([-/][0-9]{1,2}[-/][0-9]{1,2}|[0-9]{4})([ T].*)?$"
"""A date, perhaps followed by a time: keeps out "now", a bare year, and seconds since an epoch."""
FIRST_TIME: Final = np.datetime64("0001-01-01", "us")
AFTER_LAST_TIME: Final = np.datetime64("10000-01-01", "us")  # beyond it Python has no datetime

NOT_NUMBER: Final = "is not a number"
NOT_WHOLE: Final = "is not a whole number"
TOO_LARGE: Final = "is too large for a 64-bit number"
INEXACT: Final = "is a float beyond 2^53, where whole numbers are no longer exact: bring it as integer or text"
INFINITE: Final = "is infinite"
NOT_FLAG: Final = "is neither true nor false"
NOT_TIME: Final = "is not a time (write it like 2025-06-30T12:00:00Z; without a zone it is UTC)"
NOT_TEXT: Final = "is not text that UTF-8 can hold"
NUL: Final = "holds a NUL character"
NOT_LIST: Final = "is not a list of whole numbers"


@dataclass
class Coerced:
    """Values in the kind's nullable form, and (mask, reason) for those that could not be brought to it."""

    values: pd.Series
    problems: list[tuple[Mask, str]] = field(default_factory=list)

    def refuse(self, mask: Mask, reason: str) -> None:
        if mask.any():
            self.problems.append((mask, reason))


def coerce(kind: Kind, column: pd.Series, width: int | None = None) -> Coerced:
    """The column as `kind`; `width` pads whole-number codes with zeros."""
    if kind is Kind.CODE:
        return _code(column, width)
    return _COERCERS[kind](column)


def _plain(column: pd.Series) -> pd.Series:
    """The same values as bool, integer, float, datetime or str; object only for what is mixed."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        column = column.astype(object)
    elif isinstance(dtype, pd.ArrowDtype):
        column = column.convert_dtypes(dtype_backend="numpy_nullable", convert_floating=False)
    if column.dtype != object:
        return column
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    target = {"integer": "Int64", "boolean": "boolean", "floating": "float64", "string": "str"}.get(inferred)
    if inferred == "empty":
        target = "float64"
    if target is not None:
        try:
            return column.astype(target)  # type: ignore[call-overload,no-any-return]
        except (OverflowError, TypeError, ValueError, pa.ArrowException):
            return column  # huge numbers, texts with lone surrogates: one by one
    return column


def _letter(column: pd.Series) -> str:
    """The family of a plain column: b(ool), i(nteger), u(nsigned), f(loat), M (time), T(ext), O(bject)."""
    if isinstance(column.dtype, pd.StringDtype):
        return "T"
    kind = getattr(column.dtype, "kind", "O")
    return kind if kind in "biufM" else "O"


def _present(column: pd.Series) -> Mask:
    return column.notna().to_numpy(dtype=bool)


def _texts(column: pd.Series) -> tuple[pa.Array, Mask]:
    """Stripped texts, blank = null, of a str or object column; and the rows that UTF-8 cannot hold."""
    bad = np.zeros(len(column), dtype=bool)
    if isinstance(column.dtype, pd.StringDtype):
        array = pa.array(column.array, type=pa.large_string())
    else:
        present = _present_objects(column)
        values = [_text(v) if p else None for v, p in zip(column.array, present, strict=True)]
        try:
            array = pa.array(values, type=pa.large_string())
        except UnicodeEncodeError:
            bad = np.array([v is not None and not _encodes(v) for v in values], dtype=bool)
            array = pa.array([None if b else v for v, b in zip(values, bad, strict=True)], type=pa.large_string())
        bad |= np.array([isinstance(v, bytes) for v in column.array], dtype=bool)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = pc.utf8_trim_whitespace(array)
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.large_string()), array), bad


def _present_objects(column: pd.Series) -> list[bool]:
    """notna, for a column that may hold lists."""
    return [bool(p) if isinstance(p, bool | np.bool_) else True for p in map(pd.notna, column.array)]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return ""  # refused by the caller: which encoding it was is not known
    if isinstance(value, float | np.floating) and float(value).is_integer() and abs(value) < EXACT:
        return str(int(value))
    return str(value)


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_words(array: pa.Array) -> pa.Array:
    """Null where the text is how a missing value prints."""
    words = pa.array(MISSING_WORDS, type=pa.large_string())
    if not array.null_count and pc.all(pc.invert(pc.is_in(pc.utf8_lower(array), words))).as_py():
        return array
    missing = pc.is_in(pc.utf8_lower(array), words)
    return pc.if_else(missing, pa.scalar(None, pa.large_string()), array)


def _mask(array: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=bool)


def text_series(array: pa.Array) -> pd.Series:
    """An Arrow array of text as a Series of pandas' str."""
    return pd.Series(pd.array(array, dtype="str"))


# Numbers


def _number(column: pd.Series) -> Coerced:
    """float64; infinity stays for the schema to refuse."""
    column = _plain(column)
    letter = _letter(column)
    if letter in "iuf":
        return Coerced(pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan)))
    if letter in "bM":
        result = Coerced(pd.Series(np.full(len(column), np.nan)))
        result.refuse(_present(column), NOT_NUMBER)
        return result
    texts, bad = _texts(column)
    numbers, strange = _parse_numbers(texts)
    result = Coerced(pd.Series(numbers))
    result.refuse(strange | bad, NOT_NUMBER)
    return result


def _parse_numbers(texts: pa.Array) -> tuple[NDArray[np.float64], Mask]:
    texts = _without_words(texts)
    try:
        numbers = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
        return numbers, np.zeros(len(numbers), dtype=bool)
    except pa.ArrowInvalid:  # some are not numbers: which ones, only the slower parser tells
        numbers = pd.to_numeric(text_series(texts), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers, np.isnan(numbers) & _mask(pc.is_valid(texts))


def _integer(column: pd.Series) -> Coerced:
    """Int64; whole numbers only (13.0 is whole)."""
    column = _plain(column)
    letter = _letter(column)
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
        result.refuse(_present(column), NOT_NUMBER)
        return result
    texts, bad = _texts(column)
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
    texts = _without_words(texts)
    try:
        return Coerced(_int64(pc.cast(texts, pa.int64())))
    except pa.ArrowInvalid:
        pass
    numbers, strange = _parse_numbers(texts)
    result = _whole_floats(np.where(np.abs(numbers) > EXACT, np.nan, numbers))
    result.refuse(strange, NOT_NUMBER)
    wide = np.flatnonzero(np.abs(numbers) > EXACT)  # few: read one by one, exactly
    large, fractions = np.zeros((2, len(numbers)), dtype=bool)
    for row in wide:
        text = texts[int(row)].as_py().partition(".0")
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
    result.refuse(large, TOO_LARGE)
    return result


def _int64(array: pa.Array) -> pd.Series:
    missing = ~_mask(pc.is_valid(array))
    return pd.Series(pd.arrays.IntegerArray(pc.fill_null(array, 0).to_numpy(zero_copy_only=False), missing))


def whole_texts(column: pd.Series) -> Mask:
    """(n,) bool: present values that are no whole numbers, as `_integer` sees it: text ids need a number."""
    present = _present(column)
    strange = np.zeros(len(column), dtype=bool)
    for mask, reason in _integer(column).problems:
        if reason in (NOT_NUMBER, NOT_WHOLE, TOO_LARGE):
            strange |= mask
    return strange & present


# Text


def _string(column: pd.Series) -> Coerced:
    """str, stripped; a whole float loses its .0, because one missing value makes a column of numbers floats."""
    column = _plain(column)
    letter = _letter(column)
    if letter in "biu":
        return Coerced(column.astype("Int64" if letter != "b" else "boolean").astype("string").astype("str"))
    if letter == "f":
        return _float_texts(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if letter == "M":
        return Coerced(column.astype("str").where(column.notna()))
    return _checked_texts(*_texts(column))


def _checked_texts(texts: pa.Array, bad: Mask) -> Coerced:
    nul = _mask(pc.match_substring(texts, "\0"))
    if nul.any():
        texts = pc.if_else(pa.array(nul), pa.scalar(None, pa.large_string()), texts)
    result = Coerced(text_series(texts))
    result.refuse(bad, NOT_TEXT)
    result.refuse(nul, NUL)
    return result


def _float_texts(numbers: NDArray[np.float64]) -> Coerced:
    present, infinite = ~np.isnan(numbers), np.isinf(numbers)
    values = pd.Series(np.where(infinite, np.nan, numbers))
    texts = pd.Series([None if v != v else _text(v) for v in values.tolist()], dtype="str")
    result = Coerced(texts)
    result.refuse(present & infinite, INFINITE)
    return result


def _code(column: pd.Series, width: int | None) -> Coerced:
    """str; a whole number, as number or text, becomes its digits, padded to `width`."""
    column = _plain(column)
    letter = _letter(column)
    if letter in "bM":
        result = Coerced(pd.Series(None, index=column.index, dtype="str"))
        result.refuse(_present(column), "is not a code")
        return result
    if letter in "iuf":
        numbers = _integer(column)
        result = Coerced(numbers.values.astype("string").astype("str"), numbers.problems)
    else:
        result = _string(column)
    texts = pa.array(result.values.array, type=pa.large_string())
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    # a whole number that went through floats: 13.0
    texts = pc.replace_substring_regex(texts, r"^(\d+)\.0+$", r"\1")
    if width is not None:
        short = pc.and_(pc.match_substring_regex(texts, "^[0-9]+$"), pc.less(pc.utf8_length(texts), width))
        texts = pc.if_else(short, pc.utf8_lpad(texts, width, "0"), texts)
    result.values = text_series(texts)
    return result


def _choice(column: pd.Series) -> Coerced:
    """str in lower case."""
    result = _string(column)
    texts = pa.array(result.values.array, type=pa.large_string())
    result.values = text_series(pc.utf8_lower(texts))
    return result


# Flags, times, lists


def _flag(column: pd.Series) -> Coerced:
    """boolean; true, t, yes, y, 1 and their opposites, in any case."""
    column = _plain(column)
    letter = _letter(column)
    if letter == "b":
        return Coerced(column.astype("boolean"))
    present = _present(column)
    if letter in "iuf":
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        yes, no = numbers == 1, numbers == 0
        bad = present & ~yes & ~no
    elif letter == "M":
        yes, no, bad = np.zeros_like(present), np.zeros_like(present), present
    else:
        texts, broken = _texts(column)
        lower = pc.utf8_lower(_without_words(texts))
        yes = _mask(pc.is_in(lower, pa.array(TRUE_WORDS, type=pa.large_string())))
        no = _mask(pc.is_in(lower, pa.array(FALSE_WORDS, type=pa.large_string())))
        bad = broken | (_mask(pc.is_valid(lower)) & ~yes & ~no)
    result = Coerced(pd.Series(pd.arrays.BooleanArray(yes, ~(yes | no))))
    result.refuse(bad, NOT_FLAG)
    return result


def _time(column: pd.Series) -> Coerced:
    """datetime64[us, UTC] of the years 1 to 9999."""
    column = _plain(column)
    letter = _letter(column)
    if letter in "biuf":
        result = Coerced(pd.Series(pd.NaT, index=column.index, dtype=Kind.TIME.dtype))
        result.refuse(_present(column), NOT_TIME)
        return result
    if letter == "M":
        zoned = column.dt.tz_localize("UTC") if column.dt.tz is None else column.dt.tz_convert("UTC")
        times, strange = zoned.astype(Kind.TIME.dtype), np.zeros(len(column), dtype=bool)
    else:
        texts, strange = _texts(column)
        times, unread = _parse_times(_without_words(texts))
        strange = strange | unread
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
    times = pd.to_datetime(text_series(ready), errors="coerce", utc=True, format="ISO8601").astype(Kind.TIME.dtype)
    return times, _mask(pc.is_valid(texts)) & times.isna().to_numpy()


def _integers(column: pd.Series) -> Coerced:
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
    read = _integer(pd.Series(pieces, dtype=object))
    return None if read.problems else [int(value) for value in read.values.dropna()]


_COERCERS: Final[dict[Kind, Callable[[pd.Series], Coerced]]] = {
    Kind.ID: _integer,
    Kind.TEXT: _string,
    Kind.CHOICE: _choice,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.ACTIVE: _flag,
    Kind.TIME: _time,
    Kind.INTEGERS: _integers,
}
