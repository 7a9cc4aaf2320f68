"""The most that the jobs of a block may score, and each of them, for one user."""

from __future__ import annotations

import numpy as np

from scoring.backends.numba import vectors
from scoring.backends.numba.jit import inner
from scoring.backends.numba.user_state import UNEVEN, Fold
from scoring.bundle.index import BLOCK_JOBS, MASK_BITS, MASKS, SUBSET_BITS, Index
from scoring.bundle.program import Program

__all__ = [
    "add_either",
    "add_row",
    "add_step",
    "most_of_codes",
    "most_of_vectors",
    "product",
    "score_loosely",
    "slack_of_codes",
    "slack_of_vectors",
]


@inner(fastmath={"reassoc", "contract"})
def product(a: np.ndarray, b: np.ndarray) -> float:
    """In any order, in float32: the bound on its error holds for all of them."""
    result = np.float32(0.0)
    for i in range(len(a)):
        result += a[i] * np.float32(b[i])
    return np.float64(result)


@inner
def most_of_codes(x: Index, f: Fold) -> float:
    """The most that bounded keys, steps and uneven components add to any job."""
    slack = f.sums[UNEVEN]
    for key in x.bounded:
        slack += f.best[key]
    for slot in range(len(f.step_gain)):
        slack += max(f.step_gain[slot], 0.0)
    return slack


@inner
def most_of_vectors(x: Index, f: Fold) -> float:
    """The most that products add to any job."""
    slack = 0.0
    for slot in range(len(f.on)):
        if f.on[slot]:
            slack += max(f.dot_base[slot] + f.dot_norm[slot] * x.dot_norm[slot], f.dot_other[slot])
    return slack


@inner(inline="always")
def slack_of_codes(p: Program, x: Index, f: Fold, block: int) -> float:
    """The most that bounded keys, steps and uneven components add to a job of the block."""
    slack = f.sums[UNEVEN]
    for place in range(len(x.bounded)):
        key, codes = x.bounded[place], x.block_masks[block, MASKS // 2 + place]
        if x.width[key] <= SUBSET_BITS:
            slack += f.of_subset[key, codes]
        elif x.width[key] <= MASK_BITS:
            most = -np.inf
            for code in range(x.width[key]):
                if (codes >> np.uint64(code)) & np.uint64(1):
                    most = max(most, f.row[key, code])
            slack += most
        else:
            slack += f.best[key] if codes & f.own[key] else f.usual[key]
    for slot in range(len(f.step_gain)):
        gain, place = f.step_gain[slot], MASKS + 2 * (len(x.bounded) + p.interval_number[slot])
        if gain != 0:
            least, most_rank = x.block[block, place], x.block[block, place + 1]
            if gain > 0:
                if f.step_low[slot] <= most_rank and least < f.step_high[slot]:
                    slack += gain
            elif f.step_low[slot] <= least and most_rank < f.step_high[slot]:
                slack += gain
    return slack


@inner(inline="always")
def slack_of_vectors(p: Program, x: Index, f: Fold, block: int, dots: np.ndarray) -> float:
    """The most that products add. `dots` (n_dots,) float32 gets what they add to a job with a vector."""
    slack = 0.0
    for slot in range(len(f.on)):
        if f.on[slot]:
            most = -np.inf
            place = MASKS + 2 * (len(x.bounded) + len(p.number_rank)) + 3 * slot
            radius = x.block_single[block, place]
            if radius >= 0:
                start, stop = p.dot_start[slot], p.dot_start[slot + 1]
                near = product(f.pull_single[start:stop], x.block_centre[block, start:stop])
                reach = near * x.block_single[block, place + 1] + f.dot_norm[slot] * radius
                most = f.dot_base[slot] + min(reach, f.dot_norm[slot] * x.dot_norm[slot])
            dots[slot] = most
            slack += most if x.block[block, place + 2] else max(most, f.dot_other[slot])
    return slack


@inner
def add_row(value: np.ndarray, row: np.ndarray, code: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] += row[code[i]]


@inner
def add_step(value: np.ndarray, rank: np.ndarray, low: int, high: int, gain: float) -> None:
    for i in range(len(value)):
        value[i] += gain if low <= rank[i] and rank[i] < high else np.float32(0.0)


@inner
def add_either(value: np.ndarray, has: np.ndarray, yes: float, no: float) -> None:
    for i in range(len(value)):
        value[i] += yes if has[i] else no


@inner
def _add_coded(value: np.ndarray, row: np.ndarray, code: np.ndarray) -> None:
    for i in range(BLOCK_JOBS):
        value[i] += row[np.uint32(code[i])]


@inner(inline="always")
def score_loosely(p: Program, x: Index, f: Fold, user: int, block: int, dots: np.ndarray, value: np.ndarray) -> None:
    """`value` (BLOCK_JOBS,) gets the most that each job may score beside what its cell shares and uneven parts."""
    lanes, own, lane = x.lanes[block], x.own[x.class_of_user[user], block], 0
    vectors.copy(value, own)
    for place in range(len(x.bounded)):
        key = x.bounded[place]
        if not f.nothing[key] or x.block_masks[block, MASKS // 2 + place] & f.own[key]:
            _add_coded(value, f.single[key], lanes[lane])
        lane += 1
    for slot in range(len(f.step_gain)):
        gain = np.float32(f.step_gain[slot])
        if gain != 0:
            vectors.add_inside(value, lanes[lane + p.interval_number[slot]], f.step_low[slot], f.step_high[slot], gain)
    lane += len(p.number_rank)
    for slot in range(len(f.on)):
        if f.on[slot]:
            vectors.add_either(value, lanes[lane], dots[slot], np.float32(f.dot_other[slot]))
        lane += 1
