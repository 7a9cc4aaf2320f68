"""Rows of ids, found by binary search or by a table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Longs
from scoring.threads.pool import map_in_threads

__all__ = ["IdIndex", "find_unused_id"]

MAX_SPAN_PER_ID = 8
"""A table with more places per id than this is not built: ids are searched for instead."""

IDS_PER_SLICE = 100_000


class IdIndex:
    """Distinct int64 ids and the row of each.

    Parameters
    ----------
    ids: (n,) the id of each row, in any order. Of ids that occur twice, `find` returns one of the rows.
    """

    def __init__(self, ids: NDArray[np.integer]) -> None:
        all_ids: Longs = np.asarray(ids, dtype=np.int64)
        ascending = len(all_ids) < 2 or bool((all_ids[1:] > all_ids[:-1]).all())
        self._order: Longs | None = None if ascending else np.argsort(all_ids, kind="stable")
        self._sorted: Longs = all_ids if self._order is None else all_ids[self._order]

    def __len__(self) -> int:
        return len(self._sorted)

    def find(self, ids: NDArray[np.integer]) -> tuple[Longs, Bools]:
        """Return the row of each id, -1 where the id is unknown, and whether it is known; both (len(ids),)."""
        queried: Longs = np.asarray(ids, dtype=np.int64)
        sorted_ids = self._sorted
        if len(queried) == len(sorted_ids) and np.array_equal(queried, sorted_ids):
            rows = np.arange(len(queried)) if self._order is None else self._order
            return rows, np.ones(len(queried), dtype=np.bool_)
        if not len(sorted_ids):
            return np.full(len(queried), -1, dtype=np.int64), np.zeros(len(queried), dtype=np.bool_)
        search = self._choose_search(len(queried))
        rows, present = np.empty(len(queried), dtype=np.int64), np.empty(len(queried), dtype=np.bool_)

        def find_slice(part: slice) -> None:
            position = search(queried[part])
            present[part] = sorted_ids[position] == queried[part]
            known = position if self._order is None else self._order[position]
            rows[part] = known if present[part].all() else np.where(present[part], known, -1)

        # intermediate arrays of a slice stay in the processor's cache
        parts = [slice(first, first + IDS_PER_SLICE) for first in range(0, len(queried), IDS_PER_SLICE)]
        map_in_threads(find_slice, parts, len(queried))
        return rows, present

    def contains(self, ids: NDArray[np.integer]) -> Bools:
        """Return whether each id is known, (len(ids),)."""
        return self.find(ids)[1]

    def _choose_search(self, n: int) -> Callable[[Longs], Longs]:
        """Return a function of ids that returns where each is among the sorted ids; any place for an unknown id.

        `n` is the number of ids that it will be asked for.
        """
        sorted_ids = self._sorted
        first, last = int(sorted_ids[0]), int(sorted_ids[-1])
        if n < len(sorted_ids) or last - first > MAX_SPAN_PER_ID * len(sorted_ids):
            return lambda ids: np.minimum(np.searchsorted(sorted_ids, ids), len(sorted_ids) - 1)
        # ids mostly follow one another: a million take 10 ms with a table, 110 ms with a binary search
        table = np.zeros(last - first + 1, dtype=np.int64)
        table[sorted_ids - first] = np.arange(len(sorted_ids))
        return lambda ids: table[np.clip(ids, first, last) - first]


def find_unused_id(known: Longs) -> int:
    """Return the largest id below 0 that is not among the sorted ids."""
    negative = known[: np.searchsorted(known, 0)]
    free = -1 - np.arange(len(negative) + 1)
    return int(free[~np.isin(free, negative)][0])
