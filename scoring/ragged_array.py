"""Ragged arrays: rows of different lengths, stored in two arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Ints, Longs

__all__ = ["Ragged"]


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths: row r is `values[start[r]:start[r + 1]]`.

    Example
    -------
    >>> lists = Ragged(np.array([0, 2, 2, 3]), np.array([4, 5, 6]))
    >>> lists.lengths.tolist()
    [2, 0, 1]
    """

    start: Longs
    values: Ints

    @classmethod
    def of(cls, lists: Iterable[Iterable[int]]) -> Self:
        rows = [list(row) for row in lists]
        start = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=start[1:])
        return cls(start, np.array([value for row in rows for value in row], dtype=np.int32))

    def __len__(self) -> int:
        return len(self.start) - 1

    def __getitem__(self, row: int) -> Ints:
        return self.values[self.start[row] : self.start[row + 1]]

    @property
    def lengths(self) -> Longs:
        return np.diff(self.start)

    @property
    def rows(self) -> Ints:
        """(n_values,) the row of each value."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.lengths)

    def take(self, rows: NDArray[Any]) -> Ragged:
        lengths = self.lengths[rows]
        start = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(lengths, out=start[1:])
        source = np.repeat(self.start[:-1][rows] - start[:-1], lengths) + np.arange(start[-1])
        return Ragged(start, self.values[source])
