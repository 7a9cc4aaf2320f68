"""A column as its distinct values and the position of each row's value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["DictionaryColumn"]

_SHORT: Final = 16
"""Number of rows up to which converting every row is as fast as finding the distinct values."""


@dataclass(frozen=True)
class DictionaryColumn:
    """A column as its distinct values and the position of each row's value.

    Row r is `values[place[r]]`. A missing value has position -1, or is one of the values. Conversions run once per
    distinct value. Values may contain duplicates: in a short column, or after " a" and "a" are stripped.
    """

    values: pd.Series
    place: NDArray[np.int64]  # (n,)

    @classmethod
    def of(cls, column: pd.Series) -> Self:
        """Return the dictionary form of a column."""
        if len(column) <= _SHORT:
            return cls(pd.Series(column.array, copy=False), np.arange(len(column)))
        place, values = pd.factorize(column)
        return cls(pd.Series(values, dtype=column.dtype), np.asarray(place, dtype=np.int64))

    def series(self) -> pd.Series:
        """Return the column, with a RangeIndex."""
        return pd.Series(self.values.array.take(self.place, allow_fill=True))
