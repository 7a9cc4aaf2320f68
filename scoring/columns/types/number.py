"""Numbers: float64; missing values are NaN, infinity is rejected."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns.series_functions import (
    MAX_EXACT,
    CoercedColumn,
    Mask,
    drop_missing_texts,
    get_dtype_letter,
    mask_present,
    read_normal_texts,
    to_mask,
    to_plain_dtype,
    to_text_series,
    view_bytes,
)
from scoring.columns.types.column_type import ColumnType

__all__ = ["NOT_NUMBER", "NUMBER", "parse_numbers"]

NOT_NUMBER: Final = "is not a number"


class NumberType(ColumnType):
    name = "number"
    dtype = "float64"
    sql_type = "double"
    stored_type = pa.float64()
    violation = "is infinite"

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        """Return float64; `violates` rejects infinity."""
        column = to_plain_dtype(values)
        letter = get_dtype_letter(column)
        if letter in "iuf":
            return CoercedColumn(pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan)))
        if letter in "bM":
            result = CoercedColumn(pd.Series(np.full(len(column), np.nan)))
            result.reject(mask_present(column), NOT_NUMBER)
            return result
        texts, not_utf8 = read_normal_texts(column)
        numbers, not_numbers = parse_numbers(texts)
        result = CoercedColumn(pd.Series(numbers))
        result.reject(not_numbers | not_utf8, NOT_NUMBER)
        return result

    def accepts_values(self, values: pd.Series) -> bool:
        return not self.violates(values).any()

    def violates(self, values: pd.Series) -> Mask:
        return np.isinf(values.to_numpy(dtype=np.float64))

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        return (type(value) is float and math.isfinite(value)) or (type(value) is int and abs(value) < MAX_EXACT)

    def make_column(self, values: Sequence[Any]) -> pd.Series:
        return pd.Series(np.array([np.nan if value is None else value for value in values], dtype=np.float64))

    def parse_bound(self, value: Any) -> Any:
        return float(value)

    def conforms(self, array: pa.Array) -> bool:
        return not pc.any(pc.is_inf(array)).as_py()

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return pd.Series(array.to_numpy(zero_copy_only=False).astype(np.float64))

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        exact = values.to_numpy(dtype=np.float64, na_value=np.nan)
        digest.update(name.encode())
        digest.update(view_bytes(exact))


def parse_numbers(texts: pa.Array) -> tuple[NDArray[np.float64], Mask]:
    """Return the numbers of texts (NaN if missing or invalid), and which texts are not numbers."""
    texts = drop_missing_texts(texts)
    try:
        numbers = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
        return numbers, np.zeros(len(numbers), dtype=bool)
    except pa.ArrowInvalid:  # some are not numbers; only the slower parser reports which
        numbers = pd.to_numeric(to_text_series(texts), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers, np.isnan(numbers) & to_mask(pc.is_valid(texts))


NUMBER: Final = NumberType()
"""The type of float64 numbers that may be missing."""
