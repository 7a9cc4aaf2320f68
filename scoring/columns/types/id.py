"""Ids: 64-bit integers, never missing. A text id of a user or job is a text; its owner table defines its number."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns.series_functions import (
    MAX_EXACT,
    CoercedColumn,
    Mask,
    get_dtype_letter,
    mask_present,
    read_normal_texts,
    to_mask,
    to_plain_dtype,
    to_text_series,
)
from scoring.columns.types.integer import INEXACT, INT64, INTEGER, NOT_INTEGER, IntegerType, to_int64
from scoring.columns.types.text import NOT_TEXT, NUL

__all__ = ["ID", "MISSING_WORDS", "ParsedIds", "parse_ids"]

NOT_ID: Final = "is not an id (use an integer or a text)"
TEXT_ID: Final = "is a text; this id must be an integer"
MISSING_WORD: Final = "is a word for a missing value"
HEADER: Final = "is the column name: a repeated header line"

NUMBER_SHAPE: Final = r"^[+-]?(0|[1-9][0-9]*)(\.0+)?$"
SCIENTIFIC_SHAPE: Final = r"^[+-]?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+$"
SAFE_DIGITS: Final = 18  # every integer with so many digits fits in 64 bits
MISSING_WORDS: Final = frozenset(
    {
        *("null", "(null)", "none", "nil", "nan", "nat", "na", "n/a", "<na>", "\\n", "undefined", "missing"),
        *("-", "--", "?", "#na", "#n/a", "#null!", "#value!", "#ref!", "#name?", "#num!", "#div/0!"),
    }
)
"""Texts, in lower case, that programs write for a missing value. They are not ids."""


class IdType(IntegerType):
    name = "id"
    dtype = "int64"
    coerced_dtype = "Int64"
    sql_type = "id"
    nullable = False
    compact = ""

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        """Return Int64. Only integers are valid; a text id is a problem. `parse_ids` also returns the text ids."""
        parsed = parse_ids(values)
        parsed.result.reject(parsed.is_text, TEXT_ID)
        return parsed.result

    def finish(self, values: pd.Series) -> pd.Series:
        return values.astype("int64")

    def accepts_objects(self, values: Sequence[Any], width: int | None = None) -> bool:
        return all(type(value) is int and abs(value) < MAX_EXACT for value in values)

    def make_column(self, values: Sequence[Any]) -> pd.Series:
        return pd.Series(np.array(values, dtype=np.int64))

    def conforms(self, array: pa.Array) -> bool:
        return not array.null_count

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return pd.Series(array.to_numpy(zero_copy_only=False))


ID: Final = IdType()
"""The type of the ids of users, jobs and other rows, which are never missing."""


@dataclass
class ParsedIds:
    """The ids of a column: n integers or text ids.

    Attributes
    ----------
    result: (n,) Int64, missing for text ids, and the problems of values that are neither.
    texts: (n,) str: the normal form of each text id; missing in other rows.
    """

    result: CoercedColumn
    texts: pd.Series

    @property
    def is_text(self) -> Mask:
        """(n,) bool: whether the id is a text id."""
        return mask_present(self.texts)

    @property
    def is_scientific(self) -> Mask:
        """(n,) bool: whether the id is a text such as 1.23457E+12, which spreadsheets write for long numbers."""
        return to_mask(pc.match_substring_regex(_to_array(self.texts), SCIENTIFIC_SHAPE))


def parse_ids(values: pd.Series, headers: Collection[str] = ()) -> ParsedIds:
    """Return the integers and the text ids of a column with a RangeIndex.

    An integer is digits with an optional sign and an optional `.0`, without a leading zero, that fits in 64 bits.
    A float is one up to 2^53. Every other text is a text id, except for words that mean a missing value and for the
    names of the column in `headers`.
    """
    column = to_plain_dtype(values)
    letter = get_dtype_letter(column)
    if letter in "bM":
        result = CoercedColumn(pd.Series(pd.NA, index=column.index, dtype="Int64"))
        result.reject(mask_present(column), NOT_ID)
        return ParsedIds(result, _make_no_texts(len(column)))
    if letter in "iuf":
        result = INTEGER.coerce(column)
        if letter != "u" or not result.problems:
            return ParsedIds(result, _make_no_texts(len(column)))
        column, letter = column.astype(object), "O"
    if letter == "T":
        texts, not_utf8 = read_normal_texts(column)
        return _parse_texts(texts, not_utf8, headers)
    return _parse_objects(column, headers)


def _parse_texts(texts: pa.Array, not_utf8: Mask, headers: Collection[str]) -> ParsedIds:
    """Return the integers and text ids of texts in normal form (blank: null)."""
    numbers = _cast_plain_digits(texts)
    if numbers is not None:
        result = CoercedColumn(to_int64(numbers))
        result.reject(not_utf8, NOT_TEXT)
        return ParsedIds(result, _make_no_texts(len(texts)))
    is_number = to_mask(pc.match_substring_regex(texts, NUMBER_SHAPE))
    digits = pc.replace_substring_regex(texts.filter(pa.array(is_number)), r"^\+|\.0+$", "")
    found = [_to_int(text) for text in digits.to_pylist()]
    integers = np.zeros(len(texts), dtype=np.int64)
    integers[is_number] = [0 if number is None else number for number in found]
    is_number[is_number] = [number is not None for number in found]
    result = CoercedColumn(pd.Series(pd.arrays.IntegerArray(integers, ~is_number)))
    is_text = to_mask(pc.is_valid(texts)) & ~is_number
    for mask, reason in (
        (to_mask(pc.match_substring(texts, "\0")), NUL),
        (_is_in(pc.utf8_lower(texts), MISSING_WORDS), MISSING_WORD),
        (_is_in(pc.utf8_lower(texts), headers), HEADER),
    ):
        result.reject(mask & is_text, reason)
        is_text &= ~mask
    result.reject(not_utf8, NOT_TEXT)
    return ParsedIds(result, to_text_series(pc.if_else(pa.array(is_text), texts, pa.scalar(None, pa.large_string()))))


def _make_no_texts(length: int) -> pd.Series:
    return to_text_series(pa.nulls(length, type=pa.large_string()))


def _cast_plain_digits(texts: pa.Array) -> pa.Array | None:
    """Return the integers of texts that are exactly printed integers; None if a text is not."""
    try:
        numbers = pc.cast(texts, pa.int64())
    except pa.ArrowInvalid:
        return None
    return numbers if pc.cast(numbers, pa.large_string()).equals(texts) else None


def _to_int(digits: str) -> int | None:
    number = int(digits) if len(digits) <= SAFE_DIGITS + 2 else None
    return number if number is not None and INT64.min <= number <= INT64.max else None


def _is_in(texts: pa.Array, words: Collection[str]) -> Mask:
    return to_mask(pc.is_in(texts, pa.array(sorted(words), type=pa.large_string())))


def _parse_objects(column: pd.Series, headers: Collection[str]) -> ParsedIds:
    """Return the integers and text ids of a column of mixed types, value by value."""
    n = len(column)
    texts: list[str | None] = [None] * n
    bad: dict[str, Mask] = {reason: np.zeros(n, dtype=bool) for reason in (NOT_ID, NOT_INTEGER, INEXACT, NOT_TEXT)}
    for row, value in enumerate(column.array):
        if isinstance(value, str | uuid.UUID):
            texts[row] = str(value)
        elif isinstance(value, Integral) and not isinstance(value, bool):
            texts[row] = str(int(value))
        elif isinstance(value, float | np.floating | Decimal):
            if value != value:
                continue
            if np.isinf(float(value)) or value != int(value):
                bad[NOT_INTEGER][row] = True
            elif not isinstance(value, Decimal) and abs(float(value)) > MAX_EXACT:
                bad[INEXACT][row] = True
            else:
                texts[row] = str(int(value))
        elif isinstance(value, bytes):
            bad[NOT_TEXT][row] = True
        elif value is not None and value is not pd.NA and value is not pd.NaT:
            bad[NOT_ID][row] = True
    normal, not_utf8 = read_normal_texts(pd.Series(texts, dtype=object))
    parsed = _parse_texts(normal, not_utf8, headers)
    for reason, mask in bad.items():
        parsed.result.reject(mask, reason)
    return parsed


def _to_array(texts: pd.Series) -> pa.Array:
    return pa.array(texts.array, type=pa.large_string())
