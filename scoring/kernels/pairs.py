"""Scores of whole blocks of pairs, compiled. The numbers are those of `reference.scores`, bit for bit.

A user's lookups are laid out as rows first; then jobs go by in blocks that stay in the nearest cache, and every
term is a plain loop over the block, which the compiler turns into vector instructions. Additions have the
reference's order; products of float32 values are exact in float64, so nothing depends on fused arithmetic.
"""

from __future__ import annotations

import numba
import numpy as np

from scoring.kernels.program import FLAGS, INTERVAL, JOB, LOOKUP, NONE, USER, Int64s, Program, Singles

__all__ = ["BLOCK", "all_pairs", "lookup_rows", "score_block"]

BLOCK = 1024
"""Jobs at a time: 8 KiB a column, so that the handful of columns at work stay in a 48 KiB cache."""

_COMPILED = {"nogil": True, "cache": True, "fastmath": False}


@numba.njit(**_COMPILED)
def lookup_rows(p: Program, user: int, rows: np.ndarray) -> None:
    """Fills `rows` (n_lookups, widest) with the user's tables, exceptions in place."""
    for slot in range(len(p.lookup_key)):
        width = p.lookup_width[slot]
        first = p.lookup_table[slot] + np.int64(p.lookup_row[slot, user]) * width
        for code in range(width):
            rows[slot, code] = p.lookup_values[first + code]
        for entry in range(p.entry_start[slot, user], p.entry_start[slot, user + 1]):
            rows[slot, p.entry_code[entry]] = p.entry_value[entry]


@numba.njit(**_COMPILED)
def _add_dot(p: Program, slot: int, user: int, first: int, n: int, value: np.ndarray, product: np.ndarray) -> None:
    if not p.dot_user_has[slot, user]:
        for i in range(n):
            value[i] += p.dot_otherwise[slot, user]
        return
    start, stop = p.dot_start[slot], p.dot_start[slot + 1]
    for i in range(n):
        product[i] = 0.0
    d = start
    while d + 4 <= stop:  # four dimensions a pass, still added one after another
        a0, a1 = np.float64(p.user_vector[user, d]), np.float64(p.user_vector[user, d + 1])
        a2, a3 = np.float64(p.user_vector[user, d + 2]), np.float64(p.user_vector[user, d + 3])
        q0, q1 = p.job_vector[d, first : first + n], p.job_vector[d + 1, first : first + n]
        q2, q3 = p.job_vector[d + 2, first : first + n], p.job_vector[d + 3, first : first + n]
        for i in range(n):
            s = product[i] + a0 * np.float64(q0[i])
            s = s + a1 * np.float64(q1[i])
            s = s + a2 * np.float64(q2[i])
            product[i] = s + a3 * np.float64(q3[i])
        d += 4
    while d < stop:
        a = np.float64(p.user_vector[user, d])
        for i in range(n):
            product[i] += a * np.float64(p.job_vector[d, first + i])
        d += 1
    scale, shift, otherwise = p.dot_scale[slot], p.dot_shift[slot], p.dot_otherwise[slot, user]
    for i in range(n):
        value[i] += scale * (shift + product[i]) if p.dot_job_has[slot, first + i] else otherwise


@numba.njit(**_COMPILED)
def _add_term(
    p: Program,
    kind: int,
    slot: int,
    user: int,
    first: int,
    n: int,
    rows: np.ndarray,
    value: np.ndarray,
    product: np.ndarray,
) -> None:
    if kind == JOB:
        source = p.job_value[slot, first : first + n]
        for i in range(n):
            value[i] += source[i]
    elif kind == USER:
        constant = p.user_value[slot, user]
        for i in range(n):
            value[i] += constant
    elif kind == LOOKUP:
        codes = p.key_code[p.lookup_key[slot], first : first + n]
        row = rows[slot]
        for i in range(n):
            value[i] += row[codes[i]]
    elif kind == INTERVAL:
        rank = p.number_rank[p.interval_number[slot], first : first + n]
        low, high, gain = p.interval_low[slot, user], p.interval_high[slot, user], p.interval_gain[slot, user]
        if low < high:
            for i in range(n):
                value[i] += gain if low <= rank[i] and rank[i] < high else 0.0
    elif kind == FLAGS:
        bits = p.flag_bits[p.flag_set[slot], first : first + n]
        start = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
        table = p.flag_values[start : start + p.flag_width[slot]]
        for i in range(n):
            value[i] += table[bits[i]]
    else:
        _add_dot(p, slot, user, first, n, value, product)


@numba.njit(**_COMPILED)
def _divide(p: Program, component: int, user: int, first: int, n: int, value: np.ndarray) -> None:
    slot = p.divisor_slot[component]
    if p.divisor_kind[component] == USER:
        constant = p.user_value[slot, user]
        for i in range(n):
            value[i] /= constant
    elif p.divisor_kind[component] == FLAGS:
        bits = p.flag_bits[p.flag_set[slot], first : first + n]
        start = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
        for i in range(n):
            value[i] /= p.flag_values[start + bits[i]]


@numba.njit(**_COMPILED)
def score_block(p: Program, user: int, first: int, n: int, rows: np.ndarray, out: np.ndarray, groups: bool) -> None:
    """Scores jobs first…first + n - 1 for one user, not rounded.

    `out` is (6, BLOCK) float64: the total, three group scores (where `groups`), and two rows to work in.
    """
    total, value, product = out[0], out[4], out[5]
    for i in range(n):
        total[i] = p.folded_total[first + i]
    if groups:
        for g in range(3):
            for i in range(n):
                out[1 + g, i] = p.folded_group[g, first + i]
    for c in range(p.n_folded, len(p.flat_weight)):
        weight, within = p.flat_weight[c], p.group_weight[c]
        if weight == 0.0 and (within == 0.0 or not groups):
            continue  # it would add 0 to what is not negative
        for i in range(n):
            value[i] = 0.0
        for t in range(p.term_start[c], p.term_start[c + 1]):
            _add_term(p, p.term_kind[t], p.term_slot[t], user, first, n, rows, value, product)
        if p.divisor_kind[c] != NONE:
            _divide(p, c, user, first, n, value)
        for i in range(n):
            total[i] += weight * value[i]
        if groups:
            group = out[1 + p.group[c]]
            for i in range(n):
                group[i] += within * value[i]


@numba.njit(**_COMPILED)
def all_pairs(p: Program, users: Int64s, out: Singles) -> None:
    """Fills `out` (4, len(users), n_jobs) float32: total, base, match, personal. Named by `reference.scores`."""
    m = p.key_code.shape[1]
    widest = 1
    for width in p.lookup_width:
        widest = max(widest, width)
    rows = np.empty((len(p.lookup_key), widest))
    work = np.empty((6, BLOCK))
    for row in range(len(users)):
        lookup_rows(p, users[row], rows)
        for first in range(0, m, BLOCK):
            n = min(BLOCK, m - first)
            score_block(p, users[row], first, n, rows, work, True)
            for s in range(4):
                for i in range(n):
                    out[s, row, first + i] = np.float32(work[s, i])
