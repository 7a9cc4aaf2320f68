"""Scratch arrays of a thread that computes lists."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Singles, UInt32s, UInt64s
from scoring.backends.numba.job_cell_bounds import BINS, CHUNK
from scoring.bundle.block_index import BLOCK_JOBS, Index
from scoring.bundle.program import Program

__all__ = ["Scratch", "new_scratch"]


KEYS = 32
"""Number of keys compared at once."""


class Scratch(NamedTuple):
    """Scratch arrays of a thread that computes lists of up to k jobs."""

    excluded: NDArray[np.bool_]  # (m,) excluded for the current user, or already offered; all False between users
    cell_bound: Singles  # (n_cells,) padded with -infinity to a multiple of CHUNK
    lanes: Singles  # (CHUNK,) running maxima
    candidate_cells: Ints  # (n_cells,)
    ordered_cells: Ints  # (n_cells,)
    bin_start: Ints  # (BINS + 1,)
    scores: Singles  # (k,) the current list
    id_ranks: Ints  # (k,)
    jobs: Ints  # (k,)
    seeds: Ints  # (k,) jobs that are offered first
    keys: UInt64s  # (1 + a multiple of KEYS,) the list as keys of `top_list.key_of_score`, after a key above all others
    spare_keys: UInt64s
    key_score: Singles  # (1,) the same memory as `key_bits`
    key_bits: UInt32s
    dot_best: Singles  # (n_dots,) the most that each product adds to a job of the block
    job_bounds: Singles  # (BLOCK_JOBS,)
    canonical: Floats  # (k, 4)
    one_job: Ints  # (1,)
    one_score: Floats  # (1, 4)


def new_scratch(program: Program, index: Index, k: int) -> Scratch:
    padded, key_bits = -(-k // KEYS) * KEYS, np.zeros(1, np.uint32)
    n_cells = index.cell_best.shape[1]
    return Scratch(
        excluded=np.zeros(len(index.id_rank), dtype=np.bool_),
        cell_bound=np.full(-(-n_cells // CHUNK) * CHUNK, -np.inf, np.float32),
        lanes=np.empty(CHUNK, np.float32),
        candidate_cells=np.empty(n_cells, np.int32),
        ordered_cells=np.empty(n_cells, np.int32),
        bin_start=np.empty(BINS + 1, np.int32),
        scores=np.empty(k, np.float32),
        id_ranks=np.empty(k, np.int32),
        jobs=np.empty(k, np.int32),
        seeds=np.empty(k, np.int32),
        keys=np.full(1 + padded, 2**64 - 1, np.uint64),
        spare_keys=np.zeros(padded, np.uint64),
        key_score=key_bits.view(np.float32),
        key_bits=key_bits,
        dot_best=np.empty(len(program.dot_scale), np.float32),
        job_bounds=np.empty(BLOCK_JOBS, np.float32),
        canonical=np.empty((k, 4)),
        one_job=np.empty(1, np.int32),
        one_score=np.empty((1, 4)),
    )
