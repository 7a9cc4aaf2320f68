"""Upper bounds on the scores of a block and of each of its jobs, for one user."""

from __future__ import annotations

import numpy as np

from scoring.backends.numba import simd_blocks
from scoring.backends.numba.jit import internal
from scoring.backends.numba.user_state import UNFOLDABLE, UserState
from scoring.bundle.block_index import BLOCK_JOBS, MASK_BITS, MASKS, SUBSET_BITS, Index
from scoring.bundle.program import Program

__all__ = [
    "add_row",
    "add_step",
    "add_where",
    "block_slack_of_codes",
    "block_slack_of_vectors",
    "bound_job_scores",
    "product",
    "slack_of_codes",
    "slack_of_vectors",
]


@internal(fastmath={"reassoc", "contract"})
def product(a: np.ndarray, b: np.ndarray) -> float:
    """Return the dot product in float32. The compiler may reorder the sum; the error bound covers every order."""
    result = np.float32(0.0)
    for i in range(len(a)):
        result += a[i] * np.float32(b[i])
    return np.float64(result)


@internal
def slack_of_codes(index: Index, state: UserState) -> float:
    """Return the most that bounded keys, steps and components that do not fold add to any job."""
    slack = state.sums[UNFOLDABLE]
    for key in index.bounded_keys:
        slack += state.best[key]
    for slot in range(len(state.step_gain)):
        slack += max(state.step_gain[slot], 0.0)
    return slack


@internal
def slack_of_vectors(index: Index, state: UserState) -> float:
    """Return the most that products add to any job."""
    slack = 0.0
    for slot in range(len(state.dot_used)):
        if state.dot_used[slot]:
            slack += max(state.dot_base[slot] + state.dot_norm[slot] * index.dot_norm[slot], state.dot_otherwise[slot])
    return slack


@internal(inline="always")
def block_slack_of_codes(program: Program, index: Index, state: UserState, block: int) -> float:
    """Return the most that bounded keys, steps and components that do not fold add to a job of the block."""
    slack = state.sums[UNFOLDABLE]
    for place in range(len(index.bounded_keys)):
        key, codes = index.bounded_keys[place], index.block_masks[block, MASKS // 2 + place]
        if index.key_width[key] <= SUBSET_BITS:
            slack += state.subset_best[key, codes]
        elif index.key_width[key] <= MASK_BITS:
            most = -np.inf
            for code in range(index.key_width[key]):
                if (codes >> np.uint64(code)) & np.uint64(1):
                    most = max(most, state.row[key, code])
            slack += most
        else:
            slack += state.best[key] if codes & state.exception_codes[key] else state.default_best[key]
    for slot in range(len(state.step_gain)):
        gain, place = state.step_gain[slot], MASKS + 2 * (len(index.bounded_keys) + program.interval_number[slot])
        if gain != 0:
            least, most_rank = index.block[block, place], index.block[block, place + 1]
            if gain > 0:
                if state.step_low[slot] <= most_rank and least < state.step_high[slot]:
                    slack += gain
            elif state.step_low[slot] <= least and most_rank < state.step_high[slot]:
                slack += gain
    return slack


@internal(inline="always")
def block_slack_of_vectors(program: Program, index: Index, state: UserState, block: int, dots: np.ndarray) -> float:
    """Return the most that products add to a job of the block.

    `dots` (n_dots,) float32 receives the most that each product adds to a job with a vector.
    """
    slack = 0.0
    for slot in range(len(state.dot_used)):
        if state.dot_used[slot]:
            most = -np.inf
            place = MASKS + 2 * (len(index.bounded_keys) + len(program.number_rank)) + 3 * slot
            radius = index.block_single[block, place]
            if radius >= 0:
                start, stop = program.dot_start[slot], program.dot_start[slot + 1]
                at_centre = product(state.weighted_vector_single[start:stop], index.block_centre[block, start:stop])
                at_job = at_centre * index.block_single[block, place + 1] + state.dot_norm[slot] * radius
                most = state.dot_base[slot] + min(at_job, state.dot_norm[slot] * index.dot_norm[slot])
            dots[slot] = most
            slack += most if index.block[block, place + 2] else max(most, state.dot_otherwise[slot])
    return slack


@internal
def add_row(value: np.ndarray, row: np.ndarray, code: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] += row[code[i]]


@internal
def add_step(value: np.ndarray, rank: np.ndarray, low: int, high: int, gain: float) -> None:
    for i in range(len(value)):
        value[i] += gain if low <= rank[i] and rank[i] < high else np.float32(0.0)


@internal
def add_where(value: np.ndarray, has: np.ndarray, yes: float, no: float) -> None:
    for i in range(len(value)):
        value[i] += yes if has[i] else no


@internal
def _add_coded(value: np.ndarray, row: np.ndarray, code: np.ndarray) -> None:
    for i in range(BLOCK_JOBS):
        value[i] += row[np.uint32(code[i])]


@internal(inline="always")
def bound_job_scores(
    program: Program, index: Index, state: UserState, user: int, block: int, dots: np.ndarray, value: np.ndarray
) -> None:
    """Fill `value` (BLOCK_JOBS,) with an upper bound on each job's score.

    The bounds exclude the parts that all jobs of the cell share and the components that do not fold.
    """
    lanes, own, lane = index.block_facts[block], index.class_scores[index.class_of_user[user], block], 0
    simd_blocks.copy(value, own)
    for place in range(len(index.bounded_keys)):
        key = index.bounded_keys[place]
        if not state.is_zero[key] or index.block_masks[block, MASKS // 2 + place] & state.exception_codes[key]:
            _add_coded(value, state.row_single[key], lanes[lane])
        lane += 1
    for slot in range(len(state.step_gain)):
        gain = np.float32(state.step_gain[slot])
        if gain != 0:
            simd_blocks.add_in_interval(
                value, lanes[lane + program.interval_number[slot]], state.step_low[slot], state.step_high[slot], gain
            )
    lane += len(program.number_rank)
    for slot in range(len(state.dot_used)):
        if state.dot_used[slot]:
            simd_blocks.add_where(value, lanes[lane], dots[slot], np.float32(state.dot_otherwise[slot]))
        lane += 1
