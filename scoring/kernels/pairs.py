"""Scores of whole blocks of pairs, compiled. The numbers are those of `reference.scores`, bit for bit.

Users go in small tiles: their lookups are laid out as rows, then jobs go by in blocks, each scored for the whole
tile while it is in the cache (one user at a time read all vectors from memory again and took 2 to 3 times as long).
Every term is a plain loop over the block, which the compiler turns into vector instructions. Additions have the
reference's order; products of float32 values are exact in float64, so nothing depends on fused arithmetic.
"""

from __future__ import annotations

import numpy as np

from scoring.kernels.compiled import compiled
from scoring.kernels.program import FLAGS, INTERVAL, JOB, LOOKUP, USER, Int64s, Program, Singles

__all__ = ["BLOCK", "TILE", "all_pairs", "component_block", "lookup_rows", "score_block", "tile_rows"]

BLOCK = 1024
"""Jobs at a time: 8 KiB a column, so that the handful of columns at work stay in a 48 KiB cache."""

TILE = 16
"""Users at a time: their rows and a block of vectors fill about 400 KiB."""


@compiled
def tile_rows(p: Program) -> np.ndarray:
    """(TILE, n_lookups, widest) float64 to lay out rows in."""
    widest = 1
    for width in p.lookup_width:
        widest = max(widest, width)
    return np.empty((TILE, len(p.lookup_key), widest))


@compiled
def lookup_rows(p: Program, user: int, rows: np.ndarray) -> None:
    """Fills `rows` (n_lookups, widest) with the user's tables, exceptions in place."""
    for slot in range(len(p.lookup_key)):
        width = p.lookup_width[slot]
        first = p.lookup_table[slot] + np.int64(p.lookup_row[slot, user]) * width
        for code in range(width):
            rows[slot, code] = p.lookup_values[first + code]
        for entry in range(p.entry_start[slot, user], p.entry_start[slot, user + 1]):
            rows[slot, p.entry_code[entry]] = p.entry_value[entry]


# The helpers get the few arrays that they need, not the program: handing over a tuple of forty arrays counts
# references for each, which cost as much as the arithmetic (1 ns a pair and term, measured).


@compiled
def _add_column(value: np.ndarray, column: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] += column[i]


@compiled
def _add_constant(value: np.ndarray, constant: float) -> None:
    for i in range(len(value)):
        value[i] += constant


@compiled
def _add_from_table(value: np.ndarray, table: np.ndarray, codes: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] += table[np.uint32(codes[i])]  # (no need to look whether it counts from the end)


@compiled
def _add_inside(value: np.ndarray, rank: np.ndarray, low: int, high: int, gain: float) -> None:
    for i in range(len(value)):
        value[i] += gain if low <= rank[i] and rank[i] < high else 0.0


@compiled
def _add_weighted(total: np.ndarray, value: np.ndarray, weight: float) -> None:
    for i in range(len(value)):
        total[i] += weight * value[i]


@compiled
def _add_weighted_to_both(
    total: np.ndarray, group: np.ndarray, value: np.ndarray, weight: float, within: float
) -> None:
    for i in range(len(value)):
        total[i] += weight * value[i]
        group[i] += within * value[i]


@compiled
def _divide_by_table(value: np.ndarray, table: np.ndarray, codes: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] /= table[np.uint32(codes[i])]


@compiled
def _products(product: np.ndarray, of_user: np.ndarray, of_jobs: np.ndarray, first: int) -> None:
    """product[i] = <of_user, of_jobs[:, first + i]>, dimensions added one after another, four to a pass."""
    n, dimensions = len(product), len(of_user)
    product[:] = 0.0
    d = 0
    while d + 4 <= dimensions:
        a0, a1 = np.float64(of_user[d]), np.float64(of_user[d + 1])
        a2, a3 = np.float64(of_user[d + 2]), np.float64(of_user[d + 3])
        q0, q1 = of_jobs[d, first : first + n], of_jobs[d + 1, first : first + n]
        q2, q3 = of_jobs[d + 2, first : first + n], of_jobs[d + 3, first : first + n]
        for i in range(n):
            s = product[i] + a0 * np.float64(q0[i])
            s = s + a1 * np.float64(q1[i])
            s = s + a2 * np.float64(q2[i])
            product[i] = s + a3 * np.float64(q3[i])
        d += 4
    while d < dimensions:
        a = np.float64(of_user[d])
        q = of_jobs[d, first : first + n]
        for i in range(n):
            product[i] += a * np.float64(q[i])
        d += 1


@compiled
def _add_products(
    value: np.ndarray, product: np.ndarray, has: np.ndarray, scale: float, shift: float, otherwise: float
) -> None:
    for i in range(len(value)):
        value[i] += scale * (shift + product[i]) if has[i] else otherwise


@compiled(inline="always")
def component_block(
    p: Program,
    c: int,
    user: int,
    first: int,
    n: int,
    vectors: np.ndarray,
    at: int,
    rows: np.ndarray,
    value: np.ndarray,
    product: np.ndarray,
) -> None:
    """Fills `value` with component c of jobs first…first + n - 1 for one user; `product` is room to work in.

    The jobs' vectors are `vectors[:, at : at + n]`.
    """
    value[:] = 0.0
    for t in range(p.term_start[c], p.term_start[c + 1]):
        kind, slot = p.term_kind[t], p.term_slot[t]
        if kind == JOB:
            _add_column(value, p.job_value[slot, first : first + n])
        elif kind == USER:
            _add_constant(value, p.user_value[slot, user])
        elif kind == LOOKUP:
            _add_from_table(value, rows[slot], p.key_code[p.lookup_key[slot], first : first + n])
        elif kind == INTERVAL:
            rank = p.number_rank[p.interval_number[slot], first : first + n]
            low, high = p.interval_low[slot, user], p.interval_high[slot, user]
            if low < high:
                _add_inside(value, rank, low, high, p.interval_gain[slot, user])
        elif kind == FLAGS:
            start = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
            table = p.flag_values[start : start + p.flag_width[slot]]
            _add_from_table(value, table, p.flag_bits[p.flag_set[slot], first : first + n])
        elif p.dot_user_has[slot, user]:
            of_user = p.user_vector[user, p.dot_start[slot] : p.dot_start[slot + 1]]
            _products(product, of_user, vectors[p.dot_start[slot] : p.dot_start[slot + 1]], at)
            has, otherwise = p.dot_job_has[slot, first : first + n], p.dot_otherwise[slot, user]
            _add_products(value, product, has, p.dot_scale[slot], p.dot_shift[slot], otherwise)
        else:
            _add_constant(value, p.dot_otherwise[slot, user])
    slot = p.divisor_slot[c]
    if p.divisor_kind[c] == USER:
        value /= p.user_value[slot, user]
    elif p.divisor_kind[c] == FLAGS:
        start = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
        table = p.flag_values[start : start + p.flag_width[slot]]
        _divide_by_table(value, table, p.flag_bits[p.flag_set[slot], first : first + n])


@compiled(inline="always")
def score_block(
    p: Program,
    user: int,
    first: int,
    n: int,
    vectors: np.ndarray,
    at: int,
    rows: np.ndarray,
    out: np.ndarray,
    groups: bool,
) -> None:
    """Scores jobs first…first + n - 1 for one user, not rounded; their vectors are `vectors[:, at : at + n]`.

    `out` is (6, BLOCK) float64: the total, three group scores (where `groups`), and two rows to work in.
    """
    total, value, product = out[0, :n], out[4, :n], out[5, :n]
    total[:] = p.folded_total[first : first + n]
    if groups:
        for g in range(3):
            out[1 + g, :n] = p.folded_group[g, first : first + n]
    for c in range(p.n_folded, len(p.flat_weight)):
        weight, within = p.flat_weight[c], p.group_weight[c]
        if weight == 0.0 and (within == 0.0 or not groups):
            continue  # it would add 0 to what is not negative
        component_block(p, c, user, first, n, vectors, at, rows, value, product)
        if groups:
            _add_weighted_to_both(total, out[1 + p.group[c], :n], value, weight, within)
        else:
            _add_weighted(total, value, weight)


@compiled
def _round(values: np.ndarray, singles: np.ndarray) -> None:
    for i in range(len(values)):
        singles[i] = np.float32(values[i])


@compiled
def all_pairs(p: Program, users: Int64s, out: Singles) -> None:
    """Fills `out` (4, len(users), n_jobs) float32: total, base, match, personal. Named by `reference.scores`."""
    m = p.key_code.shape[1]
    rows = tile_rows(p)
    work = np.empty((6, BLOCK))
    for tile in range(0, len(users), TILE):
        size = min(TILE, len(users) - tile)
        for t in range(size):
            lookup_rows(p, users[tile + t], rows[t])
        for first in range(0, m, BLOCK):
            n = min(BLOCK, m - first)
            for t in range(size):
                score_block(p, users[tile + t], first, n, p.job_vector, first, rows[t], work, True)
                for s in range(4):
                    _round(work[s, :n], out[s, tile + t, first : first + n])
