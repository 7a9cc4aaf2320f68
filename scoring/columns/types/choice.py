"""Choices: texts of a fixed set, in normal form and lower case. Other texts are kept."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns.dictionary_column import DictionaryColumn
from scoring.columns.series_functions import CoercedColumn, get_dtype_letter, to_plain_dtype
from scoring.columns.text_normalisation import normalise_texts
from scoring.columns.types.text import TextType, is_clean_text

__all__ = ["CHOICE"]


class ChoiceType(TextType):
    name = "choice"
    dtype = "str"
    has_few_values = True

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        """Return `normalise` of the texts, computed once per distinct text."""
        column = to_plain_dtype(values)
        if get_dtype_letter(column) != "T":
            return super().coerce(column)
        coded = DictionaryColumn.of(column)
        result = super().coerce(coded.values)
        problems = [(np.append(mask, False)[coded.place], reason) for mask, reason in result.problems]
        return CoercedColumn(DictionaryColumn(result.values, coded.place).series(), problems)

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        return is_clean_text(value) and value.isascii() and value == value.lower()

    def normalise(self, texts: pa.Array) -> pa.Array:
        return pc.utf8_lower(normalise_texts(texts))


CHOICE: Final = ChoiceType()
"""The type of columns with a fixed set of words, such as the unit of a wage."""
