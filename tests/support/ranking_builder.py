"""Rankings built from lists of job ids, and facts of their jobs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scoring.evaluation.beyond_accuracy_metrics import ListFacts
from scoring.evaluation.jackknife import JACKKNIFED_SPLITS, SPLITS, Jackknife
from scoring.ranking import Ranking

__all__ = ["facts_of", "jackknife_of", "ranking_of"]


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


def facts_of(n_jobs: int, eligible: Sequence[int] | None = None, **fields: object) -> ListFacts:
    """Return facts of n jobs with ids from 0 and a fee of 100 × id. The wage of job 0 is missing.

    `fields` replace the facts of occupation groups and users, which are empty.
    """
    job = np.arange(n_jobs)
    values: dict[str, object] = {
        "job_id": job,
        "fee": 100.0 * job,
        "wage": np.where(job == 0, np.nan, job / 10),
        "n_acting": job,
        "novelty": job.astype(float),
        "eligible": np.ones(n_jobs, dtype=bool) if eligible is None else np.isin(job, eligible),
        "major": np.full(n_jobs, -1, dtype=np.int32),
        "user_id": np.zeros(0, dtype=np.int64),
        "history": np.zeros((0, 1)),
    }
    return ListFacts(**(values | fields))  # type: ignore[arg-type]


def jackknife_of(value: float, n_users: int) -> Jackknife:
    """Return a value of all lists that does not depend on the users."""
    shapes = (n_users,), (SPLITS, 2), (2 * JACKKNIFED_SPLITS, n_users // 2)
    without, halves, without_in_halves = (np.full(shape, value) for shape in shapes)
    return Jackknife(value, without, halves, without_in_halves, users=0)
