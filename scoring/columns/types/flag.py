"""Flags: true, false or missing. The model `classic` distinguishes missing flags from false ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns.series_functions import (
    CoercedColumn,
    drop_missing_texts,
    get_dtype_letter,
    mask_present,
    read_normal_texts,
    to_mask,
    to_plain_dtype,
)
from scoring.columns.types.column_type import ColumnType

__all__ = ["FLAG", "FlagType"]

TRUE_WORDS: Final = ("true", "t", "yes", "y", "1", "1.0")
FALSE_WORDS: Final = ("false", "f", "no", "n", "0", "0.0")
NOT_FLAG: Final = "is neither true nor false"


class FlagType(ColumnType):
    name = "flag"
    dtype = "boolean"
    sql_type = "boolean"
    stored_type = pa.int64()
    missing: ClassVar[Any] = pd.NA
    compact = "flag"

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        """Return boolean. Valid texts are true, t, yes, y, 1 and their opposites, in any case."""
        column = to_plain_dtype(values)
        letter = get_dtype_letter(column)
        if letter == "b":
            return CoercedColumn(column.astype("boolean"))
        present = mask_present(column)
        if letter in "iuf":
            numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
            is_true, is_false = numbers == 1, numbers == 0
            invalid = present & ~is_true & ~is_false
        elif letter == "M":
            is_true, is_false, invalid = np.zeros_like(present), np.zeros_like(present), present
        else:
            texts, not_utf8 = read_normal_texts(column)
            lower = pc.utf8_lower(drop_missing_texts(texts))
            is_true = to_mask(pc.is_in(lower, pa.array(TRUE_WORDS, type=pa.large_string())))
            is_false = to_mask(pc.is_in(lower, pa.array(FALSE_WORDS, type=pa.large_string())))
            invalid = not_utf8 | (to_mask(pc.is_valid(lower)) & ~is_true & ~is_false)
        result = CoercedColumn(pd.Series(pd.arrays.BooleanArray(is_true, ~(is_true | is_false))))
        result.reject(invalid, NOT_FLAG)
        return result

    def accepts_values(self, values: pd.Series) -> bool:
        return True

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        return type(value) is bool

    def make_column(self, values: Sequence[Any]) -> pd.Series:
        return self._canonical(np.array([v is True for v in values]), np.array([v is None for v in values]))

    def to_array(self, values: list[Any]) -> pa.Array | None:
        kinds = set(map(type, values))
        if not kinds <= {int, bool, type(None)}:
            return None
        if kinds <= {bool, type(None)}:  # SQLite stores integers
            return pa.array(values, type=pa.bool_())
        if bool in kinds:  # Arrow does not convert bool to int
            values = [None if value is None else int(value) for value in values]
        return super().to_array(values)

    def from_array(self, array: pa.Array, width: int | None = None) -> pd.Series | None:
        return super().from_array(array.cast(self.stored_type), width)

    def conforms(self, array: pa.Array) -> bool:
        return not pc.any(pc.invert(pc.is_in(pc.drop_null(array), pa.array([0, 1], type=pa.int64())))).as_py()

    def from_arrow(self, array: pa.Array) -> pd.Series:
        missing = pc.is_null(array).to_numpy(zero_copy_only=False)
        return self._canonical(pc.fill_null(array, 0).to_numpy(zero_copy_only=False) != 0, missing)

    def _canonical(self, true: np.ndarray, missing: np.ndarray) -> pd.Series:
        return pd.Series(pd.arrays.BooleanArray(true, missing))

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        digest.update(name.encode() + values.astype("boolean").to_numpy(np.int8, na_value=-1).tobytes())


FLAG: Final = FlagType()
"""The type of columns that are true, false or missing."""
