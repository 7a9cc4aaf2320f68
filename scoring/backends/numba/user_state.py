"""Scratch state of one user under a program."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs, Singles, UInt64s
from scoring.bundle.index import SUBSET_BITS, Index
from scoring.bundle.program import Program

__all__ = ["COARSE", "CONSTANT", "FINE", "UNEVEN", "Fold", "new_fold"]

CONSTANT, UNEVEN, FINE, COARSE = range(4)
"""Indices into `Fold.sums`."""


class Fold(NamedTuple):
    """Scratch state of one user, reused for the next."""

    before: Longs  # (1,) the user folded last; -1: none
    table: Floats  # (n_lookups, widest) canonical rows
    scale: Floats  # (n_lookups,) factor of a lookup's row
    row: Floats  # (n_keys, widest)
    single: Singles  # (n_keys, widest) `row` in float32
    nothing: NDArray[np.bool_]  # (n_keys,) the row is all 0, except for codes in `own`
    best: Floats  # (n_keys,) greatest of the row
    of_subset: Floats  # (n_keys, 2 ** SUBSET_BITS) greatest of the codes in a mask, for keys with few codes
    usual: Floats  # (n_keys,) greatest without the codes in `own`, for keys with tables that all users share
    own: UInt64s  # (n_keys,) mask of the codes with an entry in tables that all users share
    step_low: Ints  # (n_intervals,) ranks low…high - 1 gain `step_gain`
    step_high: Ints
    step_gain: Floats
    on: NDArray[np.bool_]  # (n_dots,) the user has a vector, and it counts
    dot_base: Floats  # (n_dots,) added to a job with a vector, in addition to the product
    dot_other: Floats  # (n_dots,) added to a job without a vector
    dot_norm: Floats  # (n_dots,) norm of that part of `pull`, rounded up
    pull: Floats  # (d,) the user's vector times all factors; 0 where not `on`
    pull_single: Singles  # (d,)
    sums: Floats  # (4,) at CONSTANT, UNEVEN (the most that components that do not fold can add), FINE, COARSE


def new_fold(program: Program, index: Index) -> Fold:
    """Return an empty state of one user."""
    n_lookups, n_keys, n_steps, n_dots = (
        len(program.lookup_key),
        len(index.width),
        len(program.interval_number),
        len(program.dot_scale),
    )
    widest, d = int(index.width.max(initial=1)), program.user_vector.shape[1]
    return Fold(
        before=np.full(1, -1, dtype=np.int64),
        table=np.zeros((n_lookups, widest)),
        scale=np.zeros(n_lookups),
        row=np.zeros((n_keys, widest)),
        single=np.zeros((n_keys, widest), dtype=np.float32),
        nothing=np.zeros(n_keys, dtype=np.bool_),
        best=np.zeros(n_keys),
        of_subset=np.full((n_keys, 2**SUBSET_BITS), -np.inf),
        usual=np.zeros(n_keys),
        own=np.zeros(n_keys, dtype=np.uint64),
        step_low=np.zeros(n_steps, dtype=np.int32),
        step_high=np.zeros(n_steps, dtype=np.int32),
        step_gain=np.zeros(n_steps),
        on=np.zeros(n_dots, dtype=np.bool_),
        dot_base=np.zeros(n_dots),
        dot_other=np.zeros(n_dots),
        dot_norm=np.zeros(n_dots),
        pull=np.zeros(d),
        pull_single=np.zeros(d, dtype=np.float32),
        sums=np.zeros(4),
    )
