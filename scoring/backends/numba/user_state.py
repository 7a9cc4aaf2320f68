"""Scratch state of one user under a program."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs, Singles, UInt64s
from scoring.bundle.block_index import SUBSET_BITS, Index
from scoring.bundle.program import Program

__all__ = ["CONSTANT", "DOUBLE_ERROR", "SINGLE_ERROR", "UNFOLDABLE", "UserState", "new_user_state"]

CONSTANT, UNFOLDABLE, DOUBLE_ERROR, SINGLE_ERROR = range(4)
"""Indices into `UserState.sums`: two parts of a score, and the rounding errors in float64 and in float32."""


class UserState(NamedTuple):
    """Scratch state of one user, reused for the next."""

    previous_user: Longs  # (1,) the user folded last; -1: none
    canonical_row: Floats  # (n_lookups, widest) rows of the user's lookups, as the formula uses them
    lookup_scale: Floats  # (n_lookups,) factor of a lookup's row
    row: Floats  # (n_keys, widest)
    row_single: Singles  # (n_keys, widest) `row` in float32
    is_zero: NDArray[np.bool_]  # (n_keys,) the row is all 0, except for codes in `exception_codes`
    best: Floats  # (n_keys,) maximum of the row
    subset_best: Floats  # (n_keys, 2 ** SUBSET_BITS) maximum of the codes in a mask, for keys with few codes
    default_best: Floats  # (n_keys,) maximum without the user's exceptions, for keys with tables that all users share
    exception_codes: UInt64s  # (n_keys,) mask of the codes with an entry in tables that all users share
    step_low: Ints  # (n_intervals,) ranks low…high - 1 gain `step_gain`
    step_high: Ints
    step_gain: Floats
    dot_used: NDArray[np.bool_]  # (n_dots,) the user has a vector, and it counts
    dot_base: Floats  # (n_dots,) added to a job with a vector, in addition to the product
    dot_otherwise: Floats  # (n_dots,) added to a job without a vector
    dot_norm: Floats  # (n_dots,) norm of that part of `weighted_vector`, rounded up
    weighted_vector: Floats  # (d,) the user's vector times all factors; 0 where not `dot_used`
    weighted_vector_single: Singles  # (d,)
    sums: Floats  # (4,) at UNFOLDABLE: the most that components that do not fold can add; see also `CONSTANT`


def new_user_state(program: Program, index: Index) -> UserState:
    """Return an empty state of one user."""
    n_lookups, n_keys, n_steps, n_dots = (
        len(program.lookup_key),
        len(index.key_width),
        len(program.interval_number),
        len(program.dot_scale),
    )
    widest, d = int(index.key_width.max(initial=1)), program.user_vector.shape[1]
    return UserState(
        previous_user=np.full(1, -1, dtype=np.int64),
        canonical_row=np.zeros((n_lookups, widest)),
        lookup_scale=np.zeros(n_lookups),
        row=np.zeros((n_keys, widest)),
        row_single=np.zeros((n_keys, widest), dtype=np.float32),
        is_zero=np.zeros(n_keys, dtype=np.bool_),
        best=np.zeros(n_keys),
        subset_best=np.full((n_keys, 2**SUBSET_BITS), -np.inf),
        default_best=np.zeros(n_keys),
        exception_codes=np.zeros(n_keys, dtype=np.uint64),
        step_low=np.zeros(n_steps, dtype=np.int32),
        step_high=np.zeros(n_steps, dtype=np.int32),
        step_gain=np.zeros(n_steps),
        dot_used=np.zeros(n_dots, dtype=np.bool_),
        dot_base=np.zeros(n_dots),
        dot_otherwise=np.zeros(n_dots),
        dot_norm=np.zeros(n_dots),
        weighted_vector=np.zeros(d),
        weighted_vector_single=np.zeros(d, dtype=np.float32),
        sums=np.zeros(4),
    )
