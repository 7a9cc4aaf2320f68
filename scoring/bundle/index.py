"""The jobs laid out for selection: sorted into cells and blocks, with the most that each may add to a score.

m jobs that anybody may be shown. A *cell* holds the jobs that share the codes of the `ordered` keys, by descending
job score; it is cut into *blocks* of at most `BLOCK_JOBS`. Keys are the program's lookup keys and, behind them, its
sets of flags: to a kernel a job's bits are one more code. A block's bounds hold for every user: what a user's
own rows, steps and vector can add is bounded from them in the kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs, Singles, UInt32s, UInt64s

__all__ = [
    "BEST",
    "BLOCK_JOBS",
    "FIRST",
    "MASKS",
    "MASK_BITS",
    "REST",
    "SCORE",
    "SIZE",
    "SUBSET_BITS",
    "TOTAL",
    "Index",
    "Limits",
]

BLOCK_JOBS = 16
"""Jobs of a block at most: one or two vector registers, and few enough that their best is close to them all."""
SUBSET_BITS = 8
"""A key with no more codes than this has the greatest value of each subset of its codes computed."""
MASK_BITS = 64
"""Codes below this many are told apart by a block's mask; larger ones share bits."""


FIRST, SIZE, MASKS = range(3)
"""Columns of `Index.block`; from `MASKS` on two for each bounded key, two for each number, three for each product."""
BEST, REST = range(2)
"""Columns of `Index.block_best`."""
SCORE, TOTAL = range(2)
"""Columns of `Index.job_sums`; behind them the three groups."""


class Index(NamedTuple):
    """By position, cell or block; 'key' counts lookup keys first, then flag sets.

    What is read together lies together, whatever its type: `block_single` is the same memory as
    `block`, read as float32, `block_masks` as uint64. A list is found by looking at some hundreds of
    blocks all over the place, and most of that time went into waiting for memory.
    """

    even: Bools  # (c,) components that fold into rows, steps and a vector; others are computed as they stand
    uneven: Ints  # the others
    lone: Bools  # (n_lookups,) lookups whose table is one row for everybody, whatever the user's divisor
    lookup_largest: Floats  # (n_lookups,) of absolute values
    # jobs, by position
    plan_row: Longs  # (m,) row among the plan's jobs
    turn: Ints  # (m,) place by ascending job_id: of equal scores the first stands before
    by_turn: Ints  # (m,) positions by ascending job_id
    company: Ints  # (m,)
    largest: float  # absolute value of a job's own weighted sum
    single: Singles  # (m,) that sum
    code: UInt32s  # (n_keys, m)
    width: Ints  # (n_keys,)
    vector: Singles  # (m, d) zero where the job has none
    job_facts: Ints  # (m, …) code of each key, rank of each number, whether it has the vector of each product
    job_sums: Floats  # (m, 5) weighted sum of what depends on the job alone; the program's folded total and groups
    job_low: Floats  # (n_job_values,) least and greatest of the program's job_value
    job_high: Floats
    dot_norm: Floats  # (n_dots,) greatest norm of a job's vector
    # groups of cells: those that share the code of the first ordered key, where there are two such keys or more
    grid: bool  # two ordered keys, and a group has a cell for every code of the second, empty or not
    group_cell: Ints  # (n_groups + 1,) its first cell
    # cells
    ordered: Ints  # (n_ordered,) the keys whose codes the jobs of a cell share
    loose: Ints  # (n_keys - n_ordered,) the other keys
    bounded: Ints  # those of them that users of a class do not share
    class_of_user: Longs  # (n,)
    cell_code: UInt32s  # (n_ordered, n_cells)
    cell_best: Singles  # (n_classes, n_cells) greatest own score with what the shared keys add for users of the class
    cell: Ints  # (n_cells, 2 + n_ordered) its first block, the one behind its last, its codes
    sparse: Ints  # (n_sparse,) bounded keys with many codes of which a user has a few exceptions
    holder_start: Ints  # (n_sparse, widest + 1) where in `holder` the cells of jobs with each code begin
    holder: Ints
    # blocks
    block_best: Singles  # (n_classes, n_blocks, 2) the same for the block, and for it and those behind it in its cell
    block: Ints  # (n_blocks, …) see `FIRST`…
    block_single: Singles
    block_masks: UInt64s
    block_centre: NDArray[np.int8]  # (n_blocks, d) a point near the vectors
    own: Singles  # (n_classes, n_blocks, BLOCK_JOBS) own scores with what the shared keys add; 0 behind the last job
    lanes: Ints  # (n_blocks, n_lanes, BLOCK_JOBS) codes of bounded keys, ranks of numbers, who has which vector


class Limits(NamedTuple):
    """Who may not be shown what; jobs by position."""

    excluded_start: Longs  # (n + 1,)
    excluded: Longs
    cooling_start: Longs  # (n + 1,)
    cooling: Ints  # company codes
    company_start: Longs  # (n_companies + 1,)
    company_jobs: Longs
    per_company: int  # most jobs of a known company in a list; 0: no bound
    hidden: NDArray[np.uint8]  # (n, m / 8) bits of jobs that are not the user's to be ranked; (0, 0): no such bounds
