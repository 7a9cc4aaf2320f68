"""Canonical scores of single pairs: for the few jobs that make a list.

As `pairs.score_block` computes them for many jobs at a time; there, a pair on its own costs 50 times as much.
"""

from __future__ import annotations

import numpy as np

from scoring.backends.numba.jit import inner
from scoring.bundle.index import TOTAL, Index
from scoring.bundle.program import FLAGS, INTERVAL, JOB, LOOKUP, NONE, USER, Program

__all__ = ["canonical_scores", "component_value"]


@inner
def component_value(
    p: Program, x: Index, c: int, user: int, job: int, facts: np.ndarray, vector: np.ndarray, table: np.ndarray
) -> float:
    """Component c of one pair. `facts` and `vector` are the job's in the index, `table` the user's rows."""
    value, n_keys = 0.0, len(p.key_code)
    for t in range(p.term_start[c], p.term_start[c + 1]):
        kind, slot = p.term_kind[t], p.term_slot[t]
        if kind == JOB:
            value += p.job_value[slot, job]
        elif kind == USER:
            value += p.user_value[slot, user]
        elif kind == LOOKUP:
            value += table[slot, facts[p.lookup_key[slot]]]
        elif kind == INTERVAL:
            rank = facts[len(x.width) + p.interval_number[slot]]
            if p.interval_low[slot, user] <= rank and rank < p.interval_high[slot, user]:
                value += p.interval_gain[slot, user]
        elif kind == FLAGS:
            row = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
            value += p.flag_values[row + facts[n_keys + p.flag_set[slot]]]
        elif p.dot_user_has[slot, user] and facts[len(x.width) + len(p.number_rank) + slot]:
            product = 0.0
            for d in range(p.dot_start[slot], p.dot_start[slot + 1]):
                product += np.float64(p.user_vector[user, d]) * np.float64(vector[d])
            value += p.dot_scale[slot] * (p.dot_shift[slot] + product)
        else:
            value += p.dot_otherwise[slot, user]
    if p.divisor_kind[c] == NONE:
        return value
    slot = p.divisor_slot[c]
    if p.divisor_kind[c] == USER:
        return value / p.user_value[slot, user]
    row = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
    return value / p.flag_values[row + facts[n_keys + p.flag_set[slot]]]


@inner
def canonical_scores(
    p: Program, x: Index, user: int, jobs: np.ndarray, size: int, table: np.ndarray, out: np.ndarray
) -> None:
    """out[i] (4,) float64 = total, base, match, personal of jobs[i], i < size; not rounded."""
    for i in range(size):
        job = np.int64(jobs[i])
        sums = x.job_sums[job]
        total = sums[TOTAL]
        for g in range(3):
            out[i, 1 + g] = sums[TOTAL + 1 + g]
        for c in range(p.n_folded, len(p.flat_weight)):
            weight, within = p.flat_weight[c], p.group_weight[c]
            if weight != 0.0 or within != 0.0:
                value = component_value(p, x, c, user, job, x.job_facts[job], x.vector[job], table)
                total += weight * value
                out[i, 1 + p.group[c]] += within * value
        out[i, 0] = total
