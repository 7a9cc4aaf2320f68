"""Rows of different lengths that can be replaced one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Longs

__all__ = ["Slabs"]


class Slabs:
    """Rows of different lengths, each with a start and a stop in shared arrays.

    A row that becomes longer than its place moves to the end. The arrays double when they are full.

    Parameters
    ----------
    shape: The shape of the rows' numbers.
    dtypes: The dtype of each column of values.
    """

    def __init__(self, shape: tuple[int, ...], *dtypes: Any) -> None:
        self.start: Longs = np.zeros(shape, dtype=np.int64)
        self.stop: Longs = np.zeros(shape, dtype=np.int64)
        self._room: Longs = np.zeros(shape, dtype=np.int64)
        self._values: list[NDArray[Any]] = [np.empty(64, dtype=dtype) for dtype in dtypes]
        self._used = 0
        self.version = 0
        """Increases when the arrays of values are replaced by longer ones."""

    def set(self, place: tuple[int, ...], *values: NDArray[Any]) -> None:
        """Replace a row."""
        n = len(values[0])
        if n > self._room[place]:
            self._make_room(n)
            self.start[place], self._room[place] = self._used, n
            self._used += n
        first = int(self.start[place])
        self.stop[place] = first + n
        for column, added in zip(self._values, values, strict=True):
            column[first : first + n] = added

    def fill(self, start: Longs, *values: NDArray[Any], place: tuple[Any, ...] = ()) -> None:
        """Set the first rows of an axis: row r is `values[start[r]:start[r + 1]]`."""
        n, first = len(start) - 1, self._used
        self._make_room(len(values[0]))
        for column, added in zip(self._values, values, strict=True):
            column[first : first + len(added)] = added
        self.start[place][:n], self.stop[place][:n] = first + start[:-1], first + start[1:]
        self._room[place][:n] = np.diff(start)
        self._used += len(values[0])

    def _make_room(self, n: int) -> None:
        while self._used + n > len(self._values[0]):
            self._values = [np.concatenate([column, np.empty_like(column)]) for column in self._values]
            self.version += 1

    def get(self, place: tuple[int, ...]) -> list[NDArray[Any]]:
        """Return the columns of a row."""
        return [column[self.start[place] : self.stop[place]] for column in self._values]

    def arrays(self) -> tuple[Longs, Longs, list[NDArray[Any]]]:
        """Return starts, stops and columns. They are valid while `version` is the same."""
        return self.start, self.stop, self._values
