"""What a component may read: the rows to be scored, what their users did, and the dataset's statistics.

The rows to be scored are the dataset's own, or a request's (a frame that somebody passed): then jobs and
users come from the request, and history and statistics from the dataset, by id.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs
from scoring.columns import ACTION_KINDS
from scoring.dataset.arrays import DAY, NO_TIME, JobArrays, UserArrays
from scoring.dataset.dataset import Dataset
from scoring.dataset.vocabularies import Vocabularies, extended
from scoring.id_index import IdIndex
from scoring.statistics import Statistics

__all__ = ["Acts", "History", "Inputs"]


@dataclass(frozen=True)
class Acts:
    """Some actions of the scored users, by user row, then time, then job."""

    user: Ints  # row among the scored users
    job: Ints  # row among the *dataset's* jobs: `History.jobs`
    at: Longs  # microseconds

    def __len__(self) -> int:
        return len(self.user)


class History:
    """What the scored users did up to the clock."""

    def __init__(self, dataset: Dataset, user_id: Longs, with_profile: Bools) -> None:
        self.jobs: JobArrays = dataset.jobs
        """The jobs that actions refer to."""
        self.now = dataset.now
        self._actions = dataset.actions
        row, known = IdIndex(dataset.users.user_id).find(user_id)
        known = known & with_profile
        start = np.searchsorted(self._actions.user, np.arange(len(dataset.users) + 1))
        self._first = np.where(known, start[row], 0)
        last = np.where(known, start[row + 1], 0)
        self.counts: Longs = last - self._first
        """(n_users,) number of actions."""

    def take(self, rows: NDArray[np.integer]) -> Self:
        """Of the users at these rows, in that order."""
        part = copy(self)
        part.__dict__.pop("_all", None)
        part._first, part.counts = self._first[rows], self.counts[rows]
        return part

    @cached_property
    def _all(self) -> tuple[Ints, NDArray[np.int64]]:
        """(user row, action row) of every action of the scored users."""
        users = np.repeat(np.arange(len(self.counts), dtype=np.int32), self.counts)
        before = np.cumsum(self.counts) - self.counts
        return users, np.arange(len(users)) + np.repeat(self._first - before, self.counts)

    def within(self, kind: str, days: float | None = None) -> Acts:
        """Actions of a kind in the last `days` days (None: ever), as_of - days × 24 h ≤ t ≤ as_of."""
        users, rows = self._all
        chosen = self._actions.kind[rows] == ACTION_KINDS.index(kind)
        if days is not None:
            chosen &= self._actions.at[rows] >= self.now - days * DAY
        users, rows = users[chosen], rows[chosen]
        return Acts(users, self._actions.job[rows], self._actions.at[rows])


@dataclass(frozen=True)
class Inputs:
    """n users and m jobs to score. `has_profile` (n,) tells who has any action up to the clock or brought factors."""

    dataset: Dataset
    statistics: Statistics
    words: Vocabularies
    jobs: JobArrays
    users: UserArrays
    history: History
    has_profile: Bools
    user_vectors: NDArray[np.float32]  # (n, dimensions), zero rows where there is none
    user_has_vector: Bools
    job_vectors: NDArray[np.float32]
    job_has_vector: Bools

    @classmethod
    def of(
        cls,
        statistics: Statistics,
        *,
        jobs: pd.DataFrame | None = None,
        users: pd.DataFrame | None = None,
        with_profile: Bools | None = None,
    ) -> Self:
        """The dataset's own rows (None), or a request's canonical frames in their own order.

        `with_profile` (n_users,) bool: who may have a profile; the others count as never having acted.
        """
        dataset = statistics.dataset
        words = extended(dataset.words, jobs, users)
        job_rows = dataset.jobs if jobs is None else JobArrays.encode(jobs.reset_index(drop=True), words)
        user_rows = dataset.users if users is None else UserArrays.encode(users.reset_index(drop=True), words)
        profiled = np.ones(len(user_rows), dtype=bool) if with_profile is None else with_profile
        history = History(dataset, user_rows.user_id, profiled)
        factors = statistics.factors
        user_vectors, user_has = _by_id(factors.users, factors.user_has, dataset.users.user_id, user_rows.user_id)
        job_vectors, job_has = _by_id(factors.jobs, factors.job_has, dataset.jobs.job_id, job_rows.job_id)
        user_has = user_has & profiled
        _, brought = _by_id(factors.users, factors.user_brought, dataset.users.user_id, user_rows.user_id)
        return cls(
            dataset=dataset,
            statistics=statistics,
            words=words,
            jobs=job_rows,
            users=user_rows,
            history=history,
            has_profile=(history.counts > 0) | (brought & profiled),
            user_vectors=user_vectors,
            user_has_vector=user_has,
            job_vectors=job_vectors,
            job_has_vector=job_has,
        )

    def take_users(self, rows: NDArray[np.integer]) -> Self:
        """The same jobs, and the users at these rows, in that order."""
        return replace(
            self,
            users=self.users.take(rows),
            history=self.history.take(rows),
            has_profile=self.has_profile[rows],
            user_vectors=self.user_vectors[rows],
            user_has_vector=self.user_has_vector[rows],
        )

    @property
    def now(self) -> int:
        """The clock in microseconds."""
        return self.dataset.now

    @cached_property
    def open_jobs(self) -> Bools:
        """(m,) open at the clock."""
        return self.jobs.open_at(self.now, check_active=not self.dataset.clock_set_back)

    @cached_property
    def job_age_days(self) -> Floats:
        """(m,) days since posting, with fractions, not below 0; NaN where the posting time is missing."""
        age = np.maximum(self.now - self.jobs.posted_at.astype(np.float64), 0.0) / DAY
        return np.where(self.jobs.posted_at == NO_TIME, np.nan, age)

    @cached_property
    def adjacent(self) -> Bools:
        """(n_prefectures, n_prefectures) by code; prefectures that only a request knows touch nothing."""
        size, known = len(self.words.prefecture), len(self.dataset.words.prefecture)
        matrix = np.zeros((size, size), dtype=bool)
        matrix[:known, :known] = self.statistics.adjacent
        return matrix

    @cached_property
    def majors(self) -> Ints:
        """(n_occupations,) the major group's code of each occupation code; -1 unknown."""
        return self.words.majors()


def _by_id(vectors: NDArray[np.float32], has: Bools, known: Longs, wanted: Longs) -> tuple[NDArray[np.float32], Bools]:
    """Vectors of the wanted ids; ids that the dataset does not hold have none."""
    if known is wanted:
        return vectors, has
    row, found = IdIndex(known).find(wanted)
    result = np.zeros((len(wanted), vectors.shape[1]), dtype=np.float32)
    result[found] = vectors[row[found]]
    has_vector = np.zeros(len(wanted), dtype=np.bool_)
    has_vector[found] = has[row[found]]
    return result, has_vector
