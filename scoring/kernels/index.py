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

from scoring.kernels.program import Floats, Int32s, Int64s, Singles

__all__ = [
    "BEST",
    "BLOCK_JOBS",
    "FIRST",
    "MASKS",
    "MASK_BITS",
    "REST",
    "SCORE",
    "SINGLE",
    "SIZE",
    "TOTAL",
    "Index",
    "Limits",
]

BLOCK_JOBS = 16
"""Jobs of a block at most: one or two vector registers, and few enough that their best is close to them all."""
MASK_BITS = 64
"""Codes below this many are told apart by a block's mask; larger ones share bits."""

Bools = NDArray[np.bool_]
UInt32s = NDArray[np.uint32]
UInt64s = NDArray[np.uint64]


BEST, REST, FIRST, SIZE, MASKS = range(5)
"""Columns of `Index.block`; from `MASKS` on two for each loose key, two for each number, three for each product."""
SCORE, TOTAL = range(2)
"""Columns of `Index.job_sums`; behind them the three groups."""
SINGLE = 0
"""The first lane of a block; behind it the codes of loose keys, ranks of numbers, and who has a vector."""


class Index(NamedTuple):
    """By position, cell or block; 'key' counts lookup keys first, then flag sets.

    What is read together lies together, whatever its type: `block_single` and `lanes_single` are the same memory
    as `block` and `lanes`, read as float32, `block_masks` as uint64. A list is found by looking at some hundreds of
    blocks all over the place, and most of that time went into waiting for memory.
    """

    even: Bools  # (c,) components that fold into rows, steps and a vector; others are computed as they stand
    uneven: Int32s  # the others
    lone: Bools  # (n_lookups,) lookups whose table is one row for everybody, whatever the user's divisor
    lookup_largest: Floats  # (n_lookups,) of absolute values
    # jobs, by position
    plan_row: Int64s  # (m,) row among the plan's jobs
    turn: Int32s  # (m,) place by ascending job_id: of equal scores the first stands before
    company: Int32s  # (m,)
    largest: float  # absolute value of a job's own weighted sum
    single: Singles  # (m,) that sum
    code: UInt32s  # (n_keys, m)
    width: Int32s  # (n_keys,)
    vector: Singles  # (m, d) zero where the job has none
    job_facts: Int32s  # (m, …) code of each key, rank of each number, whether it has the vector of each product
    job_sums: Floats  # (m, 5) weighted sum of what depends on the job alone; the program's folded total and groups
    job_low: Floats  # (n_job_values,) least and greatest of the program's job_value
    job_high: Floats
    dot_norm: Floats  # (n_dots,) greatest norm of a job's vector
    # groups of cells: those that share the code of the first ordered key, where there are two such keys or more
    grid: bool  # two ordered keys, and a group has a cell for every code of the second, empty or not
    group_cell: Int32s  # (n_groups + 1,) its first cell
    # cells
    ordered: Int32s  # (n_ordered,) the keys whose codes the jobs of a cell share
    loose: Int32s  # (n_keys - n_ordered,) the other keys
    cell_code: UInt32s  # (n_ordered, n_cells)
    cell_best: Singles  # (n_cells,) greatest `single`
    cell: Int32s  # (n_cells, 2 + n_ordered) its first block, the one behind its last, its codes
    # blocks
    block: Int32s  # (n_blocks, …) see `BEST`…
    block_single: Singles
    block_masks: UInt64s
    block_centre: NDArray[np.int8]  # (n_blocks, d) a point near the vectors
    lanes: Int32s  # (m * n_lanes,) block after block, in it lane after lane: see `SINGLE`
    lanes_single: Singles
    n_lanes: int


class Limits(NamedTuple):
    """Who may not be shown what; jobs by position."""

    excluded_start: Int64s  # (n + 1,)
    excluded: Int64s
    cooling_start: Int64s  # (n + 1,)
    cooling: Int32s  # company codes
    company_start: Int64s  # (n_companies + 1,)
    company_jobs: Int64s
    per_company: int  # most jobs of a known company in a list; 0: no bound
