"""Lists of integers; a missing value is an empty list. In texts, | separates the numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.columns.series import EXACT, Coerced, all_or_none, digest_texts
from scoring.columns.types.column_type import ColumnType
from scoring.columns.types.integer import INTEGER

__all__ = ["INTEGERS"]

NOT_LIST: Final = "is not a list of whole numbers"


class IntegersType(ColumnType):
    name = "integers"
    dtype = "object"
    sql = "text"
    stored = pa.large_string()
    is_list = True

    def coerce(self, values: pd.Series, width: int | None = None) -> Coerced:
        bad = np.zeros(len(values), dtype=bool)
        lists: list[list[int]] = []
        known: dict[str, list[int] | None] = {}
        for row, value in enumerate(values.array):
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
        result = Coerced(pd.Series(lists, dtype=object, index=values.index))
        result.refuse(bad, NOT_LIST)
        return result

    def empty(self, length: int) -> pd.Series:
        return pd.Series([[] for _ in range(length)], dtype=object)

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        def clean(value: Any) -> bool:
            return type(value) is list and all(type(part) is int and abs(part) < EXACT for part in value)

        if not all_or_none(values, clean):
            return None
        return pd.Series([[] if value is None else list(value) for value in values], dtype=object)

    def from_database(self, values: list[Any], width: int | None = None) -> pd.Series | None:
        if not set(map(type, values)) <= {str, type(None)}:
            return None
        lists = [_stored_list(text) for text in values]
        return None if None in lists else pd.Series(lists, dtype=object)

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return pd.Series([_stored_list(text) for text in array.to_pylist()], dtype=object)

    def to_database(self, values: pd.Series) -> list[Any]:
        return ["|".join(map(str, row)) if len(row) else None for row in values]

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        digest_texts(digest, name, values.map(lambda row: "|".join(map(str, row))).astype("str"))


def _whole_list(pieces: list[Any]) -> list[int] | None:
    """Return the pieces as int without missing ones; None if a piece is not an integer."""
    if all(type(piece) is int and -EXACT <= piece <= EXACT for piece in pieces):
        return pieces
    if any(isinstance(piece, list | tuple | dict | np.ndarray) for piece in pieces):
        return None
    read = INTEGER.coerce(pd.Series(pieces, dtype=object))
    return None if read.problems else [int(value) for value in read.values.dropna()]


def _stored_list(text: str | None) -> list[int] | None:
    try:
        found = [int(piece) for piece in text.split("|")] if text else []
    except ValueError:
        return None
    if text and "_" in text:  # Python would accept 1_000 as a number
        return None
    return found if all(abs(number) <= EXACT for number in found) else None


INTEGERS: Final = IntegersType()
