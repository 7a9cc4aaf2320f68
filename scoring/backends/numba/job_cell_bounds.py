"""Upper bounds of all cells for one user, and the candidate cells in descending order of their bounds.

Loops run over views that begin at 0. The compiler cannot use vector instructions for an index that may be negative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scoring.backends.numba.jit import internal
from scoring.backends.numba.simd_blocks import lowest_bit, mask_of_chunk
from scoring.backends.numba.user_state import UserState
from scoring.bundle.block_index import Index
from scoring.bundle.program import Program

__all__ = [
    "BINS",
    "CHUNK",
    "bound_cells",
    "collect_cells",
    "count_at_least",
    "maximum",
    "order_by_bin",
    "raise_exception_cells",
]

CHUNK = 64
"""Number of values compared at once."""
RAISED_SHARE = 4
"""Cell bounds are not raised for a key if more than 1 / RAISED_SHARE of the cells would be raised."""
BINS = 64
"""Number of bins in which candidate cells are sorted by bound."""


@internal
def _bound_gathered(best: np.ndarray, base: float, row: np.ndarray, code: np.ndarray, bound: np.ndarray) -> None:
    for i in range(len(bound)):
        bound[i] = best[i] + base + row[code[i]]


@internal
def _bound_row(best: np.ndarray, base: float, row: np.ndarray, bound: np.ndarray) -> None:
    for i in range(len(bound)):
        bound[i] = best[i] + (base + row[i])


@internal
def bound_cells(index: Index, user: int, rows: np.ndarray, bound: np.ndarray) -> None:
    """Set bound[cell] to the cell's best job score for the user's class plus what the cell keys add."""
    zero, n_cell_keys = np.float32(0.0), len(index.cell_keys)
    of_class = index.cell_best[index.class_of_user[user]]
    for group in range(len(index.group_cell) - 1):
        first, last = index.group_cell[group], index.group_cell[group + 1]
        group_bound, best = bound[first:last], of_class[first:last]
        if n_cell_keys == 0:
            for i in range(len(group_bound)):
                group_bound[i] = best[i]
        elif n_cell_keys == 1:
            _bound_gathered(best, zero, rows[index.cell_keys[0]], index.cell_code[0, first:last], group_bound)
        else:
            base = rows[index.cell_keys[0], index.cell_code[0, first]]
            if index.is_grid:
                _bound_row(best, base, rows[index.cell_keys[1]], group_bound)
            else:
                _bound_gathered(best, base, rows[index.cell_keys[1]], index.cell_code[1, first:last], group_bound)
            for place in range(2, n_cell_keys):
                _bound_gathered(
                    group_bound,
                    zero,
                    rows[index.cell_keys[place]],
                    index.cell_code[place, first:last],
                    group_bound,
                )


@internal
def raise_exception_cells(program: Program, index: Index, state: UserState, user: int, bound: np.ndarray) -> float:
    """Raise the bounds of cells with codes for which the user has exceptions; return the reduction for all others.

    A user's companies and titles are few, and each occurs in few cells. Elsewhere, a key adds
    at most `state.default_best`.
    """
    reduction = 0.0
    for place in range(len(index.sparse_keys)):
        key, start, n_raised = index.sparse_keys[place], index.code_cell_start[place], 0
        for slot in range(len(program.lookup_key)):
            if program.lookup_key[slot] == key:
                for entry in range(program.entry_start[slot, user], program.entry_start[slot, user + 1]):
                    n_raised += start[program.entry_code[entry] + 1] - start[program.entry_code[entry]]
        if n_raised > len(bound) // RAISED_SHARE or state.best[key] == state.default_best[key]:
            continue
        reduction += state.best[key] - state.default_best[key]
        for slot in range(len(program.lookup_key)):
            if program.lookup_key[slot] == key:
                for entry in range(program.entry_start[slot, user], program.entry_start[slot, user + 1]):
                    code = program.entry_code[entry]
                    gain = np.float32(max(state.row[key, code] - state.default_best[key], 0.0))
                    for i in range(start[code], start[code + 1]):
                        bound[index.code_cell[i]] += gain
    return reduction


@internal(fastmath={"nnan", "nsz"})
def _raise_lanes(lanes: np.ndarray, values: np.ndarray) -> None:
    for i in range(len(values)):
        lanes[i] = values[i] if values[i] > lanes[i] else lanes[i]


@internal
def maximum(values: np.ndarray, lanes: np.ndarray) -> float:
    """Return the maximum of `values`. `lanes` (CHUNK,) is scratch memory.

    With one running maximum per lane the compiler can use vector instructions (10 times as fast).
    """
    for i in range(len(lanes)):
        lanes[i] = -np.inf
    for first in range(0, len(values), CHUNK):
        _raise_lanes(lanes, values[first : min(first + CHUNK, len(values))])
    top = lanes[0]
    for i in range(1, len(lanes)):
        top = max(top, lanes[i])
    return top


@internal
def count_at_least(values: np.ndarray, low: float) -> np.int32:
    """Return how many values are at least `low`."""
    count = np.int32(0)
    for i in range(len(values)):
        count += np.int32(values[i] >= low)
    return count


@internal
def collect_cells(bound: np.ndarray, low: float, high: float, found: np.ndarray) -> int:
    """Write the cells with low <= bound < high to `found`; return their number.

    The length of `bound` is a multiple of CHUNK.
    """
    size: Any = np.int64(0)
    for first in range(0, len(bound), CHUNK):
        bits = mask_of_chunk(bound, first, low, high)
        while bits:
            found[size] = first + lowest_bit(bits)
            size += 1
            bits &= bits - np.uint64(1)
    return size


@internal
def order_by_bin(bound: np.ndarray, found: np.ndarray, size: int, start: np.ndarray, ordered: np.ndarray) -> None:
    """Copy `found` to `ordered` by descending bound, sorted by bin only. `start` (BINS + 1,) is scratch memory."""
    low, top = np.float32(np.inf), np.float32(-np.inf)
    for i in range(size):
        low, top = min(low, bound[found[i]]), max(top, bound[found[i]])
    start[:] = 0
    span: Any = top - low
    scale = np.float32(BINS) / max(span, np.float32(1e-30))
    for i in range(size):
        start[min(BINS - 1, int((top - bound[found[i]]) * scale)) + 1] += 1
    for b in range(BINS):
        start[b + 1] += start[b]
    for i in range(size):
        b = min(BINS - 1, int((top - bound[found[i]]) * scale))
        ordered[start[b]] = found[i]
        start[b] += 1
