"""A user's rows: what each code of a key is worth to them."""

from __future__ import annotations

import numpy as np

from scoring.backends.numba.jit import inner
from scoring.backends.numba.user_state import Fold
from scoring.bundle.index import MASK_BITS, SUBSET_BITS, Index
from scoring.bundle.program import Program

__all__ = ["add_table", "extremes", "finish_row", "fold_entries", "fold_whole_row", "lay_out"]


@inner
def _copy(to: np.ndarray, values: np.ndarray) -> None:
    for i in range(len(to)):
        to[i] = values[i]


@inner
def lay_out(p: Program, x: Index, user: int, f: Fold) -> None:
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
def extremes(values: np.ndarray) -> tuple[float, float]:
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
def finish_row(key: int, width: int, f: Fold) -> None:
    """Rounds a row and notes its greatest value."""
    row, single = f.row[key, :width], f.single[key]
    for code in range(len(row)):
        single[code] = np.float32(row[code])
    least, most = extremes(row)
    f.best[key] = f.usual[key] = most
    f.nothing[key] = least == 0.0 and most == 0.0
    _bound_subsets(key, width, f)
    f.own[key] = np.uint64(0)


@inner
def add_table(row: np.ndarray, table: np.ndarray, scale: float) -> None:
    for code in range(len(row)):
        row[code] += scale * table[code]


@inner
def fold_whole_row(p: Program, x: Index, key: int, lone: bool, f: Fold) -> None:
    """Adds the lookups on a key up, for all its codes; without entries where all the tables are lone."""
    row = f.row[key, : x.width[key]]
    for code in range(len(row)):
        row[code] = 0.0
    for slot in range(len(p.lookup_key)):
        if p.lookup_key[slot] == key and f.scale[slot] != 0.0:
            if lone:
                add_table(row, p.lookup_values[p.lookup_table[slot] :], f.scale[slot])
            else:
                add_table(row, f.table[slot], f.scale[slot])
    finish_row(key, x.width[key], f)


@inner
def fold_entries(p: Program, key: int, width: int, user: int, f: Fold) -> None:
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
                    if value != 0.0 or not f.nothing[key]:
                        own |= np.uint64(1) << np.uint64(code % MASK_BITS)
    f.best[key], f.own[key] = best, own
    _bound_subsets(key, width, f)
