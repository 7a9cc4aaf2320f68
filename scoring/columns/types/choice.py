"""Choices: texts of a fixed set, in normal form and lower case. Other texts are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoring.columns.normal_form import normalise_texts
from scoring.columns.series_functions import CoercedColumn, all_valid, to_text_series
from scoring.columns.types.text import TextType, is_clean_text

__all__ = ["CHOICE"]


class ChoiceType(TextType):
    name = "choice"
    dtype = "str"
    has_few_values = True

    def coerce(self, values: pd.Series, width: int | None = None) -> CoercedColumn:
        result = super().coerce(values)
        texts = pa.array(result.values.array, type=pa.large_string())
        result.values = to_text_series(pc.utf8_lower(normalise_texts(texts)))
        return result

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        if not all_valid(values, lambda v: is_clean_text(v) and v.isascii() and v == v.lower()):
            return None
        return pd.Series(list(values), dtype="str")

    def from_arrow(self, array: pa.Array) -> pd.Series:
        return to_text_series(pc.utf8_lower(normalise_texts(array)))


CHOICE: Final = ChoiceType()
