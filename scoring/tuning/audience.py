"""The reverse view: who is shown a job, at what rank, how near the others are to it, and why nobody is.

seen = audience(prepared, job_id)
seen.frame()      # who is shown it, at what rank, and how safely
seen.misses()     # who nearly is: the points that it lacks
seen.held_back()  # component by component, what it has and what it would have to beat
seen.reasons()    # rules by which it may not be shown
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import list_length, whole_number
from scoring.array_types import Floats, Longs
from scoring.evaluation.full_rank import standing
from scoring.ranking import Prepared, Ranking
from scoring.ranking.explanation import reasons_against
from scoring.ranking.list_overlap import listed
from scoring.tuning.audience_result import Audience
from scoring.tuning.value_statistics.values import canonical_total

__all__ = ["Audience", "audience"]


USERS_AT_ONCE = 512
"""For one job: their lookups are laid out as rows."""
PAIRS_AT_ONCE = 64
"""Of single pairs, scored as all users × all jobs among them: fewer cost more calls, more cost more pairs."""


def audience(
    prepared: Prepared,
    job_id: int,
    k: int = 40,
    *,
    users: NDArray[np.integer] | Sequence[int] | None = None,
    nearest: int = 10,
) -> Audience:
    """Of one job among the k best of these users (None: the active ones).

    Exact: everybody is ranked. The whole rank is given for the `nearest` misses, as each takes a ranking of all jobs.

    Raises
    ------
    UnknownIdError: a user or a job that is not there.
    ConfigurationError: k or nearest is no whole number above 0.
    """
    k, nearest = list_length(k), whole_number("nearest", nearest, "misses are ranked for a whole number of users")
    job = int(prepared.job_rows([job_id])[0])
    rows = prepared.active_users if users is None else np.unique(prepared.user_rows(users))
    plan = prepared.plan
    ranking = prepared.scorer.top_k(k, rows)
    values = _values_of_job(prepared, rows, job)
    score = canonical_total(prepared.model.flat_weights, values).astype(np.float64)
    rank = _ranks(ranking, job)
    reasons = [() if shown else reasons_against(plan, int(user), job) for user, shown in zip(rows, rank, strict=True)]
    eligible = np.array([not found for found in reasons], dtype=bool)
    missed = np.flatnonzero(eligible & (rank == 0))
    place = _place_to_beat(prepared, ranking, job)[missed]
    rival, rival_score = ranking.job_row[missed, place], ranking.scores[missed, place, 0].astype(np.float64)
    order = np.lexsort((ranking.user_id[missed], rival_score - score[missed]))
    return Audience(
        job_id=int(job_id),
        k=k,
        user_id=ranking.user_id,
        rank=rank,
        score=score,
        kth_score=_kth_scores(ranking, k),
        eligible=eligible,
        rules=dict(Counter(found[0] for found in reasons if found)),
        missed=missed[order],
        rival=plan.job_id[rival[order]],
        rival_score=rival_score[order],
        rank_of_nearest=tuple(
            standing(prepared, int(user), job_id).rank for user in ranking.user_id[missed[order]][:nearest]
        ),
        comparison=_comparison(prepared, rows[missed], values[:, missed], rival),
    )


def _values_of_job(prepared: Prepared, rows: Longs, job: int) -> Floats:
    """(n_components, n)"""
    values = np.empty((len(prepared.model.parts), len(rows)))
    for first in range(0, len(rows), USERS_AT_ONCE):
        block = slice(first, first + USERS_AT_ONCE)
        values[:, block] = prepared.scorer.components(rows[block], np.array([job]))[:, :, 0]
    return values


def _ranks(ranking: Ranking, job: int) -> Longs:
    """(n,) from 1; 0 for whoever is not shown the job."""
    user, place = np.nonzero(ranking.job_row == job)
    ranks = np.zeros(len(ranking.user_id), dtype=np.int64)
    ranks[user] = place + 1
    return ranks


def _kth_scores(ranking: Ranking, k: int) -> Floats:
    """(n,) NaN where the list has room left."""
    full = ranking.count == k
    return np.where(full, ranking.scores[:, k - 1, 0], np.nan) if full.any() else np.full(len(full), np.nan)


def _place_to_beat(prepared: Prepared, ranking: Ranking, job: int) -> Longs:
    """(n,) place from 0 of the listed job that this one has to beat to be listed: the last one.

    Under a cap of jobs per company, where the company has all its places, the last of these: what is better than
    that takes its place, and what is better than the last of the list alone is still one too many.
    """
    last = np.maximum(ranking.count.astype(np.int64) - 1, 0)
    exclusions, width = prepared.plan.exclusions, ranking.job_row.shape[1]
    most, company = exclusions.rules.max_per_company, exclusions.company
    if most is None or company[job] < 0 or not width:
        return last
    of_company = listed(width, ranking.count) & (company[ranking.job_row] == company[job])
    last_of_company = width - 1 - np.argmax(of_company[:, ::-1], axis=1)
    return np.where(of_company.sum(axis=1) >= most, last_of_company, last)


def _comparison(prepared: Prepared, rows: Longs, values: Floats, rivals: Longs) -> pd.DataFrame:
    """One row per component: mean points of the job and of what it has to beat, over the n users who miss it."""
    parts, weights = prepared.model.parts, prepared.model.flat_weights
    of_rivals = _values_of_pairs(prepared, rows, rivals)
    means = [weights * (one.mean(axis=1) if len(rows) else np.nan) for one in (values, of_rivals)]
    return pd.DataFrame(
        {
            "component": [part.name for part in parts],
            "group": [part.group for part in parts],
            "weight": weights,
            "points": means[0],
            "points_to_beat": means[1],
            "difference": means[0] - means[1],
        }
    )


def _values_of_pairs(prepared: Prepared, rows: Longs, jobs: Longs) -> Floats:
    """(n_components, n) of the pairs (rows[i], jobs[i]). Users with one job come together."""
    values = np.empty((len(prepared.model.parts), len(rows)))
    by_job = np.argsort(jobs, kind="stable")
    for first in range(0, len(rows), PAIRS_AT_ONCE):
        here = by_job[first : first + PAIRS_AT_ONCE]
        columns, column = np.unique(jobs[here], return_inverse=True)
        values[:, here] = prepared.scorer.components(rows[here], columns)[:, np.arange(len(here)), column]
    return values
