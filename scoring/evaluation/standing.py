"""Where a job stands in the whole ranking of a user, however far down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.dataset.encode import Longs
from scoring.engine import Prepared

__all__ = ["Standing", "standing"]


@dataclass(frozen=True, repr=False)
class Standing:
    """A job in a user's full ranking. `rank` counts from 1; None where the job is not ranked, for `not_ranked`."""

    score: float  # float32 value, the canonical total
    rank: int | None
    ranked: int  # jobs in the ranking
    ahead: Longs  # ids of the jobs ranked above it (for one that is not ranked: by its score), best first
    not_ranked: tuple[str, ...]

    def __str__(self) -> str:
        return "none" if self.rank is None else f"{self.rank:,}"

    def __repr__(self) -> str:
        return f"Standing(rank {self} of {self.ranked:,}, {self.score:.2f} points)"


def standing(prepared: Prepared, user_id: int, job_id: int) -> Standing:
    """By canonical total descending, then job_id, over the user's eligible jobs; with the cap of jobs per company, if
    the model has one, as a greedy walk down that order takes them.

    Raises UnknownIdError.
    """
    plan, users = prepared.plan, prepared.user_rows([user_id])
    job = int(prepared.job_rows([job_id])[0])
    totals = prepared.scorer.all_pairs(users)[0, 0]
    eligible = plan.exclusions.matrix(users)[0]
    better = (totals > totals[job]) | ((totals == totals[job]) & (plan.job_id < plan.job_id[job]))
    rows = np.flatnonzero(eligible)
    rows = rows[np.lexsort((plan.job_id[rows], -totals[rows]))]
    taken = _within_cap(plan.exclusions.company[rows], plan.exclusions.rules.max_per_company)
    walked = rows[taken]
    ahead = walked[better[walked]]
    reasons = prepared.explain(user_id, job_id).not_ranked
    if not reasons and job not in walked:
        reasons = (f"its company already has {plan.exclusions.rules.max_per_company} jobs further up",)
    return Standing(
        score=float(totals[job]),
        rank=None if reasons else len(ahead) + 1,
        ranked=len(walked),
        ahead=plan.job_id[ahead],
        not_ranked=reasons,
    )


def _within_cap(company: np.ndarray, most: int | None) -> np.ndarray:
    """(n,) bool: whether fewer than `most` entries before this one are of its (known) company."""
    if most is None:
        return np.ones(len(company), dtype=bool)
    order = np.argsort(company, kind="stable")
    sorted_codes = company[order]
    earlier = np.empty(len(company), dtype=np.int64)
    earlier[order] = np.arange(len(company)) - np.searchsorted(sorted_codes, sorted_codes)
    return (company < 0) | (earlier < most)
