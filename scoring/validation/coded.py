"""A column as its different values and which of them each row holds: what is looked up is looked up once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Coded"]

_SHORT: Final = 16
"""Rows that are looked up as fast as told apart: those of single pairs."""


@dataclass(frozen=True)
class Coded:
    """Row r holds `values[place[r]]`, nothing where that is -1 or missing.

    Each value is some row's. It may stand there more than once: in a short column, or where " a" and "a" were stripped.
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
        """The column, with a RangeIndex."""
        return pd.Series(self.values.array.take(self.place, allow_fill=True))
