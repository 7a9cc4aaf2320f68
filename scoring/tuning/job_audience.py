"""The users for whom a job is listed, its ranks, its gap to the other lists, and the rules that exclude it.

result = audience(prepared, job_id)
result.frame()       # users for whom the job is listed: rank and margin
result.misses()      # eligible users for whom it is not listed: gap in points
result.components()  # per component: points of the job and of the job it has to beat
result.reasons()     # eligibility rules that exclude the job, and numbers of users
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from scoring.argument_checks import check_list_length, check_positive_integer, check_seconds
from scoring.array_types import Bools, Floats, Longs
from scoring.dataset.row_lookup import IdList
from scoring.evaluation.job_rank import find_full_rank
from scoring.ranking import Prepared, Ranking
from scoring.ranking.explanation import list_exclusions
from scoring.ranking.list_overlap import mask_listed
from scoring.ranking.total_score import compute_total
from scoring.tuning.job_audience_result import Audience

__all__ = ["Audience", "audience"]


USERS_AT_ONCE = 1_000
"""Users per block. The time limit is checked after each block."""
SEED = 0
"""Seed of the order in which users are ranked. At the time limit, the ranked users are a random sample."""
PAIRS_AT_ONCE = 64
"""Pairs per call when single pairs are scored.

A call scores all users × all distinct jobs of its pairs: smaller blocks cost more calls, larger blocks more pairs.
"""


def audience(
    prepared: Prepared,
    job_id: int | str,
    k: int = 40,
    *,
    users: IdList | None = None,
    nearest: int = 10,
    seconds: float = math.inf,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Audience:
    """Return the users for whom a job is among the k best, and its gap for all other users.

    The result is exact: the lists of all these users are computed.

    Parameters
    ----------
    job_id: Number or external id of the job.
    users: Numbers or external ids of users; the active users if None.
    nearest: Number of nearest misses whose rank among all jobs is computed. Each needs a full ranking.
    seconds: Time limit. When it is reached, the result contains the users that were ranked: a random sample.
        `Audience.n_not_ranked` counts the remaining users.
    progress: Called with the number of ranked users and the number of all users.

    Raises
    ------
    UnknownIdError: If a user or the job does not exist.
    ConfigurationError: If k or nearest is not a whole number above 0, or seconds is not above 0.

    Example
    -------
    >>> found = audience(ready, job_id=2, k=5, nearest=1)
    >>> found.job_id
    2
    """
    k, nearest = check_list_length(k), check_positive_integer("nearest", nearest)
    deadline = time.perf_counter() + check_seconds(seconds)
    job = int(prepared.job_rows([job_id])[0])
    rows = prepared.active_users if users is None else np.unique(prepared.user_rows(users))
    order = np.random.default_rng(SEED).permutation(len(rows))
    blocks = []
    for first in range(0, max(len(rows), 1), USERS_AT_ONCE):
        blocks.append(_Block.of(prepared, rows[np.sort(order[first : first + USERS_AT_ONCE])], job, k))
        progress(min(first + USERS_AT_ONCE, len(rows)), len(rows))
        if time.perf_counter() >= deadline:
            break
    block = _Block.join(blocks)
    rules = [reasons[0] for reasons in block.reasons if reasons]
    missed = np.flatnonzero(block.missed)
    by_gap = np.lexsort((block.user_id[missed], block.rival_score[missed] - block.score[missed]))
    missed = missed[by_gap]
    ranks: list[int | None] = []
    for user in block.user_id[missed][:nearest].tolist():
        if ranks and time.perf_counter() >= deadline:
            break
        ranks.append(find_full_rank(prepared, user, job_id).rank)
    return Audience(
        job_id=int(prepared.plan.job_id[job]),
        k=k,
        user_id=block.user_id,
        rank=block.rank,
        score=block.score,
        kth_score=block.kth_score,
        eligible=np.array([not reasons for reasons in block.reasons], dtype=bool),
        rules=dict(Counter(rules)),
        missed=missed,
        rival=prepared.plan.job_id[block.rival[missed]],
        rival_score=block.rival_score[missed],
        rank_of_nearest=tuple(ranks),
        comparison=_compare_components(prepared, block),
        n_not_ranked=len(rows) - len(block.user_id),
        external_ids=prepared.inputs.external_ids,
    )


@dataclass(frozen=True)
class _Block:
    """The job in the lists of n users, in the order of the users' rows."""

    row: Longs  # (n,)
    user_id: Longs  # (n,)
    rank: Longs  # (n,) from 1; 0 where the job is not listed
    score: Floats  # (n,)
    kth_score: Floats  # (n,)
    reasons: list[tuple[str, ...]]  # (n,) rules that exclude the job
    missed: Bools  # (n,) whether the job is eligible and not listed
    rival: Longs  # (n,) row of the listed job that the job has to beat
    rival_score: Floats  # (n,)
    values: Floats  # (n_components, n) of the job
    rival_values: Floats  # (n_components, n); 0 where the job is not missed

    @classmethod
    def of(cls, prepared: Prepared, rows: Longs, job: int, k: int) -> _Block:
        plan = prepared.plan
        ranking = prepared.scorer.top_k(k, rows)
        values = prepared.scorer.components(rows, np.array([job]))[:, :, 0]
        rank = _find_ranks(ranking, job)
        reasons = [
            () if listed_rank else list_exclusions(plan, int(user), job)
            for user, listed_rank in zip(rows, rank, strict=True)
        ]
        missed = np.array([not rules for rules in reasons], dtype=bool) & (rank == 0)
        rival, rival_score = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows))
        at = np.flatnonzero(missed)
        place = _place_to_beat(prepared, ranking, job)[at]
        rival[at], rival_score[at] = ranking.job_row[at, place], ranking.scores[at, place, 0]
        rival_values = np.zeros_like(values)
        rival_values[:, at] = _compute_values_of_pairs(prepared, rows[at], rival[at])
        return cls(
            row=rows,
            user_id=ranking.user_id,
            rank=rank,
            score=compute_total(prepared.model.flat_weights, values).astype(np.float64),
            kth_score=_get_kth_scores(ranking, k),
            reasons=reasons,
            missed=missed,
            rival=rival,
            rival_score=rival_score,
            values=values,
            rival_values=rival_values,
        )

    @classmethod
    def join(cls, blocks: Sequence[_Block]) -> _Block:
        order = np.argsort(np.concatenate([block.row for block in blocks]))
        columns: dict[str, Any] = {
            part.name: np.concatenate([getattr(block, part.name) for block in blocks], axis=-1)[..., order]
            for part in fields(cls)
            if part.name != "reasons"
        }
        reasons = [rules for block in blocks for rules in block.reasons]
        return cls(reasons=[reasons[place] for place in order], **columns)


def _find_ranks(ranking: Ranking, job: int) -> Longs:
    """Return the rank of the job for each user, (n,), from 1; 0 where it is not listed."""
    user, place = np.nonzero(ranking.job_row == job)
    ranks = np.zeros(len(ranking.user_id), dtype=np.int64)
    ranks[user] = place + 1
    return ranks


def _get_kth_scores(ranking: Ranking, k: int) -> Floats:
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


def _compare_components(prepared: Prepared, block: _Block) -> pd.DataFrame:
    """Return one row per component: mean points of the job and of the jobs it has to beat, over the missed users."""
    parts, weights, is_missed = prepared.model.parts, prepared.model.flat_weights, block.missed
    means = [
        weights * (values[:, is_missed].mean(axis=1) if is_missed.any() else np.nan)
        for values in (block.values, block.rival_values)
    ]
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


def _compute_values_of_pairs(prepared: Prepared, rows: Longs, jobs: Longs) -> Floats:
    """Return the values of the pairs (rows[i], jobs[i]), (n_components, n), in blocks ordered by job."""
    values = np.empty((len(prepared.model.parts), len(rows)))
    by_job = np.argsort(jobs, kind="stable")
    for first in range(0, len(rows), PAIRS_AT_ONCE):
        block = by_job[first : first + PAIRS_AT_ONCE]
        columns, column = np.unique(jobs[block], return_inverse=True)
        values[:, block] = prepared.scorer.components(rows[block], columns)[:, np.arange(len(block)), column]
    return values
