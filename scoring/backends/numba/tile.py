"""Scratch arrays of a thread that computes the lists of a tile of users."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Ints, Longs, Singles
from scoring.backends.numba.jit import inner
from scoring.backends.numba.scratch import Scratch, new_scratch
from scoring.backends.numba.user_state import Fold, new_fold
from scoring.bundle.index import Index, Limits
from scoring.bundle.program import Program

__all__ = ["PART", "RUN", "TILE", "Tile", "is_set", "mark_bits", "new_tile", "scratch_at"]

TILE = 128
"""Users per tile. BLAS repacks the jobs' vectors for each product, so a product should cover many users."""
RUN = 8192
"""Jobs with vectors per run. Each user is folded again for each run, since the folds of a whole tile may be large."""
PART = 2048
"""Jobs that are scored at a time for one user: 8 KiB."""


class Tile(NamedTuple):
    """Scratch arrays of a thread that computes the lists of a tile of users."""

    state: Fold  # of the current user
    scratch: Scratch  # of the current user; the lists and marks are those below
    marks: NDArray[np.uint8]  # (TILE, ⌈m / 8⌉) a bit for each job that may not be shown
    scores: Singles  # (TILE, k) the current lists
    turns: Ints  # (TILE, k)
    jobs: Ints  # (TILE, k)
    size: Longs  # (TILE,) number of jobs in each list
    alike: NDArray[np.bool_]  # (TILE,) the user's job scores differ in at most one product
    row: Longs  # (TILE,) the user's row in `pulls`; -1: no vector
    pulls: Singles  # (TILE, d)
    having: Ints  # (RUN,) positions of the run's jobs with vectors
    vectors: Singles  # (RUN, d) vectors of these jobs
    products: Singles  # (TILE * RUN,)
    here: Ints  # (PART,) positions
    value: Singles  # (PART,)


def new_tile(program: Program, index: Index, k: int) -> Tile:
    """Return scratch arrays for lists of up to k jobs."""
    m, d = index.vector.shape
    run = min(RUN, m)
    return Tile(
        state=new_fold(program, index),
        scratch=new_scratch(program, index, k),
        marks=np.empty((TILE, (m + 7) // 8), np.uint8),
        scores=np.empty((TILE, k), np.float32),
        turns=np.empty((TILE, k), np.int32),
        jobs=np.empty((TILE, k), np.int32),
        size=np.empty(TILE, np.int64),
        alike=np.empty(TILE, np.bool_),
        row=np.empty(TILE, np.int64),
        pulls=np.empty((TILE, d), np.float32),
        having=np.empty(run, np.int32),
        vectors=np.empty((run, d), np.float32),
        products=np.empty(TILE * run, np.float32),
        here=np.empty(PART, np.int32),
        value=np.empty(PART, np.float32),
    )


@inner
def scratch_at(tile: Tile, t: int) -> Scratch:
    scratch = tile.scratch
    return Scratch(
        scratch.marks,
        scratch.bound,
        scratch.lanes,
        scratch.found,
        scratch.ordered,
        scratch.start,
        tile.scores[t],
        tile.turns[t],
        tile.jobs[t],
        scratch.tried,
        scratch.keys,
        scratch.spare_keys,
        scratch.key_score,
        scratch.key_bits,
        scratch.dots,
        scratch.value,
        scratch.canonical,
        scratch.one_job,
        scratch.one_score,
    )


@inner
def set_bit(marks: np.ndarray, job: int) -> None:
    marks[job >> 3] |= np.uint8(1 << (job & 7))


@inner
def is_set(marks: np.ndarray, job: int) -> bool:
    return (marks[job >> 3] >> np.uint8(job & 7)) & np.uint8(1) != 0


@inner
def mark_bits(marks: np.ndarray, user: int, limits: Limits) -> None:
    """Set the bits of the jobs that `top_list.mark` marks, and clear all others."""
    for i in range(len(marks)):
        marks[i] = 0
    if len(limits.hidden) > 0:
        for i in range(limits.hidden.shape[1]):
            marks[i] = limits.hidden[user, i]
    for e in range(limits.excluded_start[user], limits.excluded_start[user + 1]):
        set_bit(marks, limits.excluded[e])
    for e in range(limits.cooling_start[user], limits.cooling_start[user + 1]):
        code = limits.cooling[e]
        for i in range(limits.company_start[code], limits.company_start[code + 1]):
            set_bit(marks, limits.company_jobs[i])
