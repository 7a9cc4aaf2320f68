"""Arrays to canonical frames: the dtypes of `scoring.columns`, missing where a mask says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import TABLES

__all__ = ["canonical", "flag", "integer", "text", "time", "with_unknown"]

Mask = NDArray[np.bool_]


def text(values: NDArray[np.object_], missing: Mask | None = None) -> pd.Series:
    """Text; NaN where missing or None."""
    if missing is not None:
        values = values.copy()
        values[missing] = None
    return pd.Series(values, dtype="str")


def with_unknown(values: NDArray[np.object_]) -> NDArray[np.object_]:
    """The values and None after the last: what the position of the unknown stands for."""
    return np.array([*values, None], object)


def flag(values: Mask, missing: Mask) -> pd.Series:
    return pd.Series(pd.arrays.BooleanArray(values & ~missing, missing.copy()))


def integer(values: NDArray[np.integer], missing: Mask) -> pd.Series:
    return pd.Series(pd.arrays.IntegerArray(np.where(missing, 1, values).astype(np.int64), missing.copy()))


def time(seconds: NDArray[np.int64], missing: Mask | None = None) -> pd.Series:
    """UTC times of seconds since 1970; NaT where missing."""
    stamps = (seconds * 1_000_000).astype("datetime64[us]")
    if missing is not None:
        stamps[missing] = np.datetime64("NaT")
    return pd.Series(stamps).dt.tz_localize("UTC")


def canonical(table: str, columns: Mapping[str, Any], n_rows: int) -> pd.DataFrame:
    """The table's frame; a column that was not made (`external_id`) is missing throughout."""
    kinds = {column.name: column.type.dtype for column in TABLES[table].columns}
    absent = pd.Series(np.full(n_rows, None, object), dtype="str")
    frame = pd.DataFrame({name: columns.get(name, absent) for name in kinds}, index=pd.RangeIndex(n_rows))
    return frame.astype({name: dtype for name, dtype in kinds.items() if str(frame[name].dtype) != dtype})
