"""The k best jobs of each user, exact, compiled. The lists are those of `reference.top_k`.

Dense: every eligible pair is scored. A candidate is looked at only when its score beats the k-th best so far,
so exclusions cost next to nothing. Jobs come by ascending job_id, hence of equal scores the first one stays.
"""

from __future__ import annotations

import numpy as np

from scoring.kernels.compiled import compiled
from scoring.kernels.pairs import BLOCK, TILE, lookup_rows, score_block, tile_rows
from scoring.kernels.program import Int32s, Int64s, Program, Singles

__all__ = ["SHORT", "top_k"]

SHORT = 1024
"""Lists up to here are kept sorted by insertion; longer ones are found by sorting all scores."""


@compiled
def _insert(
    scores: np.ndarray, jobs: np.ndarray, size: int, k: int, score: float, job: int, company: Int32s, per_company: int
) -> int:
    """Puts a job behind all that score as much; returns the new size. The lowest falls out of a full list.

    With a bound per company, a full company gives up its lowest job, or the new one is not taken. That is the
    greedy walk's list: a company's k-th bests only rise, so what has once fallen out never returns.
    """
    last = size  # the position that is given up
    code = company[job]
    if per_company > 0 and code >= 0:
        held, lowest = 0, -1
        for i in range(size):
            if company[jobs[i]] == code:
                held += 1
                lowest = i
        if held >= per_company:
            if not score > scores[lowest]:
                return size
            last = lowest
    if last == size:
        if size == k:
            last = size - 1
        else:
            size += 1
    i = last
    while i > 0 and scores[i - 1] < score:
        scores[i] = scores[i - 1]
        jobs[i] = jobs[i - 1]
        i -= 1
    scores[i] = score
    jobs[i] = job
    return size


@compiled
def _take(
    totals: np.ndarray,
    first: int,
    excluded: np.ndarray,
    scores: np.ndarray,
    jobs: np.ndarray,
    size: int,
    company: Int32s,
    per_company: int,
) -> int:
    """Takes what beats the list out of a block that begins at job `first`; returns the list's size."""
    k = len(jobs)
    for i in range(len(totals)):
        score = np.float32(totals[i])
        if (size < k or score > scores[k - 1]) and not excluded[first + i]:
            size = _insert(scores, jobs, size, k, score, first + i, company, per_company)
    return size


@compiled
def _select_sorted(
    scores: np.ndarray, excluded: np.ndarray, company: Int32s, per_company: int, n_companies: int, out: np.ndarray
) -> int:
    """The greedy walk itself, down all scores; for long lists."""
    order = np.argsort(-scores, kind="mergesort")  # stable: equal scores stay by job_id
    held = np.zeros(n_companies + 1, dtype=np.int32)
    size = 0
    for job in order:
        if size == len(out):
            break
        if excluded[job]:
            continue
        code = company[job]
        if per_company > 0 and code >= 0:
            if held[code] >= per_company:
                continue
            held[code] += 1
        out[size] = job
        size += 1
    return size


@compiled
def _mark(
    mark: np.ndarray, user: int, value: bool, start: Int64s, jobs: Int64s, company_start: Int64s, company_jobs: Int64s,
    cool_start: Int64s, cool: Int32s,
) -> None:  # fmt: skip
    """Sets `mark` at the jobs that may not be ranked for the user: its own, and those of cooling companies."""
    for e in range(start[user], start[user + 1]):
        mark[jobs[e]] = value
    for e in range(cool_start[user], cool_start[user + 1]):
        for i in range(company_start[cool[e]], company_start[cool[e] + 1]):
            mark[company_jobs[i]] = value


@compiled
def top_k(
    p: Program,
    users: Int64s,
    company: Int32s,
    company_start: Int64s,
    company_jobs: Int64s,
    excluded_start: Int64s,
    excluded_jobs: Int64s,
    cooling_start: Int64s,
    cooling: Int32s,
    per_company: int,
    out_job: Int64s,
    out_score: Singles,
    out_count: Int32s,
    stop: np.ndarray,
) -> None:
    """Fills per user `out_job` and `out_score` (4 scores), (len(users), k…), and how many there are.

    Jobs of `p` are eligible for everybody and ascend by job_id. `excluded` are jobs per user, `cooling` company
    codes per user; `company_jobs` lists the jobs of each company. `per_company` 0 is no bound. Between tiles of
    users, `stop[0]` other than 0 ends the work.
    """
    m, k = p.key_code.shape[1], out_job.shape[1]
    rows = tile_rows(p)
    work = np.empty((6, BLOCK))
    mark = np.zeros((TILE, m), dtype=np.bool_)
    long = k > SHORT
    scores = np.empty((TILE, m if long else k), dtype=np.float32)
    for tile in range(0, len(users), TILE):
        if stop[0] != 0:
            return
        size = min(TILE, len(users) - tile)
        count = out_count[tile : tile + size]
        count[:] = 0
        for t in range(size):
            user = users[tile + t]
            lookup_rows(p, user, rows[t])
            _mark(
                mark[t], user, True, excluded_start, excluded_jobs, company_start, company_jobs, cooling_start, cooling
            )
        for first in range(0, m, BLOCK):
            n = min(BLOCK, m - first)
            for t in range(size):
                score_block(p, users[tile + t], first, n, rows[t], work, False)
                if long:
                    scores[t, first : first + n] = work[0, :n].astype(np.float32)
                else:
                    count[t] = _take(
                        work[0, :n], first, mark[t], scores[t], out_job[tile + t], count[t], company, per_company
                    )
        for t in range(size):
            user, jobs = users[tile + t], out_job[tile + t]
            if long:
                count[t] = _select_sorted(scores[t], mark[t], company, per_company, len(company_start) - 1, jobs)
            _mark(
                mark[t], user, False, excluded_start, excluded_jobs, company_start, company_jobs, cooling_start, cooling
            )
            for i in range(count[t]):  # group scores of the few that stay
                score_block(p, user, jobs[i], 1, rows[t], work, True)
                for s in range(4):
                    out_score[tile + t, i, s] = np.float32(work[s, 0])
