"""Lookup rows of one user: what each code of a key adds to the score."""

from __future__ import annotations

import numpy as np

from scoring.backends.numba.jit import internal
from scoring.backends.numba.user_state import UserState
from scoring.bundle.block_index import MASK_BITS, SUBSET_BITS, Index
from scoring.bundle.program import Program

__all__ = ["add_table", "extremes", "fill_canonical_rows", "finish_row", "fold_entries", "fold_whole_row"]


@internal
def _copy(to: np.ndarray, values: np.ndarray) -> None:
    for i in range(len(to)):
        to[i] = values[i]


@internal
def fill_canonical_rows(program: Program, index: Index, user: int, state: UserState) -> None:
    """Fill the canonical rows. In a table whose single row all users share, only the user's entries are updated."""
    previous = state.previous_user[0]
    for slot in range(len(program.lookup_table)):
        first = program.lookup_table[slot] + np.int64(program.lookup_row[slot, user]) * program.lookup_width[slot]
        if index.shared_row[slot] and previous >= 0:
            for entry in range(program.entry_start[slot, previous], program.entry_start[slot, previous + 1]):
                code = program.entry_code[entry]
                state.canonical_row[slot, code] = program.lookup_values[first + code]
        else:
            _copy(state.canonical_row[slot, : program.lookup_width[slot]], program.lookup_values[first:])
        for entry in range(program.entry_start[slot, user], program.entry_start[slot, user + 1]):
            state.canonical_row[slot, program.entry_code[entry]] = program.entry_value[entry]


@internal(fastmath={"nnan", "nsz"})
def extremes(values: np.ndarray) -> tuple[float, float]:
    """Return (least, greatest)."""
    least, most = np.inf, -np.inf
    for i in range(len(values)):
        least, most = min(least, values[i]), max(most, values[i])
    return least, most


@internal
def _bound_subsets(key: int, width: int, state: UserState) -> None:
    if width <= SUBSET_BITS:
        row, subset = state.row[key], state.subset_best[key]
        for code in range(width):
            size = 1 << code
            for codes in range(size):
                subset[size + codes] = max(subset[codes], row[code])


@internal
def finish_row(key: int, width: int, state: UserState) -> None:
    """Store the row in float32 with its maximum, and clear `exception_codes`."""
    row, single = state.row[key, :width], state.row_single[key]
    for code in range(len(row)):
        single[code] = np.float32(row[code])
    least, most = extremes(row)
    state.best[key] = state.default_best[key] = most
    state.is_zero[key] = least == 0.0 and most == 0.0
    _bound_subsets(key, width, state)
    state.exception_codes[key] = np.uint64(0)


@internal
def add_table(row: np.ndarray, table: np.ndarray, scale: float) -> None:
    for code in range(len(row)):
        row[code] += scale * table[code]


@internal
def fold_whole_row(program: Program, index: Index, key: int, shared: bool, state: UserState) -> None:
    """Add up the lookups on a key for all its codes. The user's entries are omitted if all users share the tables."""
    row = state.row[key, : index.key_width[key]]
    for code in range(len(row)):
        row[code] = 0.0
    for slot in range(len(program.lookup_key)):
        if program.lookup_key[slot] == key and state.lookup_scale[slot] != 0.0:
            if shared:
                add_table(row, program.lookup_values[program.lookup_table[slot] :], state.lookup_scale[slot])
            else:
                add_table(row, state.canonical_row[slot], state.lookup_scale[slot])
    finish_row(key, index.key_width[key], state)


@internal
def fold_entries(program: Program, key: int, width: int, user: int, state: UserState) -> None:
    """Replace the previous user's entries by this user's in a row whose tables all users share."""
    previous, best, codes_of_user = state.previous_user[0], state.default_best[key], np.uint64(0)
    for slot in range(len(program.lookup_key)):
        if program.lookup_key[slot] != key:
            continue
        for owner in (previous, user):
            if owner < 0:
                continue
            for entry in range(program.entry_start[slot, owner], program.entry_start[slot, owner + 1]):
                code = program.entry_code[entry]
                value = 0.0
                for other in range(len(program.lookup_key)):
                    if program.lookup_key[other] == key:
                        value += state.lookup_scale[other] * state.canonical_row[other, code]
                state.row[key, code] = value
                state.row_single[key, code] = np.float32(value)
                if owner == user:
                    best = max(best, value)
                    if value != 0.0 or not state.is_zero[key]:
                        codes_of_user |= np.uint64(1) << np.uint64(code % MASK_BITS)
    state.best[key], state.exception_codes[key] = best, codes_of_user
    _bound_subsets(key, width, state)
