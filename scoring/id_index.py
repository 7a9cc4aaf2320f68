"""Rows of ids, found by binary search or by a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Longs

__all__ = ["IdIndex"]

MOST_EMPTY = 8
"""A table with more places per id than this is not built: ids are searched for instead."""


class IdIndex:
    """Distinct int64 ids and the row of each.

    Parameters
    ----------
    ids: (n,) the id of each row, in any order. Of ids that occur twice, `find` returns one of the rows.
    """

    def __init__(self, ids: NDArray[np.integer]) -> None:
        whole: Longs = np.asarray(ids, dtype=np.int64)
        ascending = len(whole) < 2 or bool((whole[1:] > whole[:-1]).all())
        self._order: Longs | None = None if ascending else np.argsort(whole, kind="stable")
        self._sorted: Longs = whole if self._order is None else whole[self._order]

    def __len__(self) -> int:
        return len(self._sorted)

    def find(self, ids: NDArray[np.integer]) -> tuple[Longs, Bools]:
        """Return the row of each id, -1 where the id is unknown, and whether it is known; both (len(ids),)."""
        wanted: Longs = np.asarray(ids, dtype=np.int64)
        known = self._sorted
        if len(wanted) == len(known) and np.array_equal(wanted, known):
            rows = np.arange(len(wanted)) if self._order is None else self._order
            return rows, np.ones(len(wanted), dtype=np.bool_)
        if not len(known):
            return np.full(len(wanted), -1, dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
        place = self._places(wanted)
        present = known[place] == wanted
        rows = place if self._order is None else self._order[place]
        return (rows if present.all() else np.where(present, rows, -1)), present

    def contains(self, ids: NDArray[np.integer]) -> Bools:
        """Return whether each id is known, (len(ids),)."""
        return self.find(ids)[1]

    def _places(self, ids: Longs) -> Longs:
        """Return where each id is among the sorted ids; any place for an unknown id."""
        known = self._sorted
        first, last = int(known[0]), int(known[-1])
        if len(ids) < len(known) or last - first > MOST_EMPTY * len(known):
            return np.minimum(np.searchsorted(known, ids), len(known) - 1)
        # ids mostly follow one another: a million take 10 ms with a table, 110 ms with a binary search
        table = np.zeros(last - first + 1, dtype=np.int64)
        table[known - first] = np.arange(len(known))
        return table[np.clip(ids, first, last) - first]
