"""Canonical scores of single pairs: for the few jobs that make a list.

As `pairs.score_block` computes them for many jobs at a time; there, a pair on its own costs 50 times as much.
"""

from __future__ import annotations

import numpy as np

from scoring.kernels.compiled import inner
from scoring.kernels.program import FLAGS, INTERVAL, JOB, LOOKUP, NONE, USER, Program

__all__ = ["canonical_scores", "component_value"]


@inner
def component_value(p: Program, c: int, user: int, job: int, vector: np.ndarray, table: np.ndarray) -> float:
    """Component c of one pair. `vector` (d,) is the job's; `table` the user's rows (`pairs.lookup_rows`)."""
    value = 0.0
    for t in range(p.term_start[c], p.term_start[c + 1]):
        kind, slot = p.term_kind[t], p.term_slot[t]
        if kind == JOB:
            value += p.job_value[slot, job]
        elif kind == USER:
            value += p.user_value[slot, user]
        elif kind == LOOKUP:
            value += table[slot, p.key_code[p.lookup_key[slot], job]]
        elif kind == INTERVAL:
            rank = p.number_rank[p.interval_number[slot], job]
            if p.interval_low[slot, user] <= rank and rank < p.interval_high[slot, user]:
                value += p.interval_gain[slot, user]
        elif kind == FLAGS:
            row = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
            value += p.flag_values[row + p.flag_bits[p.flag_set[slot], job]]
        elif p.dot_user_has[slot, user] and p.dot_job_has[slot, job]:
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
    return value / p.flag_values[row + p.flag_bits[p.flag_set[slot], job]]


@inner
def canonical_scores(
    p: Program, user: int, jobs: np.ndarray, size: int, vectors: np.ndarray, table: np.ndarray, out: np.ndarray
) -> None:
    """out[i] (4,) float64 = total, base, match, personal of jobs[i], i < size; not rounded. `vectors` is (m, d)."""
    for i in range(size):
        job = jobs[i]
        total = p.folded_total[job]
        for g in range(3):
            out[i, 1 + g] = p.folded_group[g, job]
        for c in range(p.n_folded, len(p.flat_weight)):
            weight, within = p.flat_weight[c], p.group_weight[c]
            if weight != 0.0 or within != 0.0:
                value = component_value(p, c, user, job, vectors[job], table)
                total += weight * value
                out[i, 1 + p.group[c]] += within * value
        out[i, 0] = total
