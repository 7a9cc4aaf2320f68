"""Convert arrays to columns and frames with the canonical dtypes of `scoring.columns`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import TABLES

__all__ = ["append_unknown", "flag_column", "make_canonical", "make_integer_column", "make_text_column", "time_column"]

Mask = NDArray[np.bool_]


def make_text_column(values: NDArray[np.object_], missing: Mask | None = None) -> pd.Series:
    """Return a text column; NaN where the mask is true or the value is None."""
    if missing is not None:
        values = values.copy()
        values[missing] = None
    return pd.Series(values, dtype="str")


def append_unknown(values: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the values followed by None, whose position stands for an unknown value."""
    return np.array([*values, None], object)


def flag_column(values: Mask, missing: Mask) -> pd.Series:
    """Return a boolean column; <NA> where `missing`."""
    return pd.Series(pd.arrays.BooleanArray(values & ~missing, missing.copy()))


def make_integer_column(values: NDArray[np.integer], missing: Mask) -> pd.Series:
    """Return an Int64 column; <NA> where `missing`."""
    return pd.Series(pd.arrays.IntegerArray(np.where(missing, 1, values).astype(np.int64), missing.copy()))


def time_column(seconds: NDArray[np.int64], missing: Mask | None = None) -> pd.Series:
    """Return UTC times from seconds since 1970; NaT where missing."""
    stamps = (seconds * 1_000_000).astype("datetime64[us]")
    if missing is not None:
        stamps[missing] = np.datetime64("NaT")
    return pd.Series(stamps).dt.tz_localize("UTC")


def make_canonical(table: str, columns: Mapping[str, Any], n_rows: int) -> pd.DataFrame:
    """Return the canonical frame of a table. Columns that are not given (`external_id`) are missing in every row."""
    absent = pd.Series(np.full(n_rows, None, object), dtype="str")
    kinds: dict[str, Any] = {column.name: column.type.dtype for column in TABLES[table].columns}
    values = {name: pd.Series(columns.get(name, absent), copy=False) for name in kinds}
    values = {name: one if str(one.dtype) == kinds[name] else one.astype(kinds[name]) for name, one in values.items()}
    return pd.DataFrame(values, index=pd.RangeIndex(n_rows))
