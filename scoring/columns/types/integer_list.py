"""Lists of integers; a missing value is an empty list. In texts, | separates the numbers.

The list forms that PostgreSQL, JSON, Python and NumPy write are texts of lists too: `{1,2}`, `["1", "2"]`, `(1, 2)`,
`[1 2]`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns.series_functions import MAX_EXACT, CoercedColumn, digest_texts, to_mask
from scoring.columns.text_normalisation import normalise_text
from scoring.columns.types.column_type import ColumnType
from scoring.columns.types.integer import INTEGER

__all__ = ["INTEGER_LIST"]

NOT_LIST: Final = "is not a list of integers (example of a text: 1202|1508)"


class IntegerListType(ColumnType):
    name = "integer list"
    dtype = "object"
    sql_type = "text"
    stored_type = pa.large_string()
    is_list = True

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        invalid = np.zeros(len(values), dtype=bool)
        lists: list[list[int]] = []
        parsed: dict[str, list[int] | None] = {}
        for row, value in enumerate(values.array):
            if isinstance(value, str):
                if value not in parsed:
                    parsed[value] = _parse_text(value)
                numbers = parsed[value]
            elif isinstance(value, np.ndarray) and value.dtype.kind in "if":
                numbers = _parse_list(value.tolist())
            elif isinstance(value, list | tuple | np.ndarray | pd.Series | pd.api.extensions.ExtensionArray):
                numbers = _parse_list(list(value))
            elif isinstance(value, set | frozenset):
                numbers = _parse_list(list(value))
                numbers = None if numbers is None else sorted(numbers)
            elif pd.isna(value):
                numbers = []
            else:
                numbers = _parse_list([value])
            invalid[row] = numbers is None
            lists.append(list(numbers or ()))
        result = CoercedColumn(pd.Series(lists, dtype=object, index=values.index))
        result.reject(invalid, NOT_LIST)
        return result

    def make_missing_coerced(self, length: int) -> pd.Series:
        return pd.Series([[] for _ in range(length)], dtype=object)

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        return type(value) is list and all(type(item) is int and abs(item) < MAX_EXACT for item in value)

    def make_column(self, values: Sequence[Any]) -> pd.Series:
        return pd.Series([[] if value is None else list(value) for value in values], dtype=object)

    def to_array(self, values: list[Any]) -> pa.Array | None:
        return super().to_array(values) if set(map(type, values)) <= {str, type(None)} else None

    def from_array(self, array: pa.Array, width: int | None = None) -> pd.Series | None:
        lists = parse_stored_lists(array)
        return None if None in lists else pd.Series(lists, dtype=object)

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return pd.Series(parse_stored_lists(array), dtype=object)

    def to_database(self, values: pd.Series) -> list[Any]:
        return ["|".join(map(str, row)) if len(row) else None for row in values]

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        digest_texts(digest, name, values.map(lambda row: "|".join(map(str, row))).astype("str"))


BRACKETS: Final = ("[]", "{}", "()")
SEPARATORS: Final = re.compile(r"\s*[|,;、]\s*")
QUOTES: Final = "'\""
MISSING_ITEMS: Final = ("", "null", "none", "nan", "<na>")
PLAIN_INTEGER: Final = re.compile("-?[0-9]{1,15}")
"""Most pieces of texts. They are converted 100 times as fast as pieces that need `INTEGER`."""


def _parse_text(text: str) -> list[int] | None:
    """Return the integers of a text such as `1202|1508`, `[1202, 1508]` or `{1202,1508}`."""
    text = normalise_text(text)
    in_brackets = text[:1] + text[-1:] in BRACKETS
    if in_brackets:
        text = text[1:-1].strip().rstrip(",")
        text = text if SEPARATORS.search(text) else ",".join(text.split())
    items = [item.strip().strip(QUOTES) for item in SEPARATORS.split(text)]
    return _parse_list([item for item in items if item.lower() not in MISSING_ITEMS])


def _parse_list(items: list[Any]) -> list[int] | None:
    """Return the pieces as int without missing ones; None if a piece is not an integer."""
    if all(type(item) is int and -MAX_EXACT <= item <= MAX_EXACT for item in items):
        return items
    if all(type(item) is str and PLAIN_INTEGER.fullmatch(item) for item in items):
        return list(map(int, items))
    if all(type(item) is float and (item != item or (item.is_integer() and abs(item) <= MAX_EXACT)) for item in items):
        return [int(item) for item in items if item == item]
    if any(isinstance(item, list | tuple | dict | np.ndarray) for item in items):
        return None
    numbers = INTEGER.coerce(pd.Series(items, dtype=object))
    return None if numbers.problems else [int(value) for value in numbers.values.dropna()]


def parse_stored_lists(texts: pa.Array) -> list[list[int] | None]:
    """Return the integers of stored texts such as `1202|1508`; None if a piece is not an integer.

    All texts are converted at once if Arrow accepts every piece.
    """
    present = to_mask(pc.not_equal(texts, ""))
    pieces = pc.split_pattern(texts.filter(pa.array(present)), "|")
    numbers = _parse_pieces(pc.list_flatten(pieces))
    if numbers is None:
        return [parse_stored_list(text) for text in texts.to_pylist()]
    ends = np.zeros(len(texts), dtype=np.int64)
    ends[present] = pc.list_value_length(pieces).to_numpy(zero_copy_only=False)
    return [numbers[first:end] for first, end in pairwise([0, *np.cumsum(ends).tolist()])]


def _parse_pieces(pieces: pa.Array) -> list[int] | None:
    """Return the integers of texts; None if `parse_stored_list` must decide."""
    if pc.any(pc.match_substring(pieces, "x", ignore_case=True)).as_py():  # Arrow reads 0x10 as 16
        return None
    try:
        numbers = pc.cast(pieces, pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    return None if (numbers > MAX_EXACT).any() or (numbers < -MAX_EXACT).any() else numbers.tolist()


def parse_stored_list(text: str | None) -> list[int] | None:
    """Return the integers of one stored text; None if a piece is not an integer."""
    try:
        numbers = [int(item) for item in text.split("|")] if text else []
    except ValueError:
        return None
    if text and "_" in text:  # Python would accept 1_000 as a number
        return None
    return numbers if all(abs(number) <= MAX_EXACT for number in numbers) else None


INTEGER_LIST: Final = IntegerListType()
"""The type of lists of integers, such as preferred occupations."""
