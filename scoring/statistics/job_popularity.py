"""Counts of the actions on each job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Longs
from scoring.columns import ACTION_KINDS
from scoring.dataset.arrays import DAY, ActionArrays
from scoring.id_index import IdIndex

__all__ = ["JobActions"]


@dataclass(frozen=True, eq=False)
class JobActions:
    """The actions on jobs in the last `days` days; None: all. Jobs without an action are not contained.

    Example
    -------
    >>> actions = JobActions.compute(data.actions, data.jobs.job_id, data.clock.now, 30)
    >>> actions.of("click", data.jobs.job_id).shape == data.jobs.job_id.shape
    True
    """

    job_id: Longs  # (m,)
    counts: NDArray[np.int64]  # (kinds, m) in the order of `ACTION_KINDS`
    days: float | None

    @classmethod
    def compute(cls, actions: ActionArrays, job_id: Longs, now: int, days: float | None) -> Self:
        """Return the counts at `now`, in microseconds, of actions up to then. `job_id` are those of `actions.job`."""
        recent = slice(None) if days is None else actions.at >= now - days * DAY
        kind, job = actions.kind[recent], actions.job[recent]
        counts = np.stack([np.bincount(job[kind == code], minlength=len(job_id)) for code in range(len(ACTION_KINDS))])
        used = np.flatnonzero(counts.any(axis=0))
        return cls(job_id[used], np.ascontiguousarray(counts[:, used], dtype=np.int64), days)

    @cached_property
    def _index(self) -> IdIndex:
        return IdIndex(self.job_id)

    def of(self, kind: str, job_id: Longs) -> Longs:
        """Return (n,) the number of actions of a kind on these jobs; 0 for an unknown job."""
        if not len(self.job_id):
            return np.zeros(len(job_id), dtype=np.int64)
        row, known = self._index.find(job_id)
        return np.where(known, self.counts[ACTION_KINDS.index(kind)][row], 0)
