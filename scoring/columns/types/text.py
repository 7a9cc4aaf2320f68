"""Stripped texts; blank text is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns.series import (
    Coerced,
    Mask,
    all_or_none,
    arrow_texts,
    has_nul,
    letter_of,
    mask_of,
    plain,
    text_of,
    text_series,
    texts_of,
)
from scoring.columns.types.column_type import ColumnType

__all__ = ["TEXT", "TextType", "is_clean_text"]

INFINITE: Final = "is infinite"
NOT_TEXT: Final = "is not text that UTF-8 can hold"
NUL: Final = "holds a NUL character"


class TextType(ColumnType):
    name = "text"
    dtype = "str"
    sql = "text"
    stored = pa.large_string()
    is_text = True

    def coerce(self, values: pd.Series, width: int | None = None) -> Coerced:
        """Return stripped str. Floats such as 13.0 lose the .0, because a missing value turns integers into floats."""
        column = plain(values)
        letter = letter_of(column)
        if letter in "biu":
            return Coerced(column.astype("Int64" if letter != "b" else "boolean").astype("string").astype("str"))
        if letter == "f":
            return _float_texts(column.to_numpy(dtype=np.float64, na_value=np.nan))
        if letter == "M":
            return Coerced(column.astype("str").where(column.notna()))
        result = _checked_texts(*texts_of(column))
        if letter == "O":  # infinity in a mixed column; as text it would become the value inf
            infinite = np.array(
                [isinstance(v, float | np.floating) and math.isinf(v) for v in column.array], dtype=bool
            )
            result.values = result.values.mask(pd.Series(infinite, index=result.values.index))
            result.refuse(infinite, INFINITE)
        return result

    def accepts_values(self, values: pd.Series) -> bool:
        """Return whether all texts are valid UTF-8 without NUL. Only Arrow storage is examined, others return False."""
        if values.dtype.storage != "pyarrow":  # type: ignore[union-attr]
            return False
        texts = arrow_texts(values)
        return all(_is_storable(chunk) for chunk in (texts.chunks if isinstance(texts, pa.ChunkedArray) else (texts,)))

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        return pd.Series(list(values), dtype="str") if all_or_none(values, is_clean_text) else None

    def holds(self, array: pa.Array) -> bool:
        return not has_nul(array)

    def from_arrow(self, array: pa.Array) -> pd.Series:
        array = pc.utf8_trim_whitespace(array)
        return text_series(pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.large_string()), array))


def is_clean_text(value: Any) -> bool:
    """Return whether a value is a printable, stripped, non-empty str; NUL and unpaired surrogates are not printable."""
    return type(value) is str and value.isprintable() and bool(value) and value == value.strip()


def _checked_texts(texts: pa.Array, bad: Mask) -> Coerced:
    nul = mask_of(pc.match_substring(texts, "\0"))
    if nul.any():
        texts = pc.if_else(pa.array(nul), pa.scalar(None, pa.large_string()), texts)
    result = Coerced(text_series(texts))
    result.refuse(bad, NOT_TEXT)
    result.refuse(nul, NUL)
    return result


def _float_texts(numbers: NDArray[np.float64]) -> Coerced:
    present, infinite = ~np.isnan(numbers), np.isinf(numbers)
    values = pd.Series(np.where(infinite, np.nan, numbers))
    texts = pd.Series([None if v != v else text_of(v) for v in values.tolist()], dtype="str")
    result = Coerced(texts)
    result.refuse(present & infinite, INFINITE)
    return result


def _is_storable(chunk: pa.LargeStringArray) -> bool:
    if not len(chunk):
        return True
    try:
        chunk.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return not has_nul(chunk)


TEXT: Final = TextType()
