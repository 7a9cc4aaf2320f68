"""Lists of the best jobs. Short lists are sorted by insertion; long lists are the start of all sorted scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from scoring.array_types import Ints, Singles
from scoring.backends.numba.jit import internal
from scoring.backends.numba.scratch import Scratch
from scoring.bundle.block_index import Index, Limits

__all__ = [
    "SHORT",
    "choose_required",
    "choose_seeds",
    "clear_list",
    "clear_marks",
    "count_required",
    "decode_jobs",
    "exclude_cells_of_classes",
    "insert",
    "is_better_than_last",
    "is_class_allowed",
    "list_threshold",
    "may_contain_class",
    "offer",
    "set_excluded",
    "set_not_required",
    "threshold_of",
    "unmark_seeds",
]

SHORT = 512
"""A requested strategy finds lists up to this length by insertion. It finds longer lists by sorting all scores."""


@internal
def threshold_of(score: float) -> float:
    """Return a float64 below every value that rounds to at least this float32 score."""
    return np.float64(score) - abs(np.float64(score)) * 2.0**-23 - 1e-38


@internal
def insert(
    scores: np.ndarray,
    id_ranks: np.ndarray,
    jobs: np.ndarray,
    size: int,
    score: float,
    id_rank: int,
    job: int,
    company: Ints,
    per_company: int,
) -> int:
    """Insert a job by score descending, then id rank ascending. A full list drops its last job. Return the new size.

    `jobs` (k,) holds `size` positions; `company` is by position. Jobs may be inserted in any order. With a limit per
    company, a company at its limit drops its last job, or the new job is rejected. The result equals the list of the
    greedy walk: a company's best jobs only improve, so a dropped job cannot return.
    """
    k, last = len(jobs), size  # `last`: the place that is overwritten
    if size == k and not (score > scores[k - 1] or (score == scores[k - 1] and id_rank < id_ranks[k - 1])):
        return size
    code = company[job] if per_company > 0 else -1
    if code >= 0:
        n_held, lowest = 0, -1
        for i in range(size):
            if company[jobs[i]] == code:
                n_held += 1
                lowest = i
        if n_held >= per_company:
            if not (score > scores[lowest] or (score == scores[lowest] and id_rank < id_ranks[lowest])):
                return size
            last = lowest
    if last == size:
        if size == k:
            last = size - 1
        else:
            size += 1
    i = last
    while i > 0 and (scores[i - 1] < score or (scores[i - 1] == score and id_ranks[i - 1] > id_rank)):
        scores[i] = scores[i - 1]
        id_ranks[i] = id_ranks[i - 1]
        jobs[i] = jobs[i - 1]
        i -= 1
    scores[i] = score
    id_ranks[i] = id_rank
    jobs[i] = job
    return size


@internal
def key_of_score(scratch: Scratch, score: float, id_rank: int) -> np.uint64:
    """Return an integer that is greater for a better job: by score (float32, not NaN), then by smaller id rank."""
    scratch.key_score[0] = np.float32(score) + np.float32(0.0)  # -0.0 becomes 0.0
    bits = scratch.key_bits[0]
    ascending = ~bits if bits >> np.uint32(31) else bits | np.uint32(0x80000000)
    return (np.uint64(ascending) << np.uint64(32)) | np.uint64(~np.uint32(id_rank))


@internal
def push(keys: np.ndarray, spare: np.ndarray, key: np.uint64) -> None:
    """Insert a key into descending keys (`Scratch.keys`).

    Every place is recomputed without a branch. For lists of 40, this is faster than a search for the place.
    """
    shifted, current = keys[: len(spare)], keys[1 : len(spare) + 1]
    for i in range(len(spare)):
        lesser = shifted[i] if shifted[i] < key else key
        spare[i] = current[i] if current[i] > lesser else lesser
    for i in range(len(spare)):
        current[i] = spare[i]


@internal
def score_of_key(scratch: Scratch, key: np.uint64) -> np.float32:
    bits = np.uint32(key >> np.uint64(32))
    scratch.key_bits[0] = bits & np.uint32(0x7FFFFFFF) if bits >> np.uint32(31) else ~bits
    return scratch.key_score[0]


@internal
def clear_list(scratch: Scratch) -> None:
    for i in range(1, len(scratch.keys)):
        scratch.keys[i] = np.uint64(0)


@internal
def offer(index: Index, scratch: Scratch, limits: Limits, score: float, job: int, size: int) -> int:
    """Insert a job into the list if it belongs there; return the size."""
    if limits.per_company > 0:
        return insert(
            scratch.scores,
            scratch.id_ranks,
            scratch.jobs,
            size,
            score,
            index.id_rank[job],
            job,
            index.company,
            limits.per_company,
        )
    key = key_of_score(scratch, score, index.id_rank[job])
    if key > scratch.keys[len(scratch.jobs)]:
        push(scratch.keys, scratch.spare_keys, key)
        size = min(size + 1, len(scratch.jobs))
    return size


@internal
def is_better_than_last(index: Index, scratch: Scratch, limits: Limits, score: float, job: int) -> bool:
    """Return whether a job is better than the last job of a full list."""
    k, id_rank = len(scratch.jobs), index.id_rank[job]
    if limits.per_company > 0:
        last = scratch.scores[k - 1]
        return score > last or (score == last and id_rank < scratch.id_ranks[k - 1])
    return key_of_score(scratch, score, id_rank) > scratch.keys[k]


@internal
def list_threshold(scratch: Scratch, limits: Limits, size: int) -> float:
    """Return a score below which a job is worse than the last of the list's `size` jobs.

    A full list rejects such a job.
    """
    if size == 0:
        return -np.inf
    return threshold_of(
        scratch.scores[size - 1] if limits.per_company > 0 else score_of_key(scratch, scratch.keys[size])
    )


@internal
def choose_seeds(scratch: Scratch, seeds: np.ndarray, n_before: int) -> int:
    """Fill `scratch.seeds` with the seeds up to the first -1, or else the previous user's list; return the number."""
    n: Any = np.int64(0)
    while n < len(seeds) and seeds[n] >= 0:
        scratch.seeds[n] = seeds[n]
        n += 1
    if n == 0:
        for i in range(n_before):
            scratch.seeds[i] = scratch.jobs[i]
        n = n_before
    return n


@internal
def count_required(limits: Limits, user: int) -> int:
    """Return the number of the only jobs that the user may get; -1 if they are not limited."""
    if len(limits.required_start) == 0:
        return -1
    return limits.required_start[user + 1] - limits.required_start[user]


@internal
def choose_required(limits: Limits, scratch: Scratch, user: int, n_before: int) -> int:
    """Fill `scratch.seeds` with the user's required jobs from number `n_before` on; return the number."""
    first = limits.required_start[user] + n_before
    n = min(limits.required_start[user + 1] - first, len(scratch.seeds))
    for i in range(n):
        scratch.seeds[i] = limits.required[first + i]
    return n


@internal
def unmark_seeds(scratch: Scratch, n_seeds: int) -> None:
    for i in range(n_seeds):
        if scratch.seeds[i] >= 0:
            scratch.excluded[scratch.seeds[i]] = False


@internal
def decode_jobs(index: Index, scratch: Scratch, limits: Limits, size: int) -> None:
    """Fill `scratch.jobs` from the keys, if the list is stored as keys."""
    if limits.per_company > 0:
        return
    for i in range(size):
        scratch.jobs[i] = index.position_by_id[~np.uint32(scratch.keys[i + 1] & np.uint64(0xFFFFFFFF))]


@internal
def set_excluded(excluded: np.ndarray, user: int, value: bool, limits: Limits) -> None:
    """Set `excluded` (m,) to `value` at the jobs that are listed as excluded for the user.

    These are the user's excluded jobs, the jobs of companies in cooldown, and jobs that are not candidates. Classes
    (`is_class_allowed`) and lists of required jobs exclude further jobs.
    """
    for e in range(limits.excluded_start[user], limits.excluded_start[user + 1]):
        excluded[limits.excluded[e]] = value
    for e in range(limits.cooldown_start[user], limits.cooldown_start[user + 1]):
        code = limits.cooldown[e]
        for i in range(limits.company_start[code], limits.company_start[code + 1]):
            excluded[limits.company_jobs[i]] = value
    if len(limits.hidden) > 0:
        for job in range(len(excluded)):
            if (limits.hidden[user, job >> 3] >> np.uint8(job & 7)) & np.uint8(1) != 0:
                excluded[job] = value


@internal
def set_not_required(excluded: np.ndarray, user: int, limits: Limits) -> None:
    """Set `excluded` (m,) at all jobs except the required ones, if only required jobs may be ranked."""
    if len(limits.required_start) == 0:
        return
    for job in range(len(excluded)):
        excluded[job] = True
    for e in range(limits.required_start[user], limits.required_start[user + 1]):
        excluded[limits.required[e]] = False


@internal
def clear_marks(excluded: np.ndarray) -> None:
    for job in range(len(excluded)):
        excluded[job] = False


@internal(forceinline=True)
def is_class_allowed(limits: Limits, user: int, job: int) -> bool:
    """Return whether every table of classes allows the job for the user."""
    for table in range(len(limits.class_start)):
        place = limits.class_start[table] + limits.class_width[table] * np.int64(limits.user_class[table, user])
        if limits.class_allowed[place + np.int64(limits.job_class[table, job])] == 0:
            return False
    return True


@internal(forceinline=True)
def may_contain_class(limits: Limits, user: int, block: int) -> bool:
    """Return whether a block contains, for each table of classes, a job that it allows for the user."""
    for table in range(len(limits.block_mask_width)):
        width = limits.block_mask_width[table]
        if width > 0:
            start = limits.block_mask_start[table] + width * np.int64(limits.user_class[table, user])
            if (limits.block_mask[start + (block >> 3)] >> np.uint8(block & 7)) & np.uint8(1) == 0:
                return False
    return True


@internal
def exclude_cells_of_classes(limits: Limits, user: int, bound: Singles) -> None:
    """Set the bound of cells to -infinity in which a table of classes allows the user no job."""
    for table in range(len(limits.cell_mask_width)):
        width = limits.cell_mask_width[table]
        start = limits.cell_mask_start[table] + width * np.int64(limits.user_class[table, user])
        for byte in range(width):
            bits = limits.cell_mask[start + byte]
            if bits == np.uint8(255):
                continue
            first = 8 * byte
            for cell in range(first, min(first + 8, len(bound))):
                if (bits >> np.uint8(cell - first)) & np.uint8(1) == 0:
                    bound[cell] = -np.inf
