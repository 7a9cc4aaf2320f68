"""Stripped texts; blank text is missing."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns.series_functions import (
    CoercedColumn,
    Mask,
    contains_nul,
    format_value,
    get_dtype_letter,
    read_texts,
    strip_texts,
    to_arrow_texts,
    to_mask,
    to_plain_dtype,
    to_text_series,
)
from scoring.columns.types.column_type import ColumnType

__all__ = ["TEXT", "TextType", "is_clean_text"]

INFINITE: Final = "is infinite"
NOT_TEXT: Final = "is not valid UTF-8 text"
NOT_SINGLE: Final = "is a list or a mapping, not one value"
NESTED: Final = (list, tuple, set, frozenset, dict, np.ndarray, pd.Series)
NUL: Final = "contains a NUL character"


class TextType(ColumnType):
    name = "text"
    dtype = "str"
    sql_type = "text"
    stored_type = pa.large_string()
    is_text = True

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        """Return `normalise` of the texts.

        Floats such as 13.0 lose the .0, because a missing value turns integers into floats.
        """
        column = to_plain_dtype(values)
        letter = get_dtype_letter(column)
        if letter in "biu":
            return CoercedColumn(column.astype("Int64" if letter != "b" else "boolean").astype("string").astype("str"))
        if letter == "f":
            return _format_floats(column.to_numpy(dtype=np.float64, na_value=np.nan))
        if letter == "M":
            return CoercedColumn(column.astype("str").where(column.notna()))
        texts, not_utf8 = read_texts(column)
        result = _coerce_texts(self.normalise(texts), not_utf8)
        if letter == "O":  # infinity or a list in a mixed column would become its text
            infinite = np.array(
                [isinstance(v, float | np.floating) and math.isinf(v) for v in column.array], dtype=bool
            )
            nested = np.array([isinstance(v, NESTED) for v in column.array], dtype=bool)
            result.values = result.values.mask(pd.Series(infinite | nested, index=result.values.index))
            result.reject(infinite, INFINITE)
            result.reject(nested, NOT_SINGLE)
        return result

    def accepts_values(self, values: pd.Series) -> bool:
        """Return whether all texts are valid UTF-8 without NUL. Only Arrow storage is examined, others return False."""
        if values.dtype.storage != "pyarrow":  # type: ignore[union-attr]
            return False
        texts = to_arrow_texts(values)
        return all(_is_storable(chunk) for chunk in (texts.chunks if isinstance(texts, pa.ChunkedArray) else (texts,)))

    def keeps(self, values: pd.Series) -> bool:
        texts = to_arrow_texts(values)
        array = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        return bool(self.normalise(array).equals(array))

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        return is_clean_text(value)

    def conforms(self, array: pa.Array) -> bool:
        return not contains_nul(array)

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return to_text_series(self.normalise(array))

    def normalise(self, texts: pa.Array) -> pa.Array:
        """Return valid texts of a source as the canonical column has them; null if blank."""
        return strip_texts(texts)


def is_clean_text(value: Any) -> bool:
    """Return whether a value is a printable, stripped, non-empty str; NUL and unpaired surrogates are not printable."""
    return type(value) is str and value.isprintable() and bool(value) and value == value.strip()


def _coerce_texts(texts: pa.Array, not_utf8: Mask) -> CoercedColumn:
    nul = to_mask(pc.match_substring(texts, "\0"))
    if nul.any():
        texts = pc.if_else(pa.array(nul), pa.scalar(None, pa.large_string()), texts)
    result = CoercedColumn(to_text_series(texts))
    result.reject(not_utf8, NOT_TEXT)
    result.reject(nul, NUL)
    return result


def _format_floats(numbers: NDArray[np.float64]) -> CoercedColumn:
    present, infinite = ~np.isnan(numbers), np.isinf(numbers)
    values = pd.Series(np.where(infinite, np.nan, numbers))
    texts = pd.Series([None if v != v else format_value(v) for v in values.tolist()], dtype="str")
    result = CoercedColumn(texts)
    result.reject(present & infinite, INFINITE)
    return result


def _is_storable(chunk: pa.LargeStringArray) -> bool:
    if not len(chunk):
        return True
    try:
        chunk.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return not contains_nul(chunk)


TEXT: Final = TextType()
"""The type of texts that are stored as given, such as titles."""
