"""A column as its different values and which of them each row has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["DictionaryColumn"]

_SHORT: Final = 16
"""Rows that are converted one by one as fast as their different values are found: those of single pairs."""


@dataclass(frozen=True)
class DictionaryColumn:
    """A column as its different values and the place of each row's value among them.

    Row r holds `values[place[r]]`; a missing value has place -1, or is one of the values. What is computed for each
    value is computed once. A value may occur twice: in a short column, or where " a" and "a" were stripped.
    """

    values: pd.Series
    place: NDArray[np.int64]  # (n,)

    @classmethod
    def of(cls, column: pd.Series) -> Self:
        if len(column) <= _SHORT:
            return cls(column.reset_index(drop=True), np.arange(len(column)))
        place, values = pd.factorize(column)
        return cls(pd.Series(values, dtype=column.dtype), np.asarray(place, dtype=np.int64))

    def series(self) -> pd.Series:
        """Return the column, with a RangeIndex."""
        return pd.Series(self.values.array.take(self.place, allow_fill=True))
