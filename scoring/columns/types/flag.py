"""Flags: true, false or missing. The model `classic` distinguishes missing flags from false ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns.series import (
    Coerced,
    all_or_none,
    letter_of,
    mask_of,
    plain,
    present_in,
    texts_of,
    without_words,
)
from scoring.columns.types.column_type import ColumnType

__all__ = ["FLAG", "FlagType"]

TRUE_WORDS: Final = ("true", "t", "yes", "y", "1", "1.0")
FALSE_WORDS: Final = ("false", "f", "no", "n", "0", "0.0")
NOT_FLAG: Final = "is neither true nor false"


class FlagType(ColumnType):
    name = "flag"
    dtype = "boolean"
    sql = "boolean"
    stored = pa.int64()
    missing: ClassVar[Any] = pd.NA
    compact = "flag"

    def coerce(self, values: pd.Series, width: int | None = None) -> Coerced:
        """Return boolean. Valid texts are true, t, yes, y, 1 and their opposites, in any case."""
        column = plain(values)
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

    def accepts_values(self, values: pd.Series) -> bool:
        return True

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        if not all_or_none(values, lambda value: type(value) is bool):
            return None
        return self._canonical(np.array([v is True for v in values]), np.array([v is None for v in values]))

    def from_database(self, values: list[Any], width: int | None = None) -> pd.Series | None:
        kinds = set(map(type, values))
        if not kinds <= {int, bool, type(None)}:
            return None
        if bool in kinds:  # SQLite stores integers; Arrow does not convert bool to int
            values = [None if value is None else int(value) for value in values]
        return super().from_database(values, width)

    def holds(self, array: pa.Array) -> bool:
        return not pc.any(pc.invert(pc.is_in(pc.drop_null(array), pa.array([0, 1], type=pa.int64())))).as_py()

    def from_arrow(self, array: pa.Array) -> pd.Series:
        missing = pc.is_null(array).to_numpy(zero_copy_only=False)
        return self._canonical(pc.fill_null(array, 0).to_numpy(zero_copy_only=False) != 0, missing)

    def _canonical(self, true: np.ndarray, missing: np.ndarray) -> pd.Series:
        return pd.Series(pd.arrays.BooleanArray(true, missing))

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        digest.update(name.encode() + values.astype("boolean").to_numpy(np.int8, na_value=-1).tobytes())


FLAG: Final = FlagType()
