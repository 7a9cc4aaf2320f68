"""Rankings built from lists of job ids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scoring.ranking import Ranking

__all__ = ["ranking_of"]


def ranking_of(
    lists: Sequence[Sequence[int]], user_id: Sequence[int] | None = None, room: int | None = None, first_job: int = 0
) -> Ranking:
    """Return a ranking of lists of job ids, best first.

    room: Columns of the ranking. None: the length of the longest list.
    first_job: The job id in row 0; job j is in row j - first_job.
    """
    count = np.array([len(one) for one in lists], dtype=np.int32)
    width = max((len(one) for one in lists), default=0) if room is None else room
    job_id = np.full((len(lists), width), -1, dtype=np.int64)
    for row, one in zip(job_id, lists, strict=True):
        row[: len(one)] = one
    there = np.arange(width) < count[:, None]
    return Ranking(
        user_id=np.arange(len(lists), dtype=np.int64) if user_id is None else np.array(user_id, dtype=np.int64),
        job_id=job_id,
        job_row=np.where(there, job_id - first_job, -1),
        scores=np.zeros((len(lists), width, 4), dtype=np.float32),
        count=count,
    )
