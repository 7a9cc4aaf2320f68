"""One user's side of a program under its weights: a row per key, steps, and a vector, ready to meet jobs.

A total is, up to rounding, `constant + score[j] + Σ row[key, code] + Σ steps + <pull, vector[j]> + …`, where every
lookup on the same key has become part of one row. The sums are taken in another order than the canonical ones, so
they are off by at most `fine` (in float64) or `coarse` (in float32): both follow from the usual bound, the number
of operations times the unit roundoff times the sum of the absolute values of all parts (Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed., eq. 4.4), doubled for the canonical sum's own error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.kernels.compiled import inner
from scoring.kernels.index import MASK_BITS, Index, UInt64s
from scoring.kernels.program import DOT, FLAGS, INTERVAL, LOOKUP, USER, Floats, Int32s, Int64s, Program, Singles

__all__ = ["COARSE", "CONSTANT", "FINE", "SUBSET_BITS", "UNEVEN", "Fold", "fold_user", "new_fold"]

SUBSET_BITS = 8
SINGLE = 2.0**-24  # unit roundoffs
DOUBLE = 2.0**-53


class Fold(NamedTuple):
    """Room for one user's side, used again for the next user."""

    before: Int64s  # (1,) the user folded here last, -1: none
    table: Floats  # (n_lookups, widest) canonical rows
    scale: Floats  # (n_lookups,) what a lookup's row is multiplied by
    row: Floats  # (n_keys, widest)
    single: Singles  # (n_keys, widest) the same, rounded
    nothing: NDArray[np.bool_]  # (n_keys,) the row is all 0
    best: Floats  # (n_keys,) greatest of the row
    of_subset: Floats  # (n_keys, 2 ** SUBSET_BITS) greatest of the codes in a mask, for keys with few codes
    usual: Floats  # (n_keys,) greatest where no code of `own` is, for keys with lone tables
    own: UInt64s  # (n_keys,) mask of the codes with an entry
    step_low: Int32s  # (n_intervals,) ranks low…high - 1 gain `step_gain`
    step_high: Int32s
    step_gain: Floats
    on: NDArray[np.bool_]  # (n_dots,) the user has a vector, and it counts
    dot_base: Floats  # (n_dots,) what a job with a vector gets beside the product
    dot_other: Floats  # (n_dots,) what one without gets
    dot_norm: Floats  # (n_dots,) of that part of `pull`, rounded up
    pull: Floats  # (d,) the user's vector with all factors in it; 0 where not `on`
    pull_single: Singles  # (d,)
    sums: Floats  # (4,) at CONSTANT, UNEVEN (the most that components that do not fold can add), FINE, COARSE


CONSTANT, UNEVEN, FINE, COARSE = range(4)


def new_fold(p: Program, x: Index) -> Fold:
    """Room for one user."""
    n_lookups, n_keys, n_steps, n_dots = len(p.lookup_key), len(x.width), len(p.interval_number), len(p.dot_scale)
    widest, d = int(x.width.max(initial=1)), p.user_vector.shape[1]
    return Fold(
        before=np.full(1, -1, dtype=np.int64),
        table=np.zeros((n_lookups, widest)),
        scale=np.zeros(n_lookups),
        row=np.zeros((n_keys, widest)),
        single=np.zeros((n_keys, widest), dtype=np.float32),
        nothing=np.zeros(n_keys, dtype=np.bool_),
        best=np.zeros(n_keys),
        of_subset=np.full((n_keys, 2**SUBSET_BITS), -np.inf),
        usual=np.zeros(n_keys),
        own=np.zeros(n_keys, dtype=np.uint64),
        step_low=np.zeros(n_steps, dtype=np.int32),
        step_high=np.zeros(n_steps, dtype=np.int32),
        step_gain=np.zeros(n_steps),
        on=np.zeros(n_dots, dtype=np.bool_),
        dot_base=np.zeros(n_dots),
        dot_other=np.zeros(n_dots),
        dot_norm=np.zeros(n_dots),
        pull=np.zeros(d),
        pull_single=np.zeros(d, dtype=np.float32),
        sums=np.zeros(4),
    )


@inner
def _copy(to: np.ndarray, values: np.ndarray) -> None:
    for i in range(len(to)):
        to[i] = values[i]


@inner
def _lay_out(p: Program, x: Index, user: int, f: Fold) -> None:
    """Lays out the canonical rows. Of a table that is one row for all, only entries change from user to user."""
    before = f.before[0]
    for slot in range(len(p.lookup_table)):
        first = p.lookup_table[slot] + np.int64(p.lookup_row[slot, user]) * p.lookup_width[slot]
        if x.lone[slot] and before >= 0:
            for entry in range(p.entry_start[slot, before], p.entry_start[slot, before + 1]):
                code = p.entry_code[entry]
                f.table[slot, code] = p.lookup_values[first + code]
        else:
            _copy(f.table[slot, : p.lookup_width[slot]], p.lookup_values[first:])
        for entry in range(p.entry_start[slot, user], p.entry_start[slot, user + 1]):
            f.table[slot, p.entry_code[entry]] = p.entry_value[entry]


@inner(fastmath={"nnan", "nsz"})
def _extremes(values: np.ndarray) -> tuple[float, float]:
    """(least, greatest)."""
    least, most = np.inf, -np.inf
    for i in range(len(values)):
        least, most = min(least, values[i]), max(most, values[i])
    return least, most


@inner
def _bound_subsets(key: int, width: int, f: Fold) -> None:
    if width <= SUBSET_BITS:
        row, subset = f.row[key], f.of_subset[key]
        for code in range(width):
            size = 1 << code
            for codes in range(size):
                subset[size + codes] = max(subset[codes], row[code])


@inner
def _finish_row(key: int, width: int, f: Fold) -> None:
    """Rounds a row and notes its greatest value."""
    row, single = f.row[key, :width], f.single[key]
    for code in range(len(row)):
        single[code] = np.float32(row[code])
    least, most = _extremes(row)
    f.best[key] = f.usual[key] = most
    f.nothing[key] = least == 0.0 and most == 0.0
    _bound_subsets(key, width, f)
    f.own[key] = np.uint64(0xFFFFFFFFFFFFFFFF)


@inner
def _add_table(row: np.ndarray, table: np.ndarray, scale: float) -> None:
    for code in range(len(row)):
        row[code] += scale * table[code]


@inner
def _fold_whole_row(p: Program, x: Index, key: int, lone: bool, f: Fold) -> None:
    """Adds the lookups on a key up, for all its codes; without entries where all the tables are lone."""
    row = f.row[key, : x.width[key]]
    for code in range(len(row)):
        row[code] = 0.0
    for slot in range(len(p.lookup_key)):
        if p.lookup_key[slot] == key and f.scale[slot] != 0.0:
            if lone:
                _add_table(row, p.lookup_values[p.lookup_table[slot] :], f.scale[slot])
            else:
                _add_table(row, f.table[slot], f.scale[slot])
    _finish_row(key, x.width[key], f)


@inner
def _fold_entries(p: Program, key: int, width: int, user: int, f: Fold) -> None:
    """In a row of lone tables, takes the last user's entries out and puts this one's in."""
    before, best, own = f.before[0], f.usual[key], np.uint64(0)
    for slot in range(len(p.lookup_key)):
        if p.lookup_key[slot] != key:
            continue
        for whose in (before, user):
            if whose < 0:
                continue
            for entry in range(p.entry_start[slot, whose], p.entry_start[slot, whose + 1]):
                code = p.entry_code[entry]
                value = 0.0
                for other in range(len(p.lookup_key)):
                    if p.lookup_key[other] == key:
                        value += f.scale[other] * f.table[other, code]
                f.row[key, code] = value
                f.single[key, code] = np.float32(value)
                if whose == user:
                    best = max(best, value)
                    f.nothing[key] &= value == 0.0  # (stays False for the next users: no harm, only some work)
                    own |= np.uint64(1) << np.uint64(code % MASK_BITS)
    f.best[key], f.own[key] = best, own
    _bound_subsets(key, width, f)


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
            least, most = _extremes(table[slot, : p.lookup_width[slot]])
        elif kind == INTERVAL:
            gain = p.interval_gain[slot, user]
            least, most = min(gain, 0.0), max(gain, 0.0)
        elif kind == FLAGS:
            first = p.flag_table[slot] + np.int64(p.flag_row[slot, user]) * p.flag_width[slot]
            least, most = _extremes(p.flag_values[first : first + p.flag_width[slot]])
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
    _lay_out(p, x, user, f)
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
                _add_table(f.row[n_keys + p.flag_set[slot], : len(gains)], gains, by)
                least, most = _extremes(gains)
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
            _fold_whole_row(p, x, key, lone, f)
        if lone:
            _fold_entries(p, key, x.width[key], user, f)
    for key in range(n_keys, len(x.width)):
        _finish_row(key, x.width[key], f)
    n_parts, n_dimensions = len(p.term_kind) + 2 * len(p.flat_weight) + len(x.width) + 8, len(f.pull)
    parts = n_parts * (size + dot_size) + n_dimensions * dot_size
    f.sums[CONSTANT], f.sums[UNEVEN] = constant, uneven
    f.sums[FINE], f.sums[COARSE] = 4 * DOUBLE * parts, 2 * SINGLE * parts
    f.before[0] = user
