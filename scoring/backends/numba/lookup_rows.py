"""Lookup rows of one user: what each code of a key adds to the score."""

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
def lay_out(program: Program, index: Index, user: int, state: Fold) -> None:
    """Fill the canonical rows. In a table whose single row all users share, only the user's entries are updated."""
    before = state.before[0]
    for slot in range(len(program.lookup_table)):
        first = program.lookup_table[slot] + np.int64(program.lookup_row[slot, user]) * program.lookup_width[slot]
        if index.lone[slot] and before >= 0:
            for entry in range(program.entry_start[slot, before], program.entry_start[slot, before + 1]):
                code = program.entry_code[entry]
                state.table[slot, code] = program.lookup_values[first + code]
        else:
            _copy(state.table[slot, : program.lookup_width[slot]], program.lookup_values[first:])
        for entry in range(program.entry_start[slot, user], program.entry_start[slot, user + 1]):
            state.table[slot, program.entry_code[entry]] = program.entry_value[entry]


@inner(fastmath={"nnan", "nsz"})
def extremes(values: np.ndarray) -> tuple[float, float]:
    """Return (least, greatest)."""
    least, most = np.inf, -np.inf
    for i in range(len(values)):
        least, most = min(least, values[i]), max(most, values[i])
    return least, most


@inner
def _bound_subsets(key: int, width: int, state: Fold) -> None:
    if width <= SUBSET_BITS:
        row, subset = state.row[key], state.of_subset[key]
        for code in range(width):
            size = 1 << code
            for codes in range(size):
                subset[size + codes] = max(subset[codes], row[code])


@inner
def finish_row(key: int, width: int, state: Fold) -> None:
    """Store the row in float32 with its greatest value, and clear `own`."""
    row, single = state.row[key, :width], state.single[key]
    for code in range(len(row)):
        single[code] = np.float32(row[code])
    least, most = extremes(row)
    state.best[key] = state.usual[key] = most
    state.nothing[key] = least == 0.0 and most == 0.0
    _bound_subsets(key, width, state)
    state.own[key] = np.uint64(0)


@inner
def add_table(row: np.ndarray, table: np.ndarray, scale: float) -> None:
    for code in range(len(row)):
        row[code] += scale * table[code]


@inner
def fold_whole_row(program: Program, index: Index, key: int, lone: bool, state: Fold) -> None:
    """Add up the lookups on a key for all its codes. The user's entries are left out if `lone` is true."""
    row = state.row[key, : index.width[key]]
    for code in range(len(row)):
        row[code] = 0.0
    for slot in range(len(program.lookup_key)):
        if program.lookup_key[slot] == key and state.scale[slot] != 0.0:
            if lone:
                add_table(row, program.lookup_values[program.lookup_table[slot] :], state.scale[slot])
            else:
                add_table(row, state.table[slot], state.scale[slot])
    finish_row(key, index.width[key], state)


@inner
def fold_entries(program: Program, key: int, width: int, user: int, state: Fold) -> None:
    """Replace the previous user's entries by this user's in a row whose tables all users share."""
    before, best, own = state.before[0], state.usual[key], np.uint64(0)
    for slot in range(len(program.lookup_key)):
        if program.lookup_key[slot] != key:
            continue
        for whose in (before, user):
            if whose < 0:
                continue
            for entry in range(program.entry_start[slot, whose], program.entry_start[slot, whose + 1]):
                code = program.entry_code[entry]
                value = 0.0
                for other in range(len(program.lookup_key)):
                    if program.lookup_key[other] == key:
                        value += state.scale[other] * state.table[other, code]
                state.row[key, code] = value
                state.single[key, code] = np.float32(value)
                if whose == user:
                    best = max(best, value)
                    if value != 0.0 or not state.nothing[key]:
                        own |= np.uint64(1) << np.uint64(code % MASK_BITS)
    state.best[key], state.own[key] = best, own
    _bound_subsets(key, width, state)
