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

from scoring.columns.series import (
    EXACT,
    Coerced,
    Mask,
    all_or_none,
    letter_of,
    mask_of,
    plain,
    present_in,
    text_series,
    texts_of,
    without_words,
)
from scoring.columns.types.column_type import ColumnType

__all__ = ["NOT_NUMBER", "NUMBER", "parse_numbers"]

NOT_NUMBER: Final = "is not a number"


class NumberType(ColumnType):
    name = "number"
    dtype = "float64"
    sql = "double"
    stored = pa.float64()
    violation = "is infinite"

    def coerce(self, values: pd.Series, width: int | None = None) -> Coerced:
        """Return float64; `violates` rejects infinity."""
        column = plain(values)
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

    def accepts_values(self, values: pd.Series) -> bool:
        return not self.violates(values).any()

    def violates(self, values: pd.Series) -> Mask:
        return np.isinf(values.to_numpy(dtype=np.float64))

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        def clean(value: Any) -> bool:
            return (type(value) is float and math.isfinite(value)) or (type(value) is int and abs(value) < EXACT)

        if not all_or_none(values, clean):
            return None
        return pd.Series(np.array([np.nan if value is None else value for value in values], dtype=np.float64))

    def bound(self, value: Any) -> Any:
        return float(value)

    def holds(self, array: pa.Array) -> bool:
        return not pc.any(pc.is_inf(array)).as_py()

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return pd.Series(array.to_numpy(zero_copy_only=False).astype(np.float64))

    def update_digest(self, digest: hashlib.blake2b, name: str, values: pd.Series) -> None:
        exact = values.to_numpy(dtype=np.float64, na_value=np.nan)
        digest.update(name.encode() + np.ascontiguousarray(exact).tobytes())


def parse_numbers(texts: pa.Array) -> tuple[NDArray[np.float64], Mask]:
    """Return the numbers of texts (NaN if missing or invalid), and which texts are not numbers."""
    texts = without_words(texts)
    try:
        numbers = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
        return numbers, np.zeros(len(numbers), dtype=bool)
    except pa.ArrowInvalid:  # some are not numbers; only the slower parser reports which
        numbers = pd.to_numeric(text_series(texts), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers, np.isnan(numbers) & mask_of(pc.is_valid(texts))


NUMBER: Final = NumberType()
