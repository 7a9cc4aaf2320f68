"""Codes: texts in normal form. An integer becomes its digits, padded to the width of the reference codes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns.dictionary_column import DictionaryColumn
from scoring.columns.series_functions import (
    CoercedColumn,
    get_dtype_letter,
    mask_present,
    to_mask,
    to_plain_dtype,
    to_text_series,
)
from scoring.columns.text_normalisation import normalise_texts
from scoring.columns.types.integer import INTEGER
from scoring.columns.types.text import TEXT, TextType

__all__ = ["CODE"]

NOT_CODE: Final = "is not a code (use a text or an integer)"


class CodeType(TextType):
    name = "code"
    dtype = "str"
    has_few_values = True
    compact = "code"

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        """Return str. An integer, as number or text, becomes its digits, padded to `width`."""
        column = to_plain_dtype(values)
        letter = get_dtype_letter(column)
        if letter in "bM":
            result = CoercedColumn(pd.Series(None, index=column.index, dtype="str"))
            result.reject(mask_present(column), NOT_CODE)
            return result
        if letter in "iuf":
            numbers = INTEGER.coerce(column)
            result = CoercedColumn(numbers.values.astype("string").astype("str"), numbers.problems)
        else:
            result = TEXT.coerce(column)
            if letter == "O":
                booleans = np.array([isinstance(v, bool | np.bool_) for v in column.array], dtype=bool)
                result.values = result.values.mask(pd.Series(booleans, index=result.values.index))
                result.reject(booleans, NOT_CODE)
        texts = normalise_texts(pa.array(result.values.array, type=pa.large_string()))
        # integers that were converted to floats: 13.0
        texts = pc.replace_substring_regex(texts, r"^(\d+)\.0+$", r"\1")
        if width is not None:
            short = pc.and_(pc.match_substring_regex(texts, "^[0-9]+$"), pc.less(pc.utf8_length(texts), width))
            if pc.any(short).as_py():
                texts = pc.if_else(short, pc.utf8_lpad(texts, width, "0"), texts)
                result.padded = to_mask(short)
        result.values = to_text_series(texts)
        return result

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        """As in the base class; only for letters and digits, with numbers of at least `width` digits."""
        if type(value) is not str or not (value.isascii() and value.isalnum()):
            return False
        return width is None or not value.isdigit() or len(value) >= width

    def from_array(self, array: pa.Array, width: int | None = None) -> pd.Series | None:
        texts = super().from_array(array)
        if texts is None:
            return None
        column = DictionaryColumn.of(texts)
        codes = self.coerce(column.values, width).values
        return texts if codes.equals(column.values) else DictionaryColumn(codes, column.place).series()


CODE: Final = CodeType()
"""The type of codes that reference tables define, such as `prefecture_code`."""
