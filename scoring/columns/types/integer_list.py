"""Lists of integers; a missing value is an empty list. In texts, | separates the numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.columns.series_functions import MAX_EXACT, CoercedColumn, all_valid, digest_texts
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
                    parsed[value] = _parse_list(value.split("|"))
                numbers = parsed[value]
            elif isinstance(value, list | tuple | np.ndarray):
                numbers = _parse_list(list(value))
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

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        def clean(value: Any) -> bool:
            return type(value) is list and all(type(item) is int and abs(item) < MAX_EXACT for item in value)

        if not all_valid(values, clean):
            return None
        return pd.Series([[] if value is None else list(value) for value in values], dtype=object)

    def from_database(self, values: list[Any], width: int | None = None) -> pd.Series | None:
        if not set(map(type, values)) <= {str, type(None)}:
            return None
        lists = [_parse_stored_list(text) for text in values]
        return None if None in lists else pd.Series(lists, dtype=object)

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return pd.Series([_parse_stored_list(text) for text in array.to_pylist()], dtype=object)

    def to_database(self, values: pd.Series) -> list[Any]:
        return ["|".join(map(str, row)) if len(row) else None for row in values]

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        digest_texts(digest, name, values.map(lambda row: "|".join(map(str, row))).astype("str"))


def _parse_list(items: list[Any]) -> list[int] | None:
    """Return the pieces as int without missing ones; None if a piece is not an integer."""
    if all(type(item) is int and -MAX_EXACT <= item <= MAX_EXACT for item in items):
        return items
    if any(isinstance(item, list | tuple | dict | np.ndarray) for item in items):
        return None
    numbers = INTEGER.coerce(pd.Series(items, dtype=object))
    return None if numbers.problems else [int(value) for value in numbers.values.dropna()]


def _parse_stored_list(text: str | None) -> list[int] | None:
    try:
        numbers = [int(item) for item in text.split("|")] if text else []
    except ValueError:
        return None
    if text and "_" in text:  # Python would accept 1_000 as a number
        return None
    return numbers if all(abs(number) <= MAX_EXACT for number in numbers) else None


INTEGER_LIST: Final = IntegerListType()
