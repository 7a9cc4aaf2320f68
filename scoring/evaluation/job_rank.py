"""Rank of a job in the full ranking of a user, beyond the published list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scoring.array_types import Bools, Ints, Longs
from scoring.ranking import Prepared
from scoring.ranking.explanation import list_exclusions
from scoring.ranking.total_score import compute_total

__all__ = ["FullRank", "FullRanking", "find_full_rank"]


@dataclass(frozen=True, repr=False)
class FullRank:
    """A job in a user's full ranking.

    `rank` counts from 1. If the job is not ranked, `rank` is None and `not_ranked` lists the reasons. `ahead` then
    holds the ranked jobs with a better score, or the same score and a smaller id.
    """

    score: float  # float32 value, the canonical total
    order: Longs  # ids of all ranked jobs, best first
    n_ahead: int
    not_ranked: tuple[str, ...]

    @property
    def rank(self) -> int | None:
        return None if self.not_ranked else self.n_ahead + 1

    @property
    def n_ranked(self) -> int:
        """Number of jobs in the ranking."""
        return len(self.order)

    @property
    def ahead(self) -> Longs:
        """Ids of the ranked jobs above this one, best first."""
        return self.order[: self.n_ahead]

    @cached_property
    def sorted_order(self) -> Longs:
        """Ids of all ranked jobs, ascending."""
        return np.sort(self.order)

    def __str__(self) -> str:
        return "none" if self.rank is None else f"{self.rank:,}"

    def __repr__(self) -> str:
        return f"FullRank(rank {self} of {self.n_ranked:,}, {self.score:.2f} points)"


class FullRanking:
    """The ranking of all eligible jobs of one user. All jobs are scored once, in 15 ms for 100,000 jobs.

    Jobs are ranked by canonical total descending, then job_id. If the model limits jobs per company, the ranking
    takes jobs greedily in that order.

    Raises
    ------
    UnknownIdError: If the user is not in the data.
    """

    def __init__(self, prepared: Prepared, user_id: int | str) -> None:
        plan, users = prepared.plan, prepared.user_rows([user_id])
        values = prepared.scorer.components(users, np.arange(len(plan.job_id)))[:, 0]
        self._prepared, self._user = prepared, int(users[0])
        self._totals = compute_total(plan.model.flat_weights, values)
        rows = np.flatnonzero(plan.exclusions.matrix(users)[0])
        rows = rows[np.lexsort((plan.job_id[rows], -self._totals[rows]))]
        self._rows = rows[_mask_within_limit(plan.exclusions.company[rows], plan.exclusions.rules.max_per_company)]
        self.order: Longs = plan.job_id[self._rows]
        """Ids of all ranked jobs, best first."""

    def rank(self, job_id: int | str) -> FullRank:
        """Return the rank of a job.

        Raises
        ------
        UnknownIdError: If the job is not in the data.
        """
        plan, job = self._prepared.plan, int(self._prepared.job_rows([job_id])[0])
        totals, total = self._totals[self._rows], self._totals[job]
        is_ahead = (totals > total) | ((totals == total) & (self.order < plan.job_id[job]))
        reasons = list_exclusions(plan, self._user, job)
        if not reasons and job not in self._rows:
            limit = plan.exclusions.rules.max_per_company
            reasons = (f"limit of {limit} jobs per company: better jobs of its company reach it",)
        return FullRank(
            score=float(total), order=self.order, n_ahead=int(np.count_nonzero(is_ahead)), not_ranked=reasons
        )


def find_full_rank(prepared: Prepared, user_id: int | str, job_id: int | str) -> FullRank:
    """Return a job's rank among all eligible jobs of a user; see `FullRanking`.

    Raises
    ------
    UnknownIdError: If the user or the job is not in the data.
    """
    return FullRanking(prepared, user_id).rank(job_id)


def _mask_within_limit(company: Ints, limit: int | None) -> Bools:
    """Return (n,) whether fewer than `limit` earlier entries share the company; True if it is missing (-1)."""
    if limit is None:
        return np.ones(len(company), dtype=bool)
    order = np.argsort(company, kind="stable")
    sorted_codes = company[order]
    earlier = np.empty(len(company), dtype=np.int64)
    earlier[order] = np.arange(len(company)) - np.searchsorted(sorted_codes, sorted_codes)
    return (company < 0) | (earlier < limit)
