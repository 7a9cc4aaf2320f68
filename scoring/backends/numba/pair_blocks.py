"""Compiled scores of whole blocks of pairs. The results equal those of `reference.compute_scores`, bit for bit.

Users are processed in small tiles: their lookups are written as rows, and then each block of jobs is scored for the
whole tile while it is in the cache. (One user at a time read all vectors from memory again and took 2 to 3 times as
long.) Every term is a plain loop over the block, which the compiler turns into vector instructions. Additions follow
the order of the reference. Products of float32 values are exact in float64, so fused arithmetic does not change them.
"""

from __future__ import annotations

import numpy as np

from scoring.array_types import Longs, Singles
from scoring.backends.numba.jit import compiled, internal
from scoring.backends.numba.linked_value import add_trees, link_values
from scoring.bundle.program import FLAGS, INTERVAL, JOB, LINK_KIND, LOOKUP, NONE, TREES, USER, Program

__all__ = ["BLOCK", "TILE", "all_pairs", "allocate_tile", "fill_user_rows", "score_block", "tile_products"]

BLOCK = 512
"""Jobs per block: 4 KiB per column, so that the few columns in use fit in a 48 KiB cache."""

TILE = 16
"""Users per tile, a multiple of `TOGETHER`: their rows, products and a block of vectors take about 300 KiB."""

TOGETHER = 4
"""Users whose products are computed together, so that each job vector is read once for all of them."""


@compiled
def allocate_tile(program: Program) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the scratch arrays of a tile of users, all float64.

    Rows (TILE, n_lookups, widest), vectors (TILE, d), products (TILE, n_dots, BLOCK), and columns (5, BLOCK).
    """
    widest = 1
    for width in program.lookup_width:
        widest = max(widest, width)
    rows, vectors = np.empty((TILE, len(program.lookup_key), widest)), np.zeros((TILE, program.user_vector.shape[1]))
    return rows, vectors, np.empty((TILE, len(program.dot_scale), BLOCK)), np.empty((5, BLOCK))


@internal
def fill_user_rows(program: Program, user: int, rows: np.ndarray, vector: np.ndarray) -> None:
    """Fill `rows` (n_lookups, widest) with the user's tables and exceptions, and `vector` (d,)."""
    for d in range(len(vector)):
        vector[d] = program.user_vector[user, d]
    for slot in range(len(program.lookup_key)):
        width = program.lookup_width[slot]
        first = program.lookup_table[slot] + np.int64(program.lookup_row[slot, user]) * width
        for code in range(width):
            rows[slot, code] = program.lookup_values[first + code]
        for entry in range(program.entry_start[slot, user], program.entry_start[slot, user + 1]):
            rows[slot, program.entry_code[entry]] = program.entry_value[entry]


# The helpers take only the arrays that they need, not the program, so that the compiler knows the memory layout.


@internal
def _fill(column: np.ndarray, constant: float) -> None:
    for i in range(len(column)):
        column[i] = constant


@internal
def _copy(column: np.ndarray, values: np.ndarray) -> None:
    for i in range(len(column)):
        column[i] = values[i]


@internal
def _add_column(value: np.ndarray, column: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] += column[i]


@internal
def _add_constant(value: np.ndarray, constant: float) -> None:
    for i in range(len(value)):
        value[i] += constant


@internal
def _add_from_table(value: np.ndarray, table: np.ndarray, codes: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] += table[np.uint32(codes[i])]  # unsigned: the compiler skips the check for negative indices


@internal
def _fill_from_table(value: np.ndarray, constant: float, table: np.ndarray, codes: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] = constant + table[np.uint32(codes[i])]


@internal
def _add_in_interval(value: np.ndarray, rank: np.ndarray, low: int, high: int, gain: float) -> None:
    for i in range(len(value)):
        value[i] += gain if low <= rank[i] and rank[i] < high else 0.0


@internal
def _add_products(
    value: np.ndarray, product: np.ndarray, has: np.ndarray, scale: float, shift: float, otherwise: float
) -> None:
    for i in range(len(value)):
        value[i] += scale * (shift + product[i]) if has[i] else otherwise


@internal
def _divide(value: np.ndarray, divisor: float) -> None:
    for i in range(len(value)):
        value[i] /= divisor


@internal
def _divide_by_table(value: np.ndarray, table: np.ndarray, codes: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] /= table[np.uint32(codes[i])]


@internal
def _add_weighted(total: np.ndarray, group: np.ndarray, value: np.ndarray, weight: float, within: float) -> None:
    for i in range(len(value)):
        total[i] += weight * value[i]
        group[i] += within * value[i]


@internal(fastmath={"contract"})
def _add_four_by_four(
    p0: np.ndarray,
    p1: np.ndarray,
    p2: np.ndarray,
    p3: np.ndarray,
    q0: np.ndarray,
    q1: np.ndarray,
    q2: np.ndarray,
    q3: np.ndarray,
    of_users: np.ndarray,
    d: int,
) -> None:
    """Add dimensions d…d + 3 of the jobs' vectors to four users' products, one dimension after another."""
    a0, a1, a2, a3 = of_users[0, d], of_users[0, d + 1], of_users[0, d + 2], of_users[0, d + 3]
    b0, b1, b2, b3 = of_users[1, d], of_users[1, d + 1], of_users[1, d + 2], of_users[1, d + 3]
    c0, c1, c2, c3 = of_users[2, d], of_users[2, d + 1], of_users[2, d + 2], of_users[2, d + 3]
    d0, d1, d2, d3 = of_users[3, d], of_users[3, d + 1], of_users[3, d + 2], of_users[3, d + 3]
    for i in range(len(p0)):
        x0, x1, x2, x3 = np.float64(q0[i]), np.float64(q1[i]), np.float64(q2[i]), np.float64(q3[i])
        p0[i] = p0[i] + a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
        p1[i] = p1[i] + b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3
        p2[i] = p2[i] + c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3
        p3[i] = p3[i] + d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3


@internal(fastmath={"contract"})
def _add_four(
    product: np.ndarray, q0: np.ndarray, q1: np.ndarray, q2: np.ndarray, q3: np.ndarray, of_user: np.ndarray, d: int
) -> None:
    """`_add_four_by_four` for one user."""
    a0, a1, a2, a3 = of_user[d], of_user[d + 1], of_user[d + 2], of_user[d + 3]
    for i in range(len(product)):
        x0, x1, x2, x3 = np.float64(q0[i]), np.float64(q1[i]), np.float64(q2[i]), np.float64(q3[i])
        product[i] = product[i] + a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3


@internal
def _add_dimension(product: np.ndarray, by: float, q: np.ndarray) -> None:
    for i in range(len(product)):
        product[i] += by * np.float64(q[i])


@internal
def _fill_products(of_user: np.ndarray, of_jobs: np.ndarray, start: int, stop: int, at: int, out: np.ndarray) -> None:
    """Set out[i] = <of_user, of_jobs[:, at + i]> over dimensions start…stop - 1, added one after another."""
    last, d = at + len(out), np.int64(start)
    _fill(out, 0.0)
    while d + 4 <= stop:
        q0, q1 = of_jobs[d, at:last], of_jobs[d + 1, at:last]
        q2, q3 = of_jobs[d + 2, at:last], of_jobs[d + 3, at:last]
        _add_four(out, q0, q1, q2, q3, of_user, d)
        d += 4
    while d < stop:
        _add_dimension(out, of_user[d], of_jobs[d, at:last])
        d += 1


@internal
def tile_products(
    program: Program, of_users: np.ndarray, size: int, of_jobs: np.ndarray, at: int, n: int, products: np.ndarray
) -> None:
    """Set products[t, slot, i] = <of_users[t], of_jobs[:, at + i]>. Dimensions are added one after another."""
    last = at + n
    for slot in range(len(program.dot_scale)):
        start, stop = program.dot_start[slot], program.dot_start[slot + 1]
        if size == 1:  # the loop below computes the products of four users
            _fill_products(of_users[0], of_jobs, start, stop, at, products[0, slot, :n])
            continue
        for t in range(0, size, TOGETHER):
            four, d = of_users[t : t + TOGETHER], np.int64(start)
            p0, p1 = products[t, slot, :n], products[t + 1, slot, :n]
            p2, p3 = products[t + 2, slot, :n], products[t + 3, slot, :n]
            for u in range(TOGETHER):
                _fill(products[t + u, slot, :n], 0.0)
            while d + 4 <= stop:
                q0, q1 = of_jobs[d, at:last], of_jobs[d + 1, at:last]
                q2, q3 = of_jobs[d + 2, at:last], of_jobs[d + 3, at:last]
                _add_four_by_four(p0, p1, p2, p3, q0, q1, q2, q3, four, d)
                d += 4
            while d < stop:
                for u in range(TOGETHER):
                    _add_dimension(products[t + u, slot, :n], four[u, d], of_jobs[d, at:last])
                d += 1


@internal(forceinline=True)
def _fill_component(
    program: Program, c: int, user: int, first: int, n: int, products: np.ndarray, rows: np.ndarray, value: np.ndarray
) -> None:
    """Fill `value` with component c of jobs first…first + n - 1 for one user."""
    last, constant = first + n, 0.0
    begin, stop = np.int64(program.term_start[c]), np.int64(program.term_start[c + 1])
    while begin < stop and program.term_kind[begin] == USER:
        constant += program.user_value[program.term_slot[begin], user]
        begin += 1
    if begin < stop and program.term_kind[begin] == LOOKUP:
        slot = program.term_slot[begin]
        _fill_from_table(value, constant, rows[slot], program.key_code[program.lookup_key[slot], first:last])
        begin += 1
    else:
        _fill(value, constant)
    for t in range(begin, stop):
        kind, slot = program.term_kind[t], program.term_slot[t]
        if kind == JOB:
            _add_column(value, program.job_value[slot, first:last])
        elif kind == USER:
            _add_constant(value, program.user_value[slot, user])
        elif kind == LOOKUP:
            _add_from_table(value, rows[slot], program.key_code[program.lookup_key[slot], first:last])
        elif kind == INTERVAL:
            low, high = program.interval_low[slot, user], program.interval_high[slot, user]
            if low < high:
                rank = program.number_rank[program.interval_number[slot], first:last]
                _add_in_interval(value, rank, low, high, program.interval_gain[slot, user])
        elif kind == FLAGS:
            start = program.flag_table[slot] + np.int64(program.flag_row[slot, user]) * program.flag_width[slot]
            _add_from_table(value, program.flag_values[start:], program.flag_bits[program.flag_set[slot], first:last])
        elif kind == TREES:
            add_trees(program, slot, user, program.tree_job_state[first:last], value)
        elif program.dot_user_has[slot, user]:
            has, otherwise = program.dot_job_has[slot, first:last], program.dot_otherwise[slot, user]
            _add_products(value, products[slot, :n], has, program.dot_scale[slot], program.dot_shift[slot], otherwise)
        else:
            _add_constant(value, program.dot_otherwise[slot, user])
    slot = program.divisor_slot[c]
    if program.divisor_kind[c] == USER:
        _divide(value, program.user_value[slot, user])
    elif program.divisor_kind[c] == FLAGS:
        start = program.flag_table[slot] + np.int64(program.flag_row[slot, user]) * program.flag_width[slot]
        _divide_by_table(value, program.flag_values[start:], program.flag_bits[program.flag_set[slot], first:last])
    if program.link[c, LINK_KIND] != NONE:
        link_values(program, c, value)


@internal(forceinline=True)
def score_block(
    program: Program, user: int, first: int, n: int, products: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> None:
    """Score jobs first…first + n - 1 for one user. The first four `columns` receive total and groups, not rounded."""
    total, value = columns[0, :n], columns[4, :n]
    _copy(total, program.folded_total[first : first + n])
    for g in range(3):
        _copy(columns[1 + g, :n], program.folded_group[g, first : first + n])
    for c in range(program.n_folded, len(program.flat_weight)):
        weight, within = program.flat_weight[c], program.group_weight[c]
        if weight == 0.0 and within == 0.0:
            continue  # it would add 0 to a value that is not negative
        _fill_component(program, c, user, first, n, products, rows, value)
        _add_weighted(total, columns[1 + program.group[c], :n], value, weight, within)


@internal
def _round(values: np.ndarray, singles: np.ndarray) -> None:
    for i in range(len(values)):
        singles[i] = np.float32(values[i])


@internal
def _fill_all(
    program: Program,
    users: Longs,
    rows: np.ndarray,
    vectors: np.ndarray,
    products: np.ndarray,
    columns: np.ndarray,
    out: Singles,
    place: int,
    begin: int,
    stop: int,
) -> None:
    for tile in range(0, len(users), TILE):
        size = min(TILE, len(users) - tile)
        for t in range(size):
            fill_user_rows(program, users[tile + t], rows[t], vectors[t])
        for first in range(begin, stop, BLOCK):
            n = min(BLOCK, stop - first)
            tile_products(program, vectors, size, program.job_vector, first, n, products)
            for t in range(size):
                score_block(program, users[tile + t], first, n, products[t], rows[t], columns)
                for s in range(4):
                    _round(columns[s, :n], out[s, place + tile + t, first : first + n])


@compiled
def all_pairs(program: Program, users: Longs, out: Singles, place: int, begin: int, stop: int) -> None:
    """Fill `out` (4, n, n_jobs) from row `place`: total, base, match, personal, as in `reference.compute_scores`.

    Jobs begin…stop - 1 are scored. The caller passes the whole array. For a slice, the compiler does not know that
    adjacent jobs are contiguous.
    """
    rows, vectors, products, columns = allocate_tile(program)
    _fill_all(program, users, rows, vectors, products, columns, out, place, begin, stop)
