"""The canonical score of a job that may belong to a list, and the list written out."""

from __future__ import annotations

import numpy as np

from scoring.backends.numba.jit import inner
from scoring.backends.numba.pair_score import canonical_scores, component_value
from scoring.backends.numba.room import Room
from scoring.backends.numba.user_state import CONSTANT, FINE, Fold
from scoring.bundle.index import SCORE, Index
from scoring.bundle.program import Program

__all__ = ["base_of", "exact_score", "uneven_part", "write_list"]


@inner(fastmath={"reassoc", "contract"})
def _exact_product(a: np.ndarray, b: np.ndarray) -> float:
    """The same in float64."""
    result = 0.0
    for i in range(len(a)):
        result += a[i] * np.float64(b[i])
    return result


@inner
def uneven_part(p: Program, x: Index, f: Fold, user: int, job: int) -> float:
    """What components that do not fold add to one job."""
    value = 0.0
    for place in range(len(x.uneven)):
        c = np.int64(x.uneven[place])
        if p.flat_weight[c] != 0.0:
            value += p.flat_weight[c] * component_value(p, x, c, user, job, x.job_facts[job], x.vector[job], f.table)
    return value


@inner
def base_of(x: Index, f: Fold, job: int) -> float:
    """What the user has with all jobs of this one's cell."""
    base = f.sums[CONSTANT]
    for key in x.ordered:
        base += f.row[key, x.job_facts[job, key]]
    return base


@inner
def exact_score(p: Program, x: Index, f: Fold, r: Room, user: int, job: int, base: float) -> np.float32:
    """The canonical total (float32) of one job; `base` is `base_of` it."""
    facts, n_keys = x.job_facts[job], len(x.width)
    value, some = x.job_sums[job, SCORE] + base, False
    for key in x.loose:
        value += f.row[key, facts[key]]
    for slot in range(len(f.step_gain)):
        rank = facts[n_keys + p.interval_number[slot]]
        if f.step_low[slot] <= rank and rank < f.step_high[slot]:
            value += f.step_gain[slot]
    for slot in range(len(f.on)):
        if f.on[slot]:
            has = facts[n_keys + len(p.number_rank) + slot] != 0
            value += f.dot_base[slot] if has else f.dot_other[slot]
            some |= has
    if some:
        value += _exact_product(f.pull, x.vector[job])
    if len(x.uneven):
        value += uneven_part(p, x, f, user, job)
    result = np.float32(value - f.sums[FINE])
    if result != np.float32(value + f.sums[FINE]):  # either side of where a float32 ends: by the formula
        r.one_job[0] = job
        canonical_scores(p, x, user, r.one_job, len(r.one_job), f.table, r.one_score)
        result = np.float32(r.one_score[0, 0])
    return result


@inner
def write_list(
    p: Program, x: Index, f: Fold, r: Room, user: int, size: int, row: np.ndarray, score: np.ndarray
) -> None:
    """The list in hand as rows of the plan and all four scores."""
    canonical_scores(p, x, user, r.jobs, size, f.table, r.canonical)
    for i in range(size):
        row[i] = x.plan_row[r.jobs[i]]
        for s in range(4):
            score[i, s] = np.float32(r.canonical[i, s])
