"""Runs a plan: one pair, all pairs, or the exact top K. Pure and synchronous; threads share nothing but the plan."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.dataset.encode import Longs
from scoring.errors import ConfigurationError
from scoring.kernels import pairs, reference, topk
from scoring.kernels.program import Program
from scoring.plan import Plan

__all__ = ["SCORES", "Ranking", "Scorer", "available_cpus"]

SCORES = ("total_score", "base_score", "match_score", "personal_score")
"""The order of scores in every array that holds the four."""

_USERS_PER_TASK = 64
"""Small enough that threads end together and a stop is quick, large enough that hand-over costs nothing."""

Singles = NDArray[np.float32]


def available_cpus() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, repr=False)
class Ranking:
    """The best jobs of n users: row r holds `count[r]` of them, best first; behind those job_id is -1, scores 0."""

    user_id: Longs  # (n,)
    job_id: Longs  # (n, k)
    job_row: Longs  # (n, k) row among the plan's jobs, -1 behind the last
    scores: Singles  # (n, k, 4) in the order of SCORES
    count: NDArray[np.int32]  # (n,)

    def __repr__(self) -> str:
        return f"Ranking({len(self.user_id):,} users, up to {self.job_id.shape[1]:,} jobs each)"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())  # type: ignore[operator]

    def frame(self) -> pd.DataFrame:
        """One row per user and rank (from 1): `scoring.columns.RESULT_COLUMNS`."""
        there = np.arange(self.job_id.shape[1]) < self.count[:, None]
        rank = np.broadcast_to(np.arange(1, self.job_id.shape[1] + 1, dtype=np.int32), there.shape)
        columns: dict[str, NDArray] = {
            "user_id": np.repeat(self.user_id, self.count),
            "job_id": self.job_id[there],
            "rank": rank[there],
        }
        columns |= {name: self.scores[:, :, place][there] for place, name in enumerate(SCORES)}
        return pd.DataFrame(columns)


@dataclass(frozen=True)
class _Eligible:
    """The jobs that any user may be shown, by job_id, laid out for the kernel."""

    rows: Longs  # among the plan's jobs
    program: Program
    company: NDArray[np.int32]
    company_start: Longs
    company_jobs: Longs
    excluded_start: Longs
    excluded_jobs: Longs


class Scorer:
    """Scores with a plan. Safe to use from several threads.

    `workers` threads at most (None: one per available core); kernels hold no interpreter lock.
    """

    def __init__(self, plan: Plan, *, workers: int | None = None) -> None:
        if workers is not None:
            workers = whole_number("workers", workers, "a run needs a whole number of threads")
        self.plan = plan
        self.workers = workers or available_cpus()

    def top_k(
        self,
        k: int = 40,
        users: NDArray[np.integer] | None = None,
        *,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Ranking:
        """The exact top k of the users at these rows (None: all), in that order. Compare `reference.top_k`.

        `progress` is called with the number of users just done. Where `cancelled` says so the work ends early
        and the lists that were not reached are empty.

        Raises ConfigurationError: k below 1, or a row that is not there.
        """
        k, rows = list_length(k), _rows(users, self.plan.program.n_users, "users")
        eligible, exclusions = self._eligible, self.plan.exclusions
        size = min(k, len(eligible.rows))
        found = np.full((len(rows), size), -1, dtype=np.int64)
        scores = np.zeros((len(rows), size, len(SCORES)), dtype=np.float32)
        count = np.zeros(len(rows), dtype=np.int32)
        stop = np.zeros(1, dtype=np.int64)

        def work(part: slice) -> int:
            topk.top_k(
                eligible.program,
                rows[part],
                eligible.company,
                eligible.company_start,
                eligible.company_jobs,
                eligible.excluded_start,
                eligible.excluded_jobs,
                exclusions.companies.start,
                exclusions.companies.values,
                exclusions.rules.max_per_company or 0,
                found[part],
                scores[part],
                count[part],
                stop,
            )
            return part.stop - part.start

        if size:
            self._in_threads(work, len(rows), stop, cancelled, progress)
        else:
            progress(len(rows))
        there = np.arange(size) < count[:, None]
        job_row, job_id = found.copy(), found
        job_row[there] = eligible.rows[found[there]]
        job_id[there] = self.plan.job_id[job_row[there]]
        job_row[~there] = job_id[~there] = -1
        return Ranking(self.plan.user_id[rows], job_id, job_row, scores, count)

    def all_pairs(self, users: NDArray[np.integer] | None = None) -> Singles:
        """(4, n, m) float32 scores, in the order of SCORES, of the users at these rows (None: all) and all jobs.

        Compare `reference.scores`. Eligible or not: `plan.exclusions.matrix` tells.

        Raises ConfigurationError: a row that is not there.
        """
        program = self.plan.program
        rows = _rows(users, program.n_users, "users")
        out = np.empty((len(SCORES), len(rows), program.n_jobs), dtype=np.float32)

        def work(part: slice) -> int:
            pairs.all_pairs(program, rows[part], out[:, part])
            return part.stop - part.start

        self._in_threads(work, len(rows))
        return out

    def listed(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Singles:
        """(4, p) float32 scores of the p pairs of rows (users[i], jobs[i]), in that order.

        Pairs are gathered by user, and a few users are scored for all the jobs that any of them has.

        Raises ConfigurationError: a row that is not there.
        """
        program = self.plan.program
        users, jobs = _rows(users, program.n_users, "users"), _rows(jobs, program.n_jobs, "jobs")
        out = np.empty((len(SCORES), len(users)), dtype=np.float32)
        different, which = np.unique(users, return_inverse=True)
        by_user = np.argsort(which, kind="stable")
        first = np.searchsorted(which[by_user], np.arange(0, len(different) + pairs.TILE, pairs.TILE))
        for group, (start, stop) in enumerate(pairwise(first)):
            here = by_user[start:stop]
            columns, column = np.unique(jobs[here], return_inverse=True)
            rows = different[group * pairs.TILE : (group + 1) * pairs.TILE]
            block = np.empty((len(SCORES), len(rows), len(columns)), dtype=np.float32)
            pairs.all_pairs(program.take_jobs(columns), rows, block)
            out[:, here] = block[:, which[here] - group * pairs.TILE, column]
        return out

    def components(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> NDArray[np.float64]:
        """(n_components, len(users), len(jobs)) float64 component values, by the reference."""
        return reference.component_values(self.plan.program, np.asarray(users), np.asarray(jobs))

    def _in_threads(
        self,
        work: Callable[[slice], int],
        n_users: int,
        stop: Longs | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> None:
        """Runs `work` over slices of the users; on a cancel or an error lets the kernels stop between users."""
        parts = _slices(n_users)
        if self.workers == 1 or n_users <= _USERS_PER_TASK:
            for part in parts:
                if cancelled():
                    return
                progress(work(part))
            return
        with ThreadPoolExecutor(self.workers, thread_name_prefix="scoring") as pool:
            waiting: set[Future[int]] = {pool.submit(work, part) for part in parts}
            try:
                while waiting:
                    done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
                    for future in done:
                        progress(future.result())
                    if cancelled():
                        return
            finally:
                if waiting:
                    if stop is not None:
                        stop[0] = 1
                    pool.shutdown(wait=True, cancel_futures=True)

    @cached_property
    def _eligible(self) -> _Eligible:
        plan, exclusions = self.plan, self.plan.exclusions
        rows = np.flatnonzero(exclusions.open_to_all)
        rows = rows[np.argsort(plan.job_id[rows], kind="stable")]
        place = np.full(len(plan.job_id), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        company = exclusions.company[rows]
        by_company = np.argsort(company, kind="stable")
        start = np.searchsorted(company[by_company], np.arange(exclusions.n_companies + 1))
        own = place[exclusions.jobs.values]
        before = np.concatenate([[0], np.cumsum(own >= 0)])
        return _Eligible(
            rows=rows,
            program=plan.program.take_jobs(rows),
            company=company,
            company_start=start.astype(np.int64),
            company_jobs=by_company.astype(np.int64),
            excluded_start=before[exclusions.jobs.start].astype(np.int64),
            excluded_jobs=own[own >= 0],
        )


def list_length(k: float) -> int:
    """k as an int. Raises ConfigurationError where it is no whole number above 0."""
    return whole_number("k", k, "a list needs a whole number of jobs")


def whole_number(name: str, value: Any, need: str) -> int:
    """An argument as an int. Raises ConfigurationError where it is no whole number above 0."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value != int(value) or value < 1:
        raise ConfigurationError(f"{name} is {value!r}; {need}, 1 or more.")
    return int(value)


def _rows(rows: NDArray[np.integer] | None, n: int, what: str) -> Longs:
    """Row numbers below n (None: all of them). Kernels check no bounds: ConfigurationError beyond."""
    if rows is None:
        return np.arange(n, dtype=np.int64)
    rows = np.asarray(rows)
    if rows.ndim != 1 or (len(rows) and rows.dtype.kind not in "iu"):
        raise ConfigurationError(f"{what} are asked for by row numbers; this is {rows.ndim}-dimensional, {rows.dtype}.")
    if len(rows) and not (rows.min() >= 0 and rows.max() < n):
        raise ConfigurationError(f"rows {rows.min()} to {rows.max()} of {what} are asked for; there are {n}.")
    return rows.astype(np.int64)


def _slices(n: int) -> Iterator[slice]:
    for first in range(0, n, _USERS_PER_TASK):
        yield slice(first, min(first + _USERS_PER_TASK, n))
