"""NumPy versions of the functions in `simd_blocks`. Tests compare with them; they run where kernels are not compiled.

Shapes: `value`, `source`, `rank` and `has` are (BLOCK_JOBS,) or longer, of a block's jobs. All others are scalars.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Ints
from scoring.bundle.block_index import BLOCK_JOBS

__all__ = ["add_in_interval", "add_where", "copy", "lowest_bit", "mask_of_block", "mask_of_chunk", "multiply"]

Floats = NDArray[np.float32]


def copy(value: Floats, source: Floats) -> None:
    """Set value = source."""
    value[:BLOCK_JOBS] = source[:BLOCK_JOBS]


def add_in_interval(value: Floats, rank: Ints, low: int, high: int, gain: float) -> None:
    """Add `gain` to `value` where low <= rank < high."""
    inside = (low <= rank[:BLOCK_JOBS]) & (rank[:BLOCK_JOBS] < high)
    value[:BLOCK_JOBS] += np.where(inside, np.float32(gain), np.float32(0))


def add_where(value: Floats, has: Ints, yes: float, no: float) -> None:
    """Add `yes` to `value` where `has` is not 0, `no` elsewhere."""
    value[:BLOCK_JOBS] += np.where(has[:BLOCK_JOBS] != 0, np.float32(yes), np.float32(no))


def multiply(value: Floats, vectors: Floats, by: Floats) -> None:
    """Set value = by @ vectors. `vectors` (d, BLOCK_JOBS) is C-contiguous; `by` is (d,). Sums have any order."""
    value[:BLOCK_JOBS] = by @ vectors[:, :BLOCK_JOBS]


def mask_of_chunk(values: Floats, first: int, low: float, high: float) -> np.uint64:
    """Return a mask of the next 64 values. Bit i is set if low <= values[first + i] < high."""
    return _between(values[first : first + 64], low, high)


def mask_of_block(values: Floats, first: int, low: float, high: float) -> np.uint64:
    """Return a mask of the next BLOCK_JOBS values. Bit i is set if low <= values[first + i] < high."""
    return _between(values[first : first + BLOCK_JOBS], low, high)


def lowest_bit(bits: np.uint64) -> int:
    """Return the index of the lowest set bit. `bits` is not 0."""
    return (int(bits) & -int(bits)).bit_length() - 1


def _between(values: Floats, low: float, high: float) -> np.uint64:
    inside = (np.float32(low) <= values) & (values < np.float32(high))
    return np.uint64(sum(1 << place for place in np.flatnonzero(inside).tolist()))
