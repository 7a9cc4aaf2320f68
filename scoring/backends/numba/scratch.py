"""Scratch arrays of a thread that computes lists."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Singles, UInt32s, UInt64s
from scoring.backends.numba.cells import BINS, CHUNK
from scoring.bundle.index import BLOCK_JOBS, Index
from scoring.bundle.program import Program

__all__ = ["Scratch", "new_scratch"]


KEYS = 32
"""Number of keys compared at once."""


class Scratch(NamedTuple):
    """Scratch arrays of a thread that computes lists of up to k jobs."""

    marks: NDArray[np.bool_]  # (m,) may not be shown to the current user; all False between users
    bound: Singles  # (n_cells,) padded with -infinity to a multiple of CHUNK
    lanes: Singles  # (CHUNK,)
    found: Ints  # (n_cells,)
    ordered: Ints  # (n_cells,)
    start: Ints  # (BINS + 1,)
    scores: Singles  # (k,) the current list
    turns: Ints  # (k,)
    jobs: Ints  # (k,)
    tried: Ints  # (k,) jobs that were offered first
    keys: UInt64s  # (1 + a multiple of KEYS,) the list as keys of `top_list.key_of`, after a key above all others
    spare_keys: UInt64s
    key_score: Singles  # (1,) the same memory as `key_bits`
    key_bits: UInt32s
    dots: Singles  # (n_dots,)
    value: Singles  # (BLOCK_JOBS,)
    canonical: Floats  # (k, 4)
    one_job: Ints  # (1,)
    one_score: Floats  # (1, 4)


def new_scratch(program: Program, index: Index, k: int) -> Scratch:
    padded, key_bits = -(-k // KEYS) * KEYS, np.zeros(1, np.uint32)
    n_cells = index.cell_best.shape[1]
    return Scratch(
        marks=np.zeros(len(index.turn), dtype=np.bool_),
        bound=np.full(-(-n_cells // CHUNK) * CHUNK, -np.inf, np.float32),
        lanes=np.empty(CHUNK, np.float32),
        found=np.empty(n_cells, np.int32),
        ordered=np.empty(n_cells, np.int32),
        start=np.empty(BINS + 1, np.int32),
        scores=np.empty(k, np.float32),
        turns=np.empty(k, np.int32),
        jobs=np.empty(k, np.int32),
        tried=np.empty(k, np.int32),
        keys=np.full(1 + padded, 2**64 - 1, np.uint64),
        spare_keys=np.zeros(padded, np.uint64),
        key_score=key_bits.view(np.float32),
        key_bits=key_bits,
        dots=np.empty(len(program.dot_scale), np.float32),
        value=np.empty(BLOCK_JOBS, np.float32),
        canonical=np.empty((k, 4)),
        one_job=np.empty(1, np.int32),
        one_score=np.empty((1, 4)),
    )


# Loops run over views that begin at 0. The compiler cannot use vector instructions for an index that may be negative.
