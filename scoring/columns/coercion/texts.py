"""Texts, codes and choices."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.columns.coercion.numbers import integer
from scoring.columns.coercion.plain import (
    Coerced,
    Mask,
    letter_of,
    mask_of,
    plain,
    present_in,
    text_of,
    text_series,
    texts_of,
)

__all__ = ["choice", "code", "string"]

INFINITE: Final = "is infinite"
NOT_TEXT: Final = "is not text that UTF-8 can hold"
NOT_CODE: Final = "is not a code"
NUL: Final = "holds a NUL character"


def string(column: pd.Series) -> Coerced:
    """str, stripped; a whole float loses its .0, because one missing value makes a column of numbers floats."""
    column = plain(column)
    letter = letter_of(column)
    if letter in "biu":
        return Coerced(column.astype("Int64" if letter != "b" else "boolean").astype("string").astype("str"))
    if letter == "f":
        return _float_texts(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if letter == "M":
        return Coerced(column.astype("str").where(column.notna()))
    result = _checked_texts(*texts_of(column))
    if letter == "O":  # beside texts, as in a column of numbers: else it would be a code or a title called inf
        infinite = np.array([isinstance(v, float | np.floating) and math.isinf(v) for v in column.array], dtype=bool)
        result.values = result.values.mask(pd.Series(infinite, index=result.values.index))
        result.refuse(infinite, INFINITE)
    return result


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


def code(column: pd.Series, width: int | None) -> Coerced:
    """str; a whole number, as number or text, becomes its digits, padded to `width`."""
    column = plain(column)
    letter = letter_of(column)
    if letter in "bM":
        result = Coerced(pd.Series(None, index=column.index, dtype="str"))
        result.refuse(present_in(column), NOT_CODE)
        return result
    if letter in "iuf":
        numbers = integer(column)
        result = Coerced(numbers.values.astype("string").astype("str"), numbers.problems)
    else:
        result = string(column)
        if letter == "O":
            truths = np.array([isinstance(v, bool | np.bool_) for v in column.array], dtype=bool)
            result.values = result.values.mask(pd.Series(truths, index=result.values.index))
            result.refuse(truths, NOT_CODE)
    texts = pa.array(result.values.array, type=pa.large_string())
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    # a whole number that went through floats: 13.0
    texts = pc.replace_substring_regex(texts, r"^(\d+)\.0+$", r"\1")
    if width is not None:
        short = pc.and_(pc.match_substring_regex(texts, "^[0-9]+$"), pc.less(pc.utf8_length(texts), width))
        texts = pc.if_else(short, pc.utf8_lpad(texts, width, "0"), texts)
    result.values = text_series(texts)
    return result


def choice(column: pd.Series) -> Coerced:
    """str in lower case."""
    result = string(column)
    texts = pa.array(result.values.array, type=pa.large_string())
    result.values = text_series(pc.utf8_lower(texts))
    return result
