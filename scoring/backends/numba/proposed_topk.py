"""Parts of a ranking whose scores another device computes: the users' rows, thresholds, and lists of proposed jobs.

The device computes the same float32 sums as `dense_topk`, in any order, with or without fused operations. The bound
`sums[SINGLE_ERROR]` holds for all of them. Numbers below 2**-126 may lose all their digits, which the margin covers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scoring.array_types import Bools, Ints, Longs, Singles, UInt8s
from scoring.backends.numba.dense_topk import insert_jobs
from scoring.backends.numba.exact_score import exact_score, job_base, write_list
from scoring.backends.numba.jit import nogil_no_refcount
from scoring.backends.numba.scratch import Scratch
from scoring.backends.numba.tile_scratch import is_set, set_bit, set_excluded_bits
from scoring.backends.numba.top_list import insert, is_class_allowed, threshold_of
from scoring.backends.numba.user_fold import fold_user
from scoring.backends.numba.user_state import CONSTANT, SINGLE_ERROR, UserState
from scoring.bundle.block_index import Index, Limits
from scoring.bundle.program import Program

__all__ = ["PROPOSED", "REPEATED", "TOO_FEW", "UNKNOWN", "UserRows", "fill_rows", "find_thresholds", "list_proposed"]

PROPOSED, UNKNOWN, REPEATED, TOO_FEW = range(4)
"""Results of `list_proposed`: right, or a job that does not exist, a job twice, or fewer than k jobs."""
_SMALLEST = 2.0**-126
"""The smallest normal float32."""


class UserRows(NamedTuple):
    """The folded users of a batch."""

    row: Singles  # (n, all codes) the rows of all keys, one after the other
    step_low: Ints  # (n, n_steps)
    step_high: Ints
    step_gain: Singles
    dot_base: Singles  # (n, n_dots) added to jobs with a vector; 0 if the user has none
    dot_otherwise: Singles  # (n, n_dots) added to jobs without a vector
    vector: Singles  # (n, d)

    def take(self, part: slice) -> UserRows:
        """Return some of the users, in the same memory."""
        return UserRows(
            self.row[part],
            self.step_low[part],
            self.step_high[part],
            self.step_gain[part],
            self.dot_base[part],
            self.dot_otherwise[part],
            self.vector[part],
        )


@nogil_no_refcount
def fill_rows(
    program: Program,
    index: Index,
    state: UserState,
    users: Longs,
    places: Longs,
    row_start: Ints,
    rows: UserRows,
    is_key_used: Bools,
    stop: np.ndarray,
) -> None:
    """Fill `rows` for users[places], and set `is_key_used` (n_keys,) at the keys whose row is not 0 for a user."""
    for i in range(len(places)):
        if stop[0] != 0:
            return
        fold_user(program, index, users[places[i]], state)
        for key in range(len(index.key_width)):
            if not state.is_zero[key] or state.exception_codes[key] != 0:
                is_key_used[key] = True
            for code in range(index.key_width[key]):
                rows.row[i, row_start[key] + code] = state.row_single[key, code]
        for slot in range(len(state.step_gain)):
            rows.step_low[i, slot], rows.step_high[i, slot] = state.step_low[slot], state.step_high[slot]
            rows.step_gain[i, slot] = np.float32(state.step_gain[slot])
        for slot in range(len(state.dot_used)):
            rows.dot_base[i, slot] = rows.dot_otherwise[i, slot] = 0.0
            if state.dot_used[slot]:
                rows.dot_base[i, slot] = np.float32(state.dot_base[slot])
                rows.dot_otherwise[i, slot] = np.float32(state.dot_otherwise[slot])
        for d in range(len(state.weighted_vector_single)):
            rows.vector[i, d] = state.weighted_vector_single[d]


@nogil_no_refcount
def find_thresholds(
    program: Program,
    index: Index,
    limits: Limits,
    state: UserState,
    scratch: Scratch,
    excluded: UInt8s,
    users: Longs,
    places: Longs,
    best_job: Ints,
    best: Singles,
    threshold: Singles,
    stop: np.ndarray,
) -> None:
    """Fill the float32 below which no score of the device belongs to a job of the list.

    It follows from the last canonical score of a legal list of k of the jobs `best_job` (n, n_buckets), whose scores of
    the device are `best`. Without such a list, it is +infinity: the user must be ranked without the device.
    """
    k = len(scratch.jobs)
    for i in range(len(places)):
        if stop[0] != 0:
            return
        user = users[places[i]]
        fold_user(program, index, user, state)
        set_excluded_bits(excluded, user, limits)
        n = 0
        for bucket in range(best_job.shape[1]):
            if best_job[i, bucket] >= 0:
                best_job[i, n], best[i, n] = best_job[i, bucket], best[i, bucket]
                n += 1
        constant = state.sums[CONSTANT]
        size = insert_jobs(
            program, index, limits, state, scratch, excluded, user, best_job[i, :n], best[i, :n], constant, 0
        )
        if size < k:
            threshold[i] = np.inf
            continue
        n_terms = len(program.term_kind) + len(index.key_width) + len(state.weighted_vector) + 8
        margin = 2 * state.sums[SINGLE_ERROR] + n_terms * _SMALLEST
        low = threshold_of(scratch.scores[k - 1]) - constant - margin
        threshold[i] = np.float32(threshold_of(low))  # a float32 below `low`


@nogil_no_refcount
def list_proposed(
    program: Program,
    index: Index,
    limits: Limits,
    state: UserState,
    scratch: Scratch,
    excluded: UInt8s,
    seen: UInt8s,
    users: Longs,
    places: Longs,
    proposed: Ints,
    count: Ints,
    out_row: Longs,
    out_score: Singles,
    out_count: Ints,
    result: UInt8s,
    stop: np.ndarray,
) -> None:
    """Fill the lists of users[places] with the best of the jobs proposed[i, : count[i]], and `result` (n,).

    `seen` has a bit per job; all bits are 0 before and after.
    """
    k, m = len(scratch.jobs), len(index.id_rank)
    for i in range(len(places)):
        if stop[0] != 0:
            return
        user, size, n = users[places[i]], 0, 0
        result[i] = PROPOSED
        fold_user(program, index, user, state)
        set_excluded_bits(excluded, user, limits)
        while n < count[i]:
            job = np.int64(proposed[i, n])
            if job < 0 or job >= m:
                result[i] = UNKNOWN
                break
            if is_set(seen, job):
                result[i] = REPEATED
                break
            set_bit(seen, job)
            n += 1
            if is_set(excluded, job) or not is_class_allowed(limits, user, job):
                continue
            score = exact_score(program, index, state, scratch, user, job, job_base(program, index, state, user, job))
            size = insert(
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
        for j in range(n):
            seen[proposed[i, j] >> 3] = np.uint8(0)
        if result[i] == PROPOSED and size < k:
            result[i] = TOO_FEW
        if result[i] == PROPOSED:
            place = places[i]
            write_list(program, index, state, scratch, user, size, out_row[place], out_score[place])
            out_count[place] = size
