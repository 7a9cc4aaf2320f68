"""Bounds of all cells for one user, and the promising cells in order.

Loops run over views that begin at 0: where an index might be negative for all that the compiler knows, it cannot use
vector instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scoring.kernels.compiled import inner
from scoring.kernels.index import Index

__all__ = ["BINS", "CHUNK", "bound_cells", "collect", "count_from", "greatest", "put_in_order"]

CHUNK = 64
"""Values that are compared at once."""
BINS = 64
"""Steps in which promising cells are put in order."""


@inner
def _bound_gathered(best: np.ndarray, base: float, row: np.ndarray, code: np.ndarray, bound: np.ndarray) -> None:
    for i in range(len(bound)):
        bound[i] = best[i] + base + row[code[i]]


@inner
def _bound_row(best: np.ndarray, base: float, row: np.ndarray, bound: np.ndarray) -> None:
    for i in range(len(bound)):
        bound[i] = best[i] + (base + row[i])


@inner
def bound_cells(x: Index, rows: np.ndarray, bound: np.ndarray) -> None:
    """bound[cell] = its best job score and what the ordered keys add."""
    zero, n_ordered = np.float32(0.0), len(x.ordered)
    for group in range(len(x.group_cell) - 1):
        first, last = x.group_cell[group], x.group_cell[group + 1]
        here, best = bound[first:last], x.cell_best[first:last]
        if n_ordered == 0:
            for i in range(len(here)):
                here[i] = best[i]
        elif n_ordered == 1:
            _bound_gathered(best, zero, rows[x.ordered[0]], x.cell_code[0, first:last], here)
        else:
            base = rows[x.ordered[0], x.cell_code[0, first]]
            if x.grid:
                _bound_row(best, base, rows[x.ordered[1]], here)
            else:
                _bound_gathered(best, base, rows[x.ordered[1]], x.cell_code[1, first:last], here)
            for place in range(2, n_ordered):
                _bound_gathered(here, zero, rows[x.ordered[place]], x.cell_code[place, first:last], here)


@inner(fastmath={"nnan", "nsz"})
def _raise_lanes(lanes: np.ndarray, values: np.ndarray) -> None:
    for i in range(len(values)):
        lanes[i] = values[i] if values[i] > lanes[i] else lanes[i]


@inner
def greatest(values: np.ndarray, lanes: np.ndarray) -> float:
    """`lanes` (CHUNK,) is room: one running maximum cannot be kept in vectors, many can (10 times as fast)."""
    for i in range(len(lanes)):
        lanes[i] = -np.inf
    for first in range(0, len(values), CHUNK):
        _raise_lanes(lanes, values[first : min(first + CHUNK, len(values))])
    top = lanes[0]
    for i in range(1, len(lanes)):
        top = max(top, lanes[i])
    return top


@inner
def count_from(values: np.ndarray, low: float) -> np.int32:
    """How many are `low` or more."""
    count = np.int32(0)
    for i in range(len(values)):
        count += np.int32(values[i] >= low)
    return count


@inner
def collect(bound: np.ndarray, low: float, high: float, found: np.ndarray) -> int:
    """Puts the cells with low <= bound < high into `found`; returns how many there are."""
    size = 0
    for first in range(0, len(bound), CHUNK):
        here = bound[first : min(first + CHUNK, len(bound))]
        if count_from(here, low):
            for i in range(len(here)):
                if low <= here[i] and here[i] < high:
                    found[size] = first + i
                    size += 1
    return size


@inner
def put_in_order(
    bound: np.ndarray, found: np.ndarray, size: int, top: float, start: np.ndarray, ordered: np.ndarray
) -> None:
    """Copies `found` to `ordered` by descending bound, up to the width of a bin; `start` (BINS + 1,) is room."""
    low = top
    for i in range(size):
        low = min(low, bound[found[i]])
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
