"""Samples of eligible pairs, complete or drawn at random, with all component values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_positive_integer, check_seed
from scoring.array_types import Floats, Longs
from scoring.dataset.row_lookup import IdList
from scoring.errors import ConfigurationError
from scoring.model import ScoringModel
from scoring.ranking import Prepared
from scoring.runs import memory_forecast

__all__ = ["Sample", "draw_sample"]


COPIES = 4
"""Arrays of the sample's size in memory at once: values, deviations, ranks, and temporary ones."""


@dataclass(frozen=True, repr=False)
class Sample:
    """p pairs of n users, grouped by user: user r has pairs `start[r]` to `start[r + 1]`, at least one."""

    model: ScoringModel
    user_id: Longs  # (n,)
    start: Longs  # (n + 1,)
    job_id: Longs  # (p,)
    values: Floats  # (n_components, p), 0 to 100
    is_complete: bool
    """Whether the sample contains all eligible pairs of the requested users."""

    def __len__(self) -> int:
        return len(self.job_id)

    def __repr__(self) -> str:
        return f"Sample({self.description})"

    @property
    def description(self) -> str:
        """Description, such as: 200,000 eligible pairs of 500 users, drawn at random."""
        how = "all pairs" if self.is_complete else "drawn at random"
        return f"{len(self):,} eligible pairs of {len(self.user_id):,} users, {how}"

    @property
    def lengths(self) -> Longs:
        """Number of pairs of each user, (n,)."""
        return np.diff(self.start)

    def deviations(self, values: Floats | None = None) -> Floats:
        """Return values minus the user's mean, (n_rows, p); component values if None.

        The result is exactly 0 where all of a user's values are equal, so rounding of the mean causes no deviation.
        """
        values = self.values if values is None else values
        first = self.start[:-1]
        mean = np.add.reduceat(values, first, axis=1) / self.lengths
        is_constant = np.maximum.reduceat(values, first, axis=1) == np.minimum.reduceat(values, first, axis=1)
        left = values - np.repeat(mean, self.lengths, axis=1)
        left[np.repeat(is_constant, self.lengths, axis=1)] = 0.0
        return left


def draw_sample(
    prepared: Prepared,
    users: IdList | None = None,
    *,
    n_users: int = 500,
    n_jobs: int = 400,
    seed: int = 0,
) -> Sample:
    """Return a sample of users, and of the eligible jobs of each, with all component values.

    Users and jobs are drawn uniformly without replacement. Users without an eligible job are left out.

    Parameters
    ----------
    users: User ids to draw from; the active users if None.
    n_users: Maximum number of users.
    n_jobs: Maximum number of jobs per user.

    Raises
    ------
    ConfigurationError: If n_users or n_jobs is not a whole number above 0, or no user has an eligible job.
    UnknownIdError: If a user does not exist.
    NotEnoughMemoryError: If the sample does not fit in memory; raised before any work, with the bytes needed.
    """
    n_users = check_positive_integer("n_users", n_users)
    n_jobs = check_positive_integer("n_jobs", n_jobs)
    rows = prepared.active_users if users is None else np.unique(prepared.user_rows(users))
    random = np.random.default_rng(check_seed(seed))
    drawn = _draw_rows(random, rows, n_users)
    _require_memory(prepared, len(drawn), n_jobs)
    chosen, is_complete = [], len(drawn) == len(rows)
    for row in drawn:
        eligible = np.flatnonzero(prepared.plan.exclusions.matrix(np.array([row]))[0])
        chosen.append(_draw_rows(random, eligible, n_jobs))
        is_complete &= len(chosen[-1]) == len(eligible)
    lengths = np.array([len(jobs) for jobs in chosen], dtype=np.int64)
    if not lengths.any():
        raise ConfigurationError(
            f"None of {len(rows):,} users has an eligible job, so there are no pairs to sample. Use other users, or "
            "relax the model's eligibility rules.",
            key=("users",),
        )
    values = np.empty((len(prepared.model.parts), int(lengths.sum())))
    start = np.concatenate([[0], np.cumsum(lengths)])
    for place, (row, jobs) in enumerate(zip(drawn, chosen, strict=True)):
        values[:, start[place] : start[place + 1]] = prepared.scorer.components(np.array([row]), jobs)[:, 0]
    has_pairs = lengths > 0
    return Sample(
        model=prepared.model,
        user_id=prepared.plan.user_id[drawn[has_pairs]],
        start=np.concatenate([[0], np.cumsum(lengths[has_pairs])]),
        job_id=prepared.plan.job_id[np.concatenate(chosen)],
        values=values,
        is_complete=is_complete,
    )


def _draw_rows(random: np.random.Generator, rows: NDArray[Any], limit: int) -> Longs:
    """Return at most `limit` of the rows, ascending."""
    if len(rows) <= limit:
        return np.asarray(rows, dtype=np.int64)
    return np.sort(random.choice(rows, limit, replace=False, shuffle=False))


def _require_memory(prepared: Prepared, n_users: int, n_jobs: int) -> None:
    n_parts, n_jobs = len(prepared.model.parts), min(n_jobs, prepared.scorer.n_eligible)
    memory_forecast.require(
        n_users * n_jobs * 8 * (COPIES * n_parts + 2),
        f"A sample of {n_parts} components of {n_users:,} × {n_jobs:,} = {n_users * n_jobs:,} pairs",
        ["use fewer pairs: n_users=, n_jobs="],
    )
