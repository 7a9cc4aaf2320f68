"""Canonical scores of single pairs, for the few jobs of a list.

The scores equal those of `pair_blocks.score_block`, which scores many jobs at a time. There, a single pair costs 50
times as much.
"""

from __future__ import annotations

import numpy as np

from scoring.backends.numba.jit import internal
from scoring.backends.numba.linked_value import link_value, sum_trees
from scoring.bundle.block_index import TOTAL, Index
from scoring.bundle.program import FLAGS, INTERVAL, JOB, LINK_KIND, LOOKUP, NONE, TREES, USER, Program

__all__ = ["canonical_scores", "component_value"]


@internal
def component_value(
    program: Program,
    index: Index,
    c: int,
    user: int,
    job: int,
    facts: np.ndarray,
    vector: np.ndarray,
    table: np.ndarray,
) -> float:
    """Return component c of one pair. `facts` and `vector` are the job's rows in the index; `table` has the user's."""
    value, n_keys = 0.0, len(program.key_code)
    for t in range(program.term_start[c], program.term_start[c + 1]):
        kind, slot = program.term_kind[t], program.term_slot[t]
        if kind == JOB:
            value += program.job_value[slot, job]
        elif kind == USER:
            value += program.user_value[slot, user]
        elif kind == LOOKUP:
            value += table[slot, facts[program.lookup_key[slot]]]
        elif kind == INTERVAL:
            rank = facts[len(index.key_width) + program.interval_number[slot]]
            if program.interval_low[slot, user] <= rank and rank < program.interval_high[slot, user]:
                value += program.interval_gain[slot, user]
        elif kind == FLAGS:
            row = program.flag_table[slot] + np.int64(program.flag_row[slot, user]) * program.flag_width[slot]
            value += program.flag_values[row + facts[n_keys + program.flag_set[slot]]]
        elif kind == TREES:
            value += sum_trees(program, slot, user, job)
        elif program.dot_user_has[slot, user] and facts[len(index.key_width) + len(program.number_rank) + slot]:
            product = 0.0
            for d in range(program.dot_start[slot], program.dot_start[slot + 1]):
                product += np.float64(program.user_vector[user, d]) * np.float64(vector[d])
            value += program.dot_scale[slot] * (program.dot_shift[slot] + product)
        else:
            value += program.dot_otherwise[slot, user]
    slot = program.divisor_slot[c]
    if program.divisor_kind[c] == USER:
        value /= program.user_value[slot, user]
    elif program.divisor_kind[c] != NONE:
        row = program.flag_table[slot] + np.int64(program.flag_row[slot, user]) * program.flag_width[slot]
        value /= program.flag_values[row + facts[n_keys + program.flag_set[slot]]]
    return value if program.link[c, LINK_KIND] == NONE else link_value(program, c, value)


@internal
def canonical_scores(
    program: Program, index: Index, user: int, jobs: np.ndarray, size: int, table: np.ndarray, out: np.ndarray
) -> None:
    """Set out[i] (4,) float64 to total, base, match, personal of jobs[i] for i < size. They are not rounded."""
    for i in range(size):
        job = np.int64(jobs[i])
        sums = index.job_sums[job]
        total = sums[TOTAL]
        for g in range(3):
            out[i, 1 + g] = sums[TOTAL + 1 + g]
        for c in range(program.n_folded, len(program.flat_weight)):
            weight, within = program.flat_weight[c], program.group_weight[c]
            if weight != 0.0 or within != 0.0:
                value = component_value(program, index, c, user, job, index.job_facts[job], index.vector[job], table)
                total += weight * value
                out[i, 1 + program.group[c]] += within * value
        out[i, 0] = total
