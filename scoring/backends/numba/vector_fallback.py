"""What `vectors` does, written out: the forms to compare with, and to run where kernels are not compiled.

Shapes: `value`, `source`, `rank`, `has` (BLOCK_JOBS,) of a block's jobs, of arrays that may be longer; numbers else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Ints
from scoring.bundle.index import BLOCK_JOBS

__all__ = ["add_either", "add_inside", "copy", "lowest_bit", "which_of_block", "which_of_many"]

Floats = NDArray[np.float32]


def copy(value: Floats, source: Floats) -> None:
    """value = source"""
    value[:BLOCK_JOBS] = source[:BLOCK_JOBS]


def add_inside(value: Floats, rank: Ints, low: int, high: int, gain: float) -> None:
    """value += gain where low <= rank < high"""
    inside = (low <= rank[:BLOCK_JOBS]) & (rank[:BLOCK_JOBS] < high)
    value[:BLOCK_JOBS] += np.where(inside, np.float32(gain), np.float32(0))


def add_either(value: Floats, has: Ints, yes: float, no: float) -> None:
    """value += yes where has, else no"""
    value[:BLOCK_JOBS] += np.where(has[:BLOCK_JOBS] != 0, np.float32(yes), np.float32(no))


def which_of_many(values: Floats, first: int, low: float, high: float) -> np.uint64:
    """Bit i says whether low <= values[first + i] < high, for the next 64 values."""
    return _between(values[first : first + 64], low, high)


def which_of_block(values: Floats, first: int, low: float, high: float) -> np.uint64:
    """The same for the next BLOCK_JOBS values."""
    return _between(values[first : first + BLOCK_JOBS], low, high)


def lowest_bit(bits: np.uint64) -> int:
    """The place of the lowest bit that is set; there is one."""
    return (int(bits) & -int(bits)).bit_length() - 1


def _between(values: Floats, low: float, high: float) -> np.uint64:
    inside = (np.float32(low) <= values) & (values < np.float32(high))
    return np.uint64(sum(1 << place for place in np.flatnonzero(inside).tolist()))
