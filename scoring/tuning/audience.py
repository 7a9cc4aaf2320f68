"""The users for whom a job is listed, its ranks, its gap to the other lists, and the rules that exclude it.

result = audience(prepared, job_id)
result.frame()       # users for whom the job is listed: rank and margin
result.misses()      # eligible users for whom it is not listed: gap in points
result.components()  # per component: points of the job and of the job it has to beat
result.reasons()     # eligibility rules that exclude the job, and numbers of users
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import check_list_length, check_positive_integer
from scoring.array_types import Floats, Longs
from scoring.evaluation.full_rank import find_full_rank
from scoring.ranking import Prepared, Ranking
from scoring.ranking.explanation import list_exclusions
from scoring.ranking.list_overlap import mask_listed
from scoring.tuning.audience_result import Audience
from scoring.tuning.value_statistics.value_frame import compute_total

__all__ = ["Audience", "audience"]


USERS_AT_ONCE = 512
"""Users per call when one job is scored, which bounds the memory of the call."""
PAIRS_AT_ONCE = 64
"""Pairs per call when single pairs are scored.

A call scores all users × all distinct jobs of its pairs: smaller blocks cost more calls, larger blocks more pairs.
"""


def audience(
    prepared: Prepared,
    job_id: int,
    k: int = 40,
    *,
    users: NDArray[np.integer] | Sequence[int] | None = None,
    nearest: int = 10,
) -> Audience:
    """Return the users for whom a job is among the k best, and its gap for all other users.

    The result is exact: the lists of all these users are computed.

    Parameters
    ----------
    users: User ids; the active users if None.
    nearest: Number of nearest misses whose rank among all jobs is computed. Each needs a full ranking.

    Raises
    ------
    UnknownIdError: If a user or the job does not exist.
    ConfigurationError: If k or nearest is not a whole number above 0.
    """
    k, nearest = check_list_length(k), check_positive_integer("nearest", nearest)
    job = int(prepared.job_rows([job_id])[0])
    rows = prepared.active_users if users is None else np.unique(prepared.user_rows(users))
    plan = prepared.plan
    ranking = prepared.scorer.top_k(k, rows)
    values = _values_of_job(prepared, rows, job)
    score = compute_total(prepared.model.flat_weights, values).astype(np.float64)
    rank = _ranks(ranking, job)
    reasons = [
        () if listed_rank else list_exclusions(plan, int(user), job)
        for user, listed_rank in zip(rows, rank, strict=True)
    ]
    eligible = np.array([not rules for rules in reasons], dtype=bool)
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
        rules=dict(Counter(rules[0] for rules in reasons if rules)),
        missed=missed[order],
        rival=plan.job_id[rival[order]],
        rival_score=rival_score[order],
        rank_of_nearest=tuple(
            find_full_rank(prepared, int(user), job_id).rank for user in ranking.user_id[missed[order]][:nearest]
        ),
        comparison=_comparison(prepared, rows[missed], values[:, missed], rival),
    )


def _values_of_job(prepared: Prepared, rows: Longs, job: int) -> Floats:
    """Return the unweighted component values of the job for n users, (n_components, n)."""
    values = np.empty((len(prepared.model.parts), len(rows)))
    for first in range(0, len(rows), USERS_AT_ONCE):
        block = slice(first, first + USERS_AT_ONCE)
        values[:, block] = prepared.scorer.components(rows[block], np.array([job]))[:, :, 0]
    return values


def _ranks(ranking: Ranking, job: int) -> Longs:
    """Return the rank of the job for each user, (n,), from 1; 0 where it is not listed."""
    user, place = np.nonzero(ranking.job_row == job)
    ranks = np.zeros(len(ranking.user_id), dtype=np.int64)
    ranks[user] = place + 1
    return ranks


def _kth_scores(ranking: Ranking, k: int) -> Floats:
    """Return the score of the k-th job of each list, (n,); NaN where the list has fewer than k jobs."""
    full = ranking.count == k
    return np.where(full, ranking.scores[:, k - 1, 0], np.nan) if full.any() else np.full(len(full), np.nan)


def _place_to_beat(prepared: Prepared, ranking: Ranking, job: int) -> Longs:
    """Return the position of the listed job that this job has to beat, (n,), from 0.

    It is the last job of the list. If the list already contains `max_per_company` jobs of this job's company, it is
    the last of those. A job that beats only the last job of the list would exceed the cap.
    """
    last = np.maximum(ranking.count.astype(np.int64) - 1, 0)
    exclusions, width = prepared.plan.exclusions, ranking.job_row.shape[1]
    limit, company = exclusions.rules.max_per_company, exclusions.company
    if limit is None or company[job] < 0 or not width:
        return last
    of_company = mask_listed(width, ranking.count) & (company[ranking.job_row] == company[job])
    last_of_company = width - 1 - np.argmax(of_company[:, ::-1], axis=1)
    return np.where(of_company.sum(axis=1) >= limit, last_of_company, last)


def _comparison(prepared: Prepared, rows: Longs, values: Floats, rivals: Longs) -> pd.DataFrame:
    """Return one row per component: mean points of the job and of the jobs it has to beat, over the n missed users."""
    parts, weights = prepared.model.parts, prepared.model.flat_weights
    rival_values = _values_of_pairs(prepared, rows, rivals)
    means = [weights * (each.mean(axis=1) if len(rows) else np.nan) for each in (values, rival_values)]
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
    """Return the values of the pairs (rows[i], jobs[i]), (n_components, n), in blocks ordered by job."""
    values = np.empty((len(prepared.model.parts), len(rows)))
    by_job = np.argsort(jobs, kind="stable")
    for first in range(0, len(rows), PAIRS_AT_ONCE):
        block = by_job[first : first + PAIRS_AT_ONCE]
        columns, column = np.unique(jobs[block], return_inverse=True)
        values[:, block] = prepared.scorer.components(rows[block], columns)[:, np.arange(len(block)), column]
    return values
