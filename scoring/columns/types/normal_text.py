"""Texts in normal form that are compared with each other or with a word, such as ids of companies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from scoring.columns.normal_form import normalise_text, normalise_texts
from scoring.columns.series_functions import all_valid
from scoring.columns.types.text import TextType, is_clean_text

__all__ = ["NORMAL_TEXT"]


class NormalTextType(TextType):
    name = "key"
    dtype = "str"

    def from_objects(self, values: Sequence[Any], width: int | None = None) -> pd.Series | None:
        if not all_valid(values, lambda v: is_clean_text(v) and normalise_text(v) == v):
            return None
        return pd.Series(list(values), dtype="str")

    def normalise(self, texts: pa.Array) -> pa.Array:
        return normalise_texts(texts)


NORMAL_TEXT: Final = NormalTextType()
