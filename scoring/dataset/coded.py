"""A column as its different values and which of them each row holds: what is looked up is looked up once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Coded"]


@dataclass(frozen=True)
class Coded:
    """Row r holds `values[place[r]]`, nothing where that is -1 or missing.

    A value may stand there more than once (" a" and "a", after both were stripped); each is some row's.
    """

    values: pd.Series
    place: NDArray[np.int64]  # (n,)

    @classmethod
    def of(cls, column: pd.Series) -> Self:
        place, values = pd.factorize(column)
        return cls(pd.Series(values, dtype=column.dtype), np.asarray(place, dtype=np.int64))

    def series(self) -> pd.Series:
        """The column, with a RangeIndex."""
        return pd.Series(self.values.array.take(self.place, allow_fill=True))
