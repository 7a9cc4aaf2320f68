"""Scratch arrays of a thread that computes the lists of a tile of users."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Ints, Longs, Singles
from scoring.backends.numba.jit import internal
from scoring.backends.numba.scratch import Scratch, new_scratch
from scoring.backends.numba.user_state import UserState, new_user_state
from scoring.bundle.block_index import Index, Limits
from scoring.bundle.program import Program

__all__ = ["PART", "RUN", "TILE", "Tile", "is_set", "new_tile", "scratch_at", "set_excluded_bits"]

TILE = 128
"""Users per tile. BLAS repacks the jobs' vectors for each product, so a product should cover many users."""
RUN = 8192
"""Jobs with vectors per run. Each user is folded again for each run, since the folds of a whole tile may be large."""
PART = 2048
"""Jobs that are scored at a time for one user: 8 KiB."""


class Tile(NamedTuple):
    """Scratch arrays of a thread that computes the lists of a tile of users."""

    state: UserState  # of the current user
    scratch: Scratch  # of the current user; the lists and `excluded` are those below
    excluded: NDArray[np.uint8]  # (TILE, ⌈m / 8⌉) a bit for each job that is excluded for the user
    scores: Singles  # (TILE, k) the current lists
    id_ranks: Ints  # (TILE, k)
    jobs: Ints  # (TILE, k)
    size: Longs  # (TILE,) number of jobs in each list
    only_products: NDArray[np.bool_]  # (TILE,) the user's job scores differ in at most one product
    vector_row: Longs  # (TILE,) the user's row in `weighted_vectors`; -1: no vector
    weighted_vectors: Singles  # (TILE, d)
    jobs_with_vector: Ints  # (RUN,) positions of the run's jobs with vectors
    vectors: Singles  # (RUN, d) vectors of these jobs
    products: Singles  # (TILE * RUN,)
    positions: Ints  # (PART,) positions
    value: Singles  # (PART,)


def new_tile(program: Program, index: Index, k: int) -> Tile:
    """Return scratch arrays for lists of up to k jobs."""
    m, d = index.vector.shape
    run = min(RUN, m)
    return Tile(
        state=new_user_state(program, index),
        scratch=new_scratch(program, index, k),
        excluded=np.empty((TILE, (m + 7) // 8), np.uint8),
        scores=np.empty((TILE, k), np.float32),
        id_ranks=np.empty((TILE, k), np.int32),
        jobs=np.empty((TILE, k), np.int32),
        size=np.empty(TILE, np.int64),
        only_products=np.empty(TILE, np.bool_),
        vector_row=np.empty(TILE, np.int64),
        weighted_vectors=np.empty((TILE, d), np.float32),
        jobs_with_vector=np.empty(run, np.int32),
        vectors=np.empty((run, d), np.float32),
        products=np.empty(TILE * run, np.float32),
        positions=np.empty(PART, np.int32),
        value=np.empty(PART, np.float32),
    )


@internal
def scratch_at(tile: Tile, t: int) -> Scratch:
    scratch = tile.scratch
    return Scratch(
        scratch.excluded,
        scratch.cell_bound,
        scratch.lanes,
        scratch.candidate_cells,
        scratch.ordered_cells,
        scratch.bin_start,
        tile.scores[t],
        tile.id_ranks[t],
        tile.jobs[t],
        scratch.seeds,
        scratch.keys,
        scratch.spare_keys,
        scratch.key_score,
        scratch.key_bits,
        scratch.dot_best,
        scratch.job_bounds,
        scratch.canonical,
        scratch.one_job,
        scratch.one_score,
    )


@internal
def set_bit(bits: np.ndarray, job: int) -> None:
    bits[job >> 3] |= np.uint8(1 << (job & 7))


@internal
def is_set(bits: np.ndarray, job: int) -> bool:
    return (bits[job >> 3] >> np.uint8(job & 7)) & np.uint8(1) != 0


@internal
def set_excluded_bits(bits: np.ndarray, user: int, limits: Limits) -> None:
    """Set the bits of the jobs that `set_excluded` and `set_not_required` mark, and clear all others."""
    has_required = len(limits.required_start) > 0
    for i in range(len(bits)):
        bits[i] = np.uint8(255) if has_required else np.uint8(0)
    if has_required:
        for e in range(limits.required_start[user], limits.required_start[user + 1]):
            job = limits.required[e]
            bits[job >> 3] &= np.uint8(255 ^ (1 << (job & 7)))
    if len(limits.hidden) > 0:
        for i in range(limits.hidden.shape[1]):
            bits[i] |= limits.hidden[user, i]
    for e in range(limits.excluded_start[user], limits.excluded_start[user + 1]):
        set_bit(bits, limits.excluded[e])
    for e in range(limits.cooldown_start[user], limits.cooldown_start[user + 1]):
        code = limits.cooldown[e]
        for i in range(limits.company_start[code], limits.company_start[code + 1]):
            set_bit(bits, limits.company_jobs[i])
