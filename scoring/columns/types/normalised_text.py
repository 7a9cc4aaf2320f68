"""Texts in normal form that are compared with each other or with a word, such as ids of companies."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from scoring.columns.text_normalisation import normalise_text, normalise_texts
from scoring.columns.types.text import TextType, is_clean_text

__all__ = ["NORMAL_TEXT"]


class NormalTextType(TextType):
    name = "key"
    dtype = "str"

    def accepts_object(self, value: Any, width: int | None = None) -> bool:
        return is_clean_text(value) and normalise_text(value) == value

    def normalise(self, texts: pa.Array) -> pa.Array:
        return normalise_texts(texts)


NORMAL_TEXT: Final = NormalTextType()
"""The type of texts that are compared in normal form, such as ids of companies."""
