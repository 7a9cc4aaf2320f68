"""One user's side of a program under its weights: a row per key, steps, and a vector, ready to meet jobs.

A total is, up to rounding, `constant + score[j] + Σ row[key, code] + Σ steps + <pull, vector[j]> + …`, where every
lookup on the same key has become part of one row. The sums are taken in another order than the canonical ones, so
they are off by at most `fine` (in float64) or `coarse` (in float32): both follow from the usual bound, the number
of operations times the unit roundoff times the sum of the absolute values of all parts (Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed., eq. 4.4), doubled for the canonical sum's own error.
"""

from __future__ import annotations

import numpy as np

from scoring.backends.numba.jit import inner
from scoring.backends.numba.lookup_rows import add_table, extremes, finish_row, fold_entries, fold_whole_row, lay_out
from scoring.backends.numba.user_state import COARSE, CONSTANT, FINE, UNEVEN, Fold
from scoring.bundle.index import Index
from scoring.bundle.program import DOT, FLAGS, INTERVAL, LOOKUP, USER, Program

__all__ = ["fold_user"]

SINGLE = 2.0**-24  # unit roundoffs
DOUBLE = 2.0**-53


@inner
def _fold_flags(p: Program, c: int, user: int, key: int, row: np.ndarray) -> None:
    """A component of flags and user terms over a divisor by flags: more in the row of that set."""
    slot, weight = p.divisor_slot[c], p.flat_weight[c]
    below = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
    for code in range(p.flag_width[slot]):
        value = 0.0
        for t in range(p.term_start[c], p.term_start[c + 1]):
            other = p.term_slot[t]
            if p.term_kind[t] == USER:
                value += p.user_value[other, user]
            else:
                first = p.flag_table[other] + np.int64(p.flag_row[other, user]) * p.flag_width[other]
                value += p.flag_values[first + code]
        row[key, code] += weight * (value / p.flag_values[below + code])


@inner
def _bound_divided(p: Program, x: Index, c: int, user: int, table: np.ndarray) -> tuple[float, float]:
    """(the most that a component with a divisor can add, the size of its parts), weighted."""
    low = high = size = 0.0
    for term in range(p.term_start[c], p.term_start[c + 1]):
        kind, slot = p.term_kind[term], p.term_slot[term]
        least = most = 0.0
        if kind == USER:
            least = most = p.user_value[slot, user]
        elif kind == LOOKUP:
            least, most = extremes(table[slot, : p.lookup_width[slot]])
        elif kind == INTERVAL:
            gain = p.interval_gain[slot, user]
            least, most = min(gain, 0.0), max(gain, 0.0)
        elif kind == FLAGS:
            first = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
            least, most = extremes(p.flag_values[first : first + p.flag_width[slot]])
        elif kind == DOT:
            reach = 0.0
            for d in range(p.dot_start[slot], p.dot_start[slot + 1]):
                reach += np.float64(p.user_vector[user, d]) ** 2
            reach = abs(p.dot_scale[slot]) * np.sqrt(reach) * x.dot_norm[slot] * (1 + 1e-9)
            middle, other = p.dot_scale[slot] * p.dot_shift[slot], p.dot_otherwise[slot, user]
            least, most = min(middle - reach, other), max(middle + reach, other)
        else:
            least, most = x.job_low[slot], x.job_high[slot]
        low, high, size = low + least, high + most, size + max(abs(least), abs(most))
    weight, slot = p.flat_weight[c], p.divisor_slot[c]
    if p.divisor_kind[c] == USER:
        divisor = p.user_value[slot, user]
        return weight * max(low / divisor, high / divisor), weight * size / abs(divisor)
    first = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
    most, smallest = -np.inf, np.inf
    for code in range(p.flag_width[slot]):
        divisor = p.flag_values[first + code]
        most = max(most, max(low / divisor, high / divisor))
        smallest = min(smallest, abs(divisor))
    return weight * most, weight * size / smallest


@inner
def _fold_product(p: Program, slot: int, user: int, by: float, f: Fold) -> None:
    """A product with a user that has a vector."""
    gain, square = by * p.dot_scale[slot], 0.0
    for d in range(p.dot_start[slot], p.dot_start[slot + 1]):
        part = gain * np.float64(p.user_vector[user, d])
        f.pull[d] = part
        f.pull_single[d] = np.float32(part)
        square += part * part
    f.on[slot] = True
    f.dot_base[slot], f.dot_other[slot] = gain * p.dot_shift[slot], by * p.dot_otherwise[slot, user]
    f.dot_norm[slot] = np.sqrt(square) * (1 + 1e-6)


@inner
def fold_user(p: Program, x: Index, user: int, f: Fold) -> None:
    """Fills `f` for this user."""
    lay_out(p, x, user, f)
    n_keys = len(p.key_code)  # the keys from here on are sets of flags
    for key in range(n_keys, len(x.width)):
        for code in range(x.width[key]):
            f.row[key, code] = 0.0
    f.scale[:] = 0.0
    f.step_gain[:] = 0.0
    f.on[:] = False
    f.pull[:] = 0.0
    f.pull_single[:] = 0.0
    constant = uneven = dot_size = 0.0
    size = x.largest
    for c in range(len(p.flat_weight)):
        weight = p.flat_weight[c]
        if weight == 0.0:
            continue
        if not x.even[c] or p.divisor_kind[c] == FLAGS:
            most, parts = _bound_divided(p, x, c, user, f.table)
            size += parts
            if x.even[c]:
                _fold_flags(p, c, user, n_keys + p.flag_set[p.divisor_slot[c]], f.row)
            else:
                uneven += most
            continue
        by = weight / p.user_value[p.divisor_slot[c], user] if p.divisor_kind[c] == USER else weight
        for term in range(p.term_start[c], p.term_start[c + 1]):
            kind, slot = p.term_kind[term], p.term_slot[term]
            if kind == USER:
                constant += by * p.user_value[slot, user]
                size += abs(by * p.user_value[slot, user])
            elif kind == LOOKUP:
                f.scale[slot] = by
                size += abs(by) * x.lookup_largest[slot]
            elif kind == FLAGS:
                first = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
                gains = p.flag_values[first : first + p.flag_width[slot]]
                add_table(f.row[n_keys + p.flag_set[slot], : len(gains)], gains, by)
                least, most = extremes(gains)
                size += abs(by) * max(abs(least), abs(most))
            elif kind == INTERVAL:
                if p.interval_low[slot, user] < p.interval_high[slot, user]:
                    f.step_low[slot], f.step_high[slot] = p.interval_low[slot, user], p.interval_high[slot, user]
                    f.step_gain[slot] = by * p.interval_gain[slot, user]
                    size += abs(f.step_gain[slot])
            elif kind == DOT and p.dot_user_has[slot, user]:
                _fold_product(p, slot, user, by, f)
                size += max(abs(f.dot_other[slot]), abs(f.dot_base[slot]))
                dot_size += f.dot_norm[slot] * x.dot_norm[slot]
            elif kind == DOT:
                constant += by * p.dot_otherwise[slot, user]
                size += abs(by * p.dot_otherwise[slot, user])
    for key in range(n_keys):
        own_tables = 0
        for slot in range(len(p.lookup_key)):
            own_tables += p.lookup_key[slot] == key and not x.lone[slot]
        lone = own_tables == 0
        if not lone or f.before[0] < 0:
            fold_whole_row(p, x, key, lone, f)
        if lone:
            fold_entries(p, key, x.width[key], user, f)
    for key in range(n_keys, len(x.width)):
        finish_row(key, x.width[key], f)
    n_parts, n_dimensions = len(p.term_kind) + 2 * len(p.flat_weight) + len(x.width) + 8, len(f.pull)
    parts = n_parts * (size + dot_size) + n_dimensions * dot_size
    f.sums[CONSTANT], f.sums[UNEVEN] = constant, uneven
    f.sums[FINE], f.sums[COARSE] = 4 * DOUBLE * parts, 2 * SINGLE * parts
    f.before[0] = user
