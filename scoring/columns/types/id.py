"""Ids: 64-bit integers, never missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.columns.series_functions import MAX_EXACT
from scoring.columns.types.integer import IntegerType

__all__ = ["ID"]


class IdType(IntegerType):
    name = "id"
    dtype = "int64"
    coerced_dtype = "Int64"
    sql_type = "id"
    nullable = False
    compact = ""

    def finish(self, values: pd.Series) -> pd.Series:
        return values.astype("int64")

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        if not all(type(value) is int and abs(value) < MAX_EXACT for value in values):
            return None
        return pd.Series(np.array(values, dtype=np.int64))

    def conforms(self, array: pa.Array) -> bool:
        return not array.null_count

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return pd.Series(array.to_numpy(zero_copy_only=False))


ID: Final = IdType()
