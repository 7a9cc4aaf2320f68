"""The kernels that run on the device.

Each kernel handles a batch of users. Scores are (users, jobs) float32 in the memory of the device. They do not contain
the constant of a user, as in `dense_topk`. A job that a table of classes or the candidates exclude has -infinity.

The options of the compiler are the defaults of `numba.cuda`: no fast math, no flush to zero, and precise division and
square roots. A multiplication and an addition may be fused, which rounds once instead of twice.
"""

from __future__ import annotations

from typing import Any, Final

import numba.cuda
import numpy as np
from numba import float32, int32

__all__ = ["GROUP", "KERNELS", "OPTIONS", "THREADS", "append_proposals", "count_proposals", "find_best", "score_pairs"]

cuda: Any = numba.cuda  # the types of numba describe the compiler, not kernels

OPTIONS: Final[dict[str, Any]] = {"fastmath": False}
"""Options of all kernels."""
THREADS: Final = 256
"""Threads per block: a power of two, at most this number."""
GROUP: Final = 8
"""Users whose scores a thread computes together, so that it reads the job's vector once for all of them."""
_DIMENSIONS: Final = 32
"""Dimensions of the users' vectors in shared memory at a time."""


@cuda.jit(**OPTIONS)
def score_pairs(
    job_score: Any,  # (m,) float32
    job_code: Any,  # (n_keys, m) uint32
    keys: Any,  # the keys with values
    row_start: Any,  # (n_keys,) first column of each key in `row`
    row: Any,  # (n, all codes) float32
    number_rank: Any,  # (n_numbers, m)
    step_number: Any,  # (n_steps,)
    step_low: Any,  # (n, n_steps)
    step_high: Any,
    step_gain: Any,  # (n, n_steps) float32
    dot_job_has: Any,  # (n_dots, m)
    dot_base: Any,  # (n, n_dots) float32
    dot_otherwise: Any,
    job_vector: Any,  # (d, m) float32
    user_vector: Any,  # (n, d) float32
    job_class: Any,  # (r, m)
    user_class: Any,  # (n, r)
    class_start: Any,  # (r,)
    class_width: Any,
    class_allowed: Any,
    hidden: Any,  # (n, m / 8), or (0, 0)
    score: Any,  # (n, m) float32, filled
) -> None:
    """Fill the scores of all jobs for the users. The grid is (blocks of jobs, groups of users)."""
    lane, first = cuda.threadIdx.x, cuda.blockIdx.y * GROUP
    job = cuda.blockIdx.x * cuda.blockDim.x + lane
    n, m = score.shape
    d = job_vector.shape[0]
    n_users = min(GROUP, n - first)
    vectors = cuda.shared.array((GROUP, _DIMENSIONS), float32)
    value = cuda.local.array(GROUP, float32)
    for g in range(GROUP):
        value[g] = float32(0.0)
    for start in range(0, d, _DIMENSIONS):
        width = min(_DIMENSIONS, d - start)
        cuda.syncthreads()
        for cell in range(lane, n_users * width, cuda.blockDim.x):
            vectors[cell // width, cell % width] = user_vector[first + cell // width, start + cell % width]
        cuda.syncthreads()
        if job < m:
            for dimension in range(width):
                of_job = job_vector[start + dimension, job]
                for g in range(n_users):
                    value[g] += vectors[g, dimension] * of_job
    if job >= m:
        return
    for g in range(n_users):
        user = first + g
        total = value[g] + job_score[job]
        for i in range(keys.shape[0]):
            total += row[user, row_start[keys[i]] + int32(job_code[keys[i], job])]
        for step in range(step_number.shape[0]):
            rank = number_rank[step_number[step], job]
            if step_low[user, step] <= rank and rank < step_high[user, step]:
                total += step_gain[user, step]
        for slot in range(dot_base.shape[1]):
            if dot_job_has[slot, job]:
                total += dot_base[user, slot]
            else:
                total += dot_otherwise[user, slot]
        allowed = True
        for table in range(class_start.shape[0]):
            place = class_start[table] + class_width[table] * user_class[user, table] + job_class[table, job]
            if class_allowed[place] == 0:
                allowed = False
        if hidden.shape[0] > 0 and (hidden[user, job >> 3] >> (job & 7)) & 1 != 0:
            allowed = False
        score[user, job] = total if allowed else float32(-np.inf)


@cuda.jit(**OPTIONS)
def find_best(score: Any, best: Any, best_job: Any) -> None:
    """Fill the best job of each bucket and its score; bucket b has the jobs b, b + n_buckets, …

    `best` and `best_job` are (n, n_buckets). A bucket without a job that is allowed has job -1. The grid is (blocks of
    buckets, users).
    """
    user, bucket = cuda.blockIdx.y, cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    n_buckets = best.shape[1]
    if bucket >= n_buckets:
        return
    highest, place = float32(-np.inf), int32(-1)
    for job in range(bucket, score.shape[1], n_buckets):
        if score[user, job] > highest:
            highest, place = score[user, job], int32(job)
    best[user, bucket] = highest
    best_job[user, bucket] = place


@cuda.jit(**OPTIONS)
def append_proposals(score: Any, threshold: Any, proposed: Any, count: Any) -> None:
    """Append the jobs whose score is not below the user's threshold; `count` also counts those that do not fit.

    `proposed` is (n, capacity), `count` (n,) zeros. The order of a user's jobs is not defined. The grid is (blocks of
    jobs, users).
    """
    user, job = cuda.blockIdx.y, cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if job < score.shape[1] and not (score[user, job] < threshold[user]):
        place = cuda.atomic.add(count, user, 1)
        if place < proposed.shape[1]:
            proposed[user, place] = job


@cuda.jit(**OPTIONS)
def count_proposals(score: Any, threshold: Any, count: Any) -> None:
    """Count the same jobs without atomic operations. The grid is (1, users)."""
    user, lane = cuda.blockIdx.y, cuda.threadIdx.x
    counts = cuda.shared.array(THREADS, int32)
    n = int32(0)
    for job in range(lane, score.shape[1], cuda.blockDim.x):
        if not (score[user, job] < threshold[user]):
            n += int32(1)
    counts[lane] = n
    width = cuda.blockDim.x // 2
    while width > 0:
        cuda.syncthreads()
        if lane < width:
            counts[lane] += counts[lane + width]
        width //= 2
    if lane == 0:
        count[user] = counts[0]


KERNELS: Final = (score_pairs, find_best, append_proposals, count_proposals)
