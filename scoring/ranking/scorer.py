"""Runs a plan: one pair, all pairs, or the exact top K. Pure and synchronous; threads share nothing but the plan."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Ints, Longs, Singles
from scoring.backends import reference
from scoring.backends.numba import pairs
from scoring.backends.numba.strategies import (
    FEWEST_USERS,
    PATHS,
    Decision,
    Found,
    Path,
    Selection,
    no_seeds_for,
    users_at_once,
)
from scoring.errors import ConfigurationError
from scoring.id_index import IdIndex
from scoring.plan import Plan
from scoring.ranking.ranking import SCORES, Ranking
from scoring.threads.pool import available_cpus, in_threads, one_blas_thread

__all__ = ["Scorer"]


class Scorer:
    """Scores with a plan. Safe to use from several threads.

    `workers` threads at most (None: one per available core); kernels hold no interpreter lock. `path` is the way to
    the k best: "auto" measures which is faster. `before` is a ranking of the same data and rules under other weights:
    the scores that its lists have now are bounds to begin with. Answers depend on neither.
    """

    def __init__(
        self, plan: Plan, *, workers: int | None = None, path: Path = "auto", before: Ranking | None = None
    ) -> None:
        if workers is not None:
            workers = whole_number("workers", workers, "a run needs a whole number of threads")
        if path not in PATHS:
            raise ConfigurationError(f"path is {path!r}; it may be {', '.join(PATHS)}.")
        self.plan = plan
        self.workers = workers or available_cpus()
        self.path: Path = path
        self.before = before
        self._decisions: dict[int, Decision] = {}
        self.decision: Decision | None = None
        """How the last lists were found, and why so; None before the first."""
        self.latest: Ranking | None = None
        """The last lists."""

    @cached_property
    def n_eligible(self) -> int:
        """Jobs that no rule leaves out for everybody."""
        return int(self.plan.exclusions.open_to_all.sum())

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
        found = Found.room(len(rows), min(k, self.n_eligible))
        looked_at = 0
        if found.row.size:
            looked_at = self._fill(rows, found, cancelled, progress)
        else:
            progress(len(rows))
        there = found.row >= 0
        job_id = np.where(there, self.plan.job_id[np.where(there, found.row, 0)], -1) if there.size else found.row
        ranking = Ranking(self.plan.user_id[rows], job_id, found.row, found.scores, found.count, looked_at)
        self.latest = ranking
        return ranking

    def _fill(self, rows: Longs, found: Found, cancelled: Callable[[], bool], progress: Callable[[int], None]) -> int:
        """Fills the lists; returns how many pairs were scored on their own."""
        selection, k, looked_at = self._selection, found.row.shape[1], [0]
        stop = np.zeros(1, dtype=np.int64)
        decision = self._decide(rows, k)
        seeds = self._seeds(rows, k) if decision.path == "pruned" else no_seeds_for(len(rows))

        alike = np.argsort(self.plan.layout.turn_of_user[rows], kind="stable")

        def work(part: slice) -> int:
            looked_at.append(selection.run(decision.path, rows, seeds, found, alike[part], stop))
            return part.stop - part.start

        # held over all parts: setting it anew for each takes longer than the products
        with one_blas_thread() if decision.path == "dense" else nullcontext():
            in_threads(work, len(rows), self.workers, stop, cancelled, progress, users_at_once(decision.path))
        self.decision = decision
        return sum(looked_at)

    def _decide(self, rows: Longs, k: int) -> Decision:
        """As measured before for this k, if it was."""
        decision = self._decisions.get(k)
        if decision is None:
            decision = self._selection.decide(self.path, rows, k)
            if len(rows) >= FEWEST_USERS:
                self._decisions[k] = decision
        return decision

    def _seeds(self, rows: Longs, k: int) -> Ints:
        """(len(rows), k or 0) positions of the k best of `before`, -1 for users who have no k there."""
        former = self.before
        if former is None or former.job_row.shape[1] < k:
            return no_seeds_for(len(rows))
        if not len(former.user_id):
            return no_seeds_for(len(rows))
        of_former, present = IdIndex(former.user_id).find(self.plan.user_id[rows])
        known = present & (former.count[of_former] >= k)
        position = np.full(len(self.plan.job_id), -1, dtype=np.int32)
        position[self._selection.index.plan_row] = np.arange(self._selection.n_jobs, dtype=np.int32)
        seeds = position[former.job_row[of_former, :k]]
        seeds[~known | (seeds < 0).any(axis=1)] = -1
        return np.ascontiguousarray(seeds)

    @cached_property
    def _selection(self) -> Selection:
        return Selection(*self.plan.index, self.plan.layout.limits)

    def all_pairs(self, users: NDArray[np.integer] | None = None, *, out: Singles | None = None) -> Singles:
        """(4, n, m) float32 scores, in the order of SCORES, of the users at these rows (None: all) and all jobs.

        Compare `reference.scores`. Eligible or not: `plan.exclusions.matrix` tells. Where results are used up
        block by block, `out` of that shape saves the making of new memory each time: a third of the time.

        Raises ConfigurationError: a row that is not there; another shape or dtype of `out`.
        """
        program = self.plan.program
        rows = _rows(users, program.n_users, "users")
        shape = (len(SCORES), len(rows), program.n_jobs)
        if out is None:
            out = np.empty(shape, dtype=np.float32)
        elif out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
            given = f"out is {out.dtype} of shape {out.shape}"
            raise ConfigurationError(f"{given}; contiguous float32 of {shape} is needed.")

        def work(part: slice) -> int:
            pairs.all_pairs(program, rows[part], out, part.start)
            return part.stop - part.start

        in_threads(work, len(rows), self.workers)
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
            pairs.all_pairs(program.take_jobs(columns), rows, block, 0)
            out[:, here] = block[:, which[here] - group * pairs.TILE, column]
        return out

    def components(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> NDArray[np.float64]:
        """(n_components, len(users), len(jobs)) float64 component values, by the reference."""
        return reference.component_values(self.plan.program, np.asarray(users), np.asarray(jobs))


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
