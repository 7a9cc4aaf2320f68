"""The jobs of live lists by the two codes that bounds of totals read."""

from __future__ import annotations

import numpy as np

from scoring.array_types import Bools
from scoring.live.list_kernels import JobCellArrays
from scoring.live.pair_arrays import JobBound, PairArrays

__all__ = ["JobCells"]


class JobCells:
    """Cells of jobs with equal codes, in which better jobs come first, and loose jobs, which no cell bounds.

    Parameters
    ----------
    pairs: The arrays of users and jobs.
    is_open: (n,) whether each of the first n jobs may be ranked. Other jobs are loose when they open.
    """

    def __init__(self, pairs: PairArrays, is_open: Bools) -> None:
        n_jobs, room = len(is_open), len(pairs.job_sum)
        self._rows = np.zeros((n_jobs, 2), dtype=np.int32)
        for place, (key, first) in enumerate(zip(pairs.bound_key, pairs.bound_first, strict=False)):
            self._rows[:, place] = first if key < 0 else first + pairs.key_code[:n_jobs, key]
        self._classes = pairs.job_class[:n_jobs] + pairs.bound_first[2]
        self._points = np.where(is_open, pairs.job_sum[:n_jobs], -np.inf).astype(np.float32)
        jobs = np.flatnonzero(is_open)
        order = jobs[np.lexsort((-self._points[jobs], self._rows[jobs, 1], self._rows[jobs, 0]))]
        rows, points = self._rows[order], self._points[order]
        start = np.flatnonzero(np.append(True, (rows[1:] != rows[:-1]).any(axis=1))[: len(order)])
        self._is_loose = np.zeros(room, dtype=bool)
        self.n_loose = 0
        self.arrays = JobCellArrays(
            start=np.append(start, len(order)).astype(np.int64),
            row=rows[start],
            best=points[start],
            job=order.astype(np.int32),
            points=points,
            job_class=pairs.job_class[order],
            loose=np.zeros(room, dtype=np.int32),
        )

    def note_change(self, slot: int, bound: JobBound) -> None:
        """Note an open job that was added or changed. While its points only fall, its cell still bounds it."""
        if self._is_loose[slot]:
            return
        if slot < len(self._points) and bound.points <= self._points[slot]:
            rows = (*self._rows[slot].tolist(), int(self._classes[slot]))
            if rows == (bound.first, bound.second, bound.third):
                return
        self._is_loose[slot] = True
        self.arrays.loose[self.n_loose] = slot
        self.n_loose += 1
