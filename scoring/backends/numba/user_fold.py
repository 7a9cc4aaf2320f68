"""Fold a program and its weights into the state of one user: a row per key, steps, and a vector.

A total is, up to rounding, `constant + score[j] + Σ row[key, code] + Σ steps + <weighted_vector, vector[j]> + …`. All
lookups on the same key are added up in one row. The order of the sums differs from the canonical order. The results
therefore differ by at most `sums[DOUBLE_ERROR]` (in float64) or `sums[SINGLE_ERROR]` (in float32). Both follow from the
usual bound: the number of operations times the unit roundoff times the sum of the absolute values of all parts
(Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., eq. 4.4). The bound is doubled for the error of the
canonical sum.
"""

from __future__ import annotations

import numpy as np

from scoring.backends.numba.jit import internal
from scoring.backends.numba.linked_value import bound_linked, bound_trees
from scoring.backends.numba.user_lookup_rows import (
    add_table,
    extremes,
    fill_canonical_rows,
    finish_row,
    fold_entries,
    fold_whole_row,
)
from scoring.backends.numba.user_state import CONSTANT, DOUBLE_ERROR, SINGLE_ERROR, UNFOLDABLE, UserState
from scoring.bundle.block_index import Index
from scoring.bundle.program import DOT, FLAGS, INTERVAL, LINK_KIND, LOOKUP, NONE, TREES, USER, Program

__all__ = ["fold_user"]

SINGLE = 2.0**-24  # unit roundoff of float32, then of float64
DOUBLE = 2.0**-53


@internal
def _fold_flags(program: Program, c: int, user: int, key: int, row: np.ndarray) -> None:
    """Add a component of flags and user terms with a divisor by flags to the row of the divisor's flag set."""
    slot, weight = program.divisor_slot[c], program.flat_weight[c]
    below = program.flag_table[slot] + np.int64(program.flag_row[slot, user]) * program.flag_width[slot]
    for code in range(program.flag_width[slot]):
        value = 0.0
        for t in range(program.term_start[c], program.term_start[c + 1]):
            other = program.term_slot[t]
            if program.term_kind[t] == USER:
                value += program.user_value[other, user]
            else:
                first = program.flag_table[other] + np.int64(program.flag_row[other, user]) * program.flag_width[other]
                value += program.flag_values[first + code]
        row[key, code] += weight * (value / program.flag_values[below + code])


@internal
def _bound_divided(program: Program, index: Index, c: int, user: int, table: np.ndarray) -> tuple[float, float]:
    """Return (the most that component c can add, the sum of its parts' absolute values), both weighted."""
    low = high = size = 0.0
    for term in range(program.term_start[c], program.term_start[c + 1]):
        kind, slot = program.term_kind[term], program.term_slot[term]
        least = most = 0.0
        if kind == USER:
            least = most = program.user_value[slot, user]
        elif kind == LOOKUP:
            least, most = extremes(table[slot, : program.lookup_width[slot]])
        elif kind == INTERVAL:
            gain = program.interval_gain[slot, user]
            least, most = min(gain, 0.0), max(gain, 0.0)
        elif kind == FLAGS:
            first = program.flag_table[slot] + np.int64(program.flag_row[slot, user]) * program.flag_width[slot]
            least, most = extremes(program.flag_values[first : first + program.flag_width[slot]])
        elif kind == DOT:
            reach = 0.0
            for d in range(program.dot_start[slot], program.dot_start[slot + 1]):
                reach += np.float64(program.user_vector[user, d]) ** 2
            reach = abs(program.dot_scale[slot]) * np.sqrt(reach) * index.dot_norm[slot] * (1 + 1e-9)
            middle, other = program.dot_scale[slot] * program.dot_shift[slot], program.dot_otherwise[slot, user]
            least, most = min(middle - reach, other), max(middle + reach, other)
        elif kind == TREES:
            least, most = bound_trees(program, slot, user)
        else:
            least, most = index.job_value_min[slot], index.job_value_max[slot]
        low, high, size = low + least, high + most, size + max(abs(least), abs(most))
    weight, slot = program.flat_weight[c], program.divisor_slot[c]
    if program.divisor_kind[c] == NONE:
        if program.link[c, LINK_KIND] == NONE:
            return weight * (high + 1e-12 * size), weight * size
        return weight * bound_linked(program, c, high + 1e-12 * size), weight * 100.0
    if program.divisor_kind[c] == USER:
        divisor = program.user_value[slot, user]
        if program.link[c, LINK_KIND] != NONE:
            return weight * 100.0, weight * 100.0
        return weight * max(low / divisor, high / divisor), weight * size / abs(divisor)
    first = program.flag_table[slot] + np.int64(program.flag_row[slot, user]) * program.flag_width[slot]
    most, smallest = -np.inf, np.inf
    for code in range(program.flag_width[slot]):
        divisor = program.flag_values[first + code]
        most = max(most, max(low / divisor, high / divisor))
        smallest = min(smallest, abs(divisor))
    if program.link[c, LINK_KIND] != NONE:
        return weight * 100.0, weight * 100.0
    return weight * most, weight * size / smallest


@internal
def _fold_product(program: Program, slot: int, user: int, by: float, state: UserState) -> None:
    """Fold a product for a user with a vector."""
    gain, square = by * program.dot_scale[slot], 0.0
    for d in range(program.dot_start[slot], program.dot_start[slot + 1]):
        part = gain * np.float64(program.user_vector[user, d])
        state.weighted_vector[d] = part
        state.weighted_vector_single[d] = np.float32(part)
        square += part * part
    state.dot_used[slot] = True
    state.dot_base[slot], state.dot_otherwise[slot] = (
        gain * program.dot_shift[slot],
        by * program.dot_otherwise[slot, user],
    )
    state.dot_norm[slot] = np.sqrt(square) * (1 + 1e-6)


@internal
def fold_user(program: Program, index: Index, user: int, state: UserState) -> None:
    """Fill `state` for this user."""
    fill_canonical_rows(program, index, user, state)
    n_keys = len(program.key_code)  # the keys from here on are sets of flags
    for key in range(n_keys, len(index.key_width)):
        for code in range(index.key_width[key]):
            state.row[key, code] = 0.0
    state.lookup_scale[:] = 0.0
    state.step_gain[:] = 0.0
    state.dot_used[:] = False
    state.weighted_vector[:] = 0.0
    state.weighted_vector_single[:] = 0.0
    constant = uneven = dot_size = 0.0
    size = index.largest_job_score
    for c in range(len(program.flat_weight)):
        weight = program.flat_weight[c]
        if weight == 0.0:
            continue
        if not index.foldable[c] or program.divisor_kind[c] == FLAGS:
            most, parts = _bound_divided(program, index, c, user, state.canonical_row)
            size += parts
            if index.foldable[c]:
                _fold_flags(program, c, user, n_keys + program.flag_set[program.divisor_slot[c]], state.row)
            else:
                uneven += most
            continue
        by = weight / program.user_value[program.divisor_slot[c], user] if program.divisor_kind[c] == USER else weight
        for term in range(program.term_start[c], program.term_start[c + 1]):
            kind, slot = program.term_kind[term], program.term_slot[term]
            if kind == USER:
                constant += by * program.user_value[slot, user]
                size += abs(by * program.user_value[slot, user])
            elif kind == LOOKUP:
                state.lookup_scale[slot] = by
                size += abs(by) * index.lookup_largest[slot]
            elif kind == FLAGS:
                first = program.flag_table[slot] + np.int64(program.flag_row[slot, user]) * program.flag_width[slot]
                gains = program.flag_values[first : first + program.flag_width[slot]]
                add_table(state.row[n_keys + program.flag_set[slot], : len(gains)], gains, by)
                least, most = extremes(gains)
                size += abs(by) * max(abs(least), abs(most))
            elif kind == INTERVAL:
                if program.interval_low[slot, user] < program.interval_high[slot, user]:
                    state.step_low[slot], state.step_high[slot] = (
                        program.interval_low[slot, user],
                        program.interval_high[slot, user],
                    )
                    state.step_gain[slot] = by * program.interval_gain[slot, user]
                    size += abs(state.step_gain[slot])
            elif kind == DOT and program.dot_user_has[slot, user]:
                _fold_product(program, slot, user, by, state)
                size += max(abs(state.dot_otherwise[slot]), abs(state.dot_base[slot]))
                dot_size += state.dot_norm[slot] * index.dot_norm[slot]
            elif kind == DOT:
                constant += by * program.dot_otherwise[slot, user]
                size += abs(by * program.dot_otherwise[slot, user])
    for key in range(n_keys):
        own_tables = 0
        for slot in range(len(program.lookup_key)):
            own_tables += program.lookup_key[slot] == key and not index.shared_row[slot]
        shared = own_tables == 0
        if not shared or state.previous_user[0] < 0:
            fold_whole_row(program, index, key, shared, state)
        if shared:
            fold_entries(program, key, index.key_width[key], user, state)
    for key in range(n_keys, len(index.key_width)):
        finish_row(key, index.key_width[key], state)
    n_parts, n_dimensions = (
        len(program.term_kind) + 2 * len(program.flat_weight) + len(index.key_width) + 8,
        len(state.weighted_vector),
    )
    parts = n_parts * (size + dot_size) + n_dimensions * dot_size
    state.sums[CONSTANT], state.sums[UNFOLDABLE] = constant, uneven
    state.sums[DOUBLE_ERROR], state.sums[SINGLE_ERROR] = 4 * DOUBLE * parts, 2 * SINGLE * parts
    state.previous_user[0] = user
