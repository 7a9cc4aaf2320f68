"""Vocabularies that take new values without being built again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from scoring.array_types import Longs
from scoring.dataset.vocabularies import Vocabularies, Vocabulary

__all__ = ["GrowingVocabulary", "make_growing"]


class GrowingVocabulary(Vocabulary):
    """A vocabulary to which values are added. Known values keep their codes.

    Parameters
    ----------
    values: The values with codes 0…n-1.
    """

    def __init__(self, values: pd.Index) -> None:
        self._dtype = values.dtype
        self._list: list[Any] = values.tolist()
        self._index = values
        self.code_of = {value: code for code, value in enumerate(self._list)}

    def __len__(self) -> int:
        return len(self._list)

    @property
    def values(self) -> pd.Index:  # type: ignore[override]
        """The values by code."""
        if len(self._index) < len(self._list):
            self._index = pd.Index(self._list, dtype=self._dtype if len(self._index) else None)
        return self._index

    @property
    def order(self) -> Longs:
        """As of `Vocabulary`, of the current values."""
        ranks = np.empty(len(self) + 1, dtype=np.int64)
        ranks[self.values.argsort()] = np.arange(len(self))
        ranks[-1] = len(self)
        return ranks

    def add(self, value: Any) -> None:
        """Add a value. A missing or known value changes nothing."""
        if value is not None and value not in self.code_of:
            self.code_of[value] = len(self._list)
            self._list.append(value)


def make_growing(words: Vocabularies) -> Vocabularies:
    """Return the vocabularies with companies and cities that can grow. Tables of terms do not depend on them."""
    return replace(words, company=GrowingVocabulary(words.company.values), city=GrowingVocabulary(words.city.values))
