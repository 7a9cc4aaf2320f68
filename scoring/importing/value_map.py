"""Compare cells with the words of a mapping in their normal form, one distinct value at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.columns.text_normalisation import normalise_value

__all__ = ["MISSING_KEY", "clear_words", "is_list", "is_missing", "map_cells", "match_key"]

MISSING_KEY: Final = ""
"""The key of missing cells in `values`; the normal form of a value is never empty."""

TRUE_KEYS: Final = ("true", "yes", "1")
FALSE_KEYS: Final = ("false", "no", "0")


def is_list(value: Any) -> bool:
    """Return whether a cell contains several values."""
    return isinstance(value, list | tuple | set | frozenset | np.ndarray)


def is_missing(value: Any) -> bool:
    """Return whether a cell is missing or blank. A list is not missing, even if it is empty."""
    return not is_list(value) and normalise_value(value) is None


def match_key(value: Any, keys: Mapping[str, Any]) -> str | None:
    """Return the key that is equal to a scalar in normal form, or None. Booleans also equal yes, no, 1 and 0."""
    if isinstance(value, bool | np.bool_):
        return next((key for key in (TRUE_KEYS if value else FALSE_KEYS) if key in keys), None)
    key = normalise_value(value)
    return key if key in keys else None


def map_cells(column: pd.Series, convert: Callable[[Any], Any]) -> pd.Series:
    """Return the converted cells as objects: each distinct scalar is converted once; list cells by their elements.

    Elements that become missing are left out. `convert` also receives missing cells (as None), but no missing elements.
    """
    values = column.array
    result = np.empty(len(column), dtype=object)
    if column.dtype != object or pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty"):
        places, distinct = pd.factorize(column)
        converted = np.empty(len(distinct) + 1, dtype=object)
        for place, value in enumerate([*distinct, None]):
            converted[place] = convert(None if is_missing(value) else value)
        result[:] = converted[places]
        return pd.Series(result, index=column.index, dtype=object)
    known: dict[Any, Any] = {}

    def convert_once(value: Any) -> Any:
        key = (type(value), value)
        try:
            if key not in known:
                known[key] = convert(value)
            return known[key]
        except TypeError:  # unhashable
            return convert(value)

    for row, value in enumerate(values):
        if is_list(value):
            elements: list[Any] = []
            for element in value:
                converted_element: Any = None if is_missing(element) else convert_once(element)
                if is_list(converted_element):
                    elements.extend(converted_element)
                elif converted_element is not None:
                    elements.append(converted_element)
            result[row] = elements
        else:
            result[row] = convert_once(None if is_missing(value) else value)
    return pd.Series(result, index=column.index, dtype=object)


def clear_words(frame: pd.DataFrame, words: Sequence[str]) -> pd.DataFrame:
    """Return the frame without the cells and list elements that are equal to a word in normal form."""
    keys = {key: None for word in words if (key := normalise_value(word)) is not None}
    if not keys:
        return frame
    columns = {name: _clear_column(column, keys) for name, column in frame.items()}
    return pd.DataFrame(columns, index=frame.index, copy=False)


def _clear_column(column: pd.Series, keys: Mapping[str, Any]) -> pd.Series:
    cleared = map_cells(column, lambda value: None if match_key(value, keys) is not None else value)
    if column.dtype == object:
        return cleared
    lost = cleared.isna() & column.notna()
    if not lost.any():
        return column
    # as floats, integers beyond 2^53 would be rounded
    return column.astype(object).mask(lost, None) if column.dtype.kind in "biu" else column.mask(lost)
