"""Convert DataFrames to smaller dtypes with equal values.

Values compare equal before and after, and missing values stay missing. A column that cannot be converted exactly is
unchanged. Codes get the smallest integers. Money and other integers get 32 bits: `fee` as int16 would be exact, but
`fee * 100` would overflow silently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from scoring.columns import TABLES
from scoring.columns.types import ColumnType
from scoring.validation.frame_library_conversion import to_pandas_frame

__all__ = ["memory_report", "optimise"]

_CODES: Final = (np.int8, np.int16, np.int32)
_NUMBERS: Final = (np.int32,)

_MAX_CATEGORY_SHARE: Final = 0.9
"""A text column becomes a category only if that needs at most this share of its bytes."""


def _collect_column_types() -> dict[str, ColumnType]:
    """Return column name or alias → type. If tables differ, the earlier table has priority."""
    types: dict[str, ColumnType] = {}
    for table in TABLES.values():
        for column in table.columns:
            for name in (column.name, *column.aliases):
                types.setdefault(name, column.type)
    return types


def optimise(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with the same columns, rows, index and values in smaller dtypes that hold them exactly.

    - Integers: int32, nullable if values are missing.
    - Codes: int8 to int32, or category if that is smaller.
    - Other numbers: float32 if every value is exact.
    - Flags: bool, or boolean if values are missing.
    - Repetitive text: category.
    - Times, lists and other text: unchanged.

    Its canonical columns, and so its scores, are the same.

    Raises
    ------
    DataError: If `frame` is not a frame.

    Example
    -------
    >>> smaller = optimise(tables.users)
    >>> str(tables.users["user_id"].dtype), str(smaller["user_id"].dtype)
    ('int64', 'int32')
    """
    frame = to_pandas_frame(frame, "optimise")
    types = _collect_column_types()
    columns = [_shrink(frame.iloc[:, place], types.get(str(name))) for place, name in enumerate(frame.columns)]
    result = pd.concat(columns, axis=1) if columns else frame.copy()
    result.columns, result.attrs = frame.columns, dict(frame.attrs)
    return result


def memory_report(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return one row per column: dtypes and bytes (deep) before and after, and the ratio of the bytes."""
    old, new = (frame.memory_usage(deep=True, index=False) for frame in (before, after))
    report = pd.DataFrame(
        {
            "dtype_before": before.dtypes.astype(str),
            "dtype_after": after.dtypes.astype(str),
            "bytes_before": old,
            "bytes_after": new,
        }
    )
    return report.assign(share=report["bytes_after"] / report["bytes_before"].where(report["bytes_before"] > 0))


def _shrink(column: pd.Series, column_type: ColumnType | None) -> pd.Series:
    letter = getattr(column.dtype, "kind", "O")
    if isinstance(column.dtype, pd.CategoricalDtype) or letter in "mM":
        return column
    shrink: Callable[[pd.Series], pd.Series] | None = None
    compact = "" if column_type is None else column_type.compact
    if compact == "flag":
        shrink = _shrink_flags
    elif compact == "code" and letter in "iuf":
        shrink = _shrink_codes
    elif letter in "iu":
        shrink = _shrink_integers
    elif letter == "f":
        shrink = _shrink_floats
    elif letter == "b":
        shrink = _shrink_flags
    elif letter == "O" or isinstance(column.dtype, pd.StringDtype):
        shrink = _shrink_texts
    if shrink is None:
        return column
    smaller = shrink(column)
    return smaller if _count_bytes(smaller) < _count_bytes(column) else column


def _shrink_flags(column: pd.Series) -> pd.Series:
    """Return a column of booleans or of 0 and 1 as bool, or boolean if values are missing; other columns unchanged."""
    missing = column.isna().to_numpy(dtype=bool)
    present = column[~missing]
    if present.dtype == object and pd.api.types.infer_dtype(present) not in ("boolean", "integer", "floating", "empty"):
        return column
    if isinstance(present.dtype, pd.StringDtype):
        return column
    numbers = present.to_numpy(dtype=np.float64)
    if not np.isin(numbers, (0.0, 1.0)).all():
        return column
    flags = np.zeros(len(column), dtype=bool)
    flags[~missing] = numbers == 1.0
    array = pd.arrays.BooleanArray(flags, missing) if missing.any() else flags
    return pd.Series(array, index=column.index, name=column.name)


def _shrink_codes(column: pd.Series) -> pd.Series:
    """Return a column of codes as the smallest integers, or as a category if that is smaller."""
    integers = _fit_integers(column, _CODES) if column.dtype.kind in "iu" else _shrink_floats(column)
    category = pd.Series(pd.Categorical(column), index=column.index, name=column.name)
    return min(integers, category, key=_count_bytes)  # integers if equal


def _count_bytes(column: pd.Series) -> int:
    return column.memory_usage(index=False, deep=True)


def _shrink_integers(column: pd.Series) -> pd.Series:
    return _fit_integers(column, _NUMBERS)


def _fit_integers(column: pd.Series, types: tuple[type[np.signedinteger], ...]) -> pd.Series:
    """Return the column in the first of the types that holds every value; nullable if values are missing."""
    missing = column.isna().to_numpy()
    present = column[~missing]
    low, high = (int(present.min()), int(present.max())) if len(present) else (0, 0)
    for kind in types:
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            if not missing.any():
                return pd.Series(column.to_numpy(dtype=kind), index=column.index, name=column.name)
            filled = column.fillna(0).to_numpy(dtype=kind)
            return pd.Series(pd.arrays.IntegerArray(filled, missing), index=column.index, name=column.name)
    return column


def _shrink_floats(column: pd.Series) -> pd.Series:
    """Return the column as float32 if every value is exact; NaN stays NaN."""
    if isinstance(column.dtype, pd.api.extensions.ExtensionDtype):
        return column  # Float64: <NA> differs from NaN
    wide = column.to_numpy(dtype=np.float64)
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
    if not np.array_equal(narrow.astype(np.float64), wide, equal_nan=True):
        return column
    return pd.Series(narrow, index=column.index, name=column.name)


def _shrink_texts(column: pd.Series) -> pd.Series:
    """Return text as a category if it repeats, and objects True, False, None as flags; other objects unchanged."""
    if column.dtype == object:
        inferred = pd.api.types.infer_dtype(column, skipna=True)
        if inferred == "boolean":
            return _shrink_flags(column)
        if inferred not in ("string", "empty"):
            return column
    smaller = column.astype("category")
    return smaller if _count_bytes(smaller) <= _MAX_CATEGORY_SHARE * _count_bytes(column) else column
