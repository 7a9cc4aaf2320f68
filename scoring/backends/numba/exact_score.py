"""The canonical score of a job that may enter a list, and the output of a list."""

from __future__ import annotations

import numpy as np

from scoring.backends.numba.jit import internal
from scoring.backends.numba.pair_score import canonical_scores, component_value
from scoring.backends.numba.scratch import Scratch
from scoring.backends.numba.user_state import CONSTANT, DOUBLE_ERROR, UserState
from scoring.bundle.block_index import SCORE, Index
from scoring.bundle.program import Program

__all__ = ["exact_score", "job_base", "unfoldable_part", "write_list"]


@internal(fastmath={"reassoc", "contract"})
def _exact_product(a: np.ndarray, b: np.ndarray) -> float:
    """Return the dot product in float64."""
    result = 0.0
    for i in range(len(a)):
        result += a[i] * np.float64(b[i])
    return result


@internal
def unfoldable_part(program: Program, index: Index, state: UserState, user: int, job: int) -> float:
    """Return what components that do not fold add to one job."""
    value = 0.0
    for place in range(len(index.unfoldable)):
        c = np.int64(index.unfoldable[place])
        if program.flat_weight[c] != 0.0:
            value += program.flat_weight[c] * component_value(
                program, index, c, user, job, index.job_facts[job], index.vector[job], state.canonical_row
            )
    return value


@internal
def job_base(program: Program, index: Index, state: UserState, user: int, job: int) -> float:
    """Return the part of the score that all jobs of this job's cell share, plus components that do not fold."""
    base = state.sums[CONSTANT]
    for key in index.cell_keys:
        base += state.row[key, index.job_facts[job, key]]
    if len(index.unfoldable):
        base += unfoldable_part(program, index, state, user, job)
    return base


@internal
def exact_score(
    program: Program, index: Index, state: UserState, scratch: Scratch, user: int, job: int, base: float
) -> np.float32:
    """Return the canonical total (float32) of one job; `base` is its `job_base`."""
    facts, n_keys = index.job_facts[job], len(index.key_width)
    value, has_vector = index.job_sums[job, SCORE] + base, False
    for key in index.other_keys:
        value += state.row[key, facts[key]]
    for slot in range(len(state.step_gain)):
        rank = facts[n_keys + program.interval_number[slot]]
        if state.step_low[slot] <= rank and rank < state.step_high[slot]:
            value += state.step_gain[slot]
    for slot in range(len(state.dot_used)):
        if state.dot_used[slot]:
            has = facts[n_keys + len(program.number_rank) + slot] != 0
            value += state.dot_base[slot] if has else state.dot_otherwise[slot]
            has_vector |= has
    if has_vector:
        value += _exact_product(state.weighted_vector, index.vector[job])
    result = np.float32(value - state.sums[DOUBLE_ERROR])
    if result != np.float32(value + state.sums[DOUBLE_ERROR]):
        # the error bound allows two float32 results: use the formula
        scratch.one_job[0] = job
        canonical_scores(
            program, index, user, scratch.one_job, len(scratch.one_job), state.canonical_row, scratch.one_score
        )
        result = np.float32(scratch.one_score[0, 0])
    return result


@internal
def write_list(
    program: Program,
    index: Index,
    state: UserState,
    scratch: Scratch,
    user: int,
    size: int,
    row: np.ndarray,
    score: np.ndarray,
) -> None:
    """Write the list in `scratch` to `row` (plan rows) and `score` (all four scores)."""
    canonical_scores(program, index, user, scratch.jobs, size, state.canonical_row, scratch.canonical)
    for i in range(size):
        row[i] = index.plan_row[scratch.jobs[i]]
        for s in range(4):
            score[i, s] = np.float32(scratch.canonical[i, s])
