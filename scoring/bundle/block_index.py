"""The index for selection: the eligible jobs sorted into cells and blocks, with upper bounds of their scores.

The index contains the m jobs that are not excluded for all users. A *cell* contains the jobs with the same codes of the
cell keys, by descending job score. It is divided into *blocks* of at most `BLOCK_JOBS`. Keys are the program's
lookup keys, followed by its sets of flags: kernels treat a job's bits as a code. A block's bounds are valid for every
user. From them, the kernel computes how much a user's rows, steps and vector can add at most.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats, Ints, Longs, Singles, UInt8s, UInt16s, UInt32s, UInt64s

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
"""Maximum number of jobs in a block: one or two vector registers, and few enough for tight bounds."""
SUBSET_BITS = 8
"""For keys with at most this many codes, the greatest value of each subset of codes is computed."""
MASK_BITS = 64
"""Bits of a block's mask. Each smaller code has its own bit; larger codes share bits."""


FIRST, SIZE, MASKS = range(3)
"""Columns of `Index.block`. From `MASKS` on: two per bounded key, two per number, three per dot product."""
BEST, REST = range(2)
"""Columns of `Index.block_best`."""
SCORE, TOTAL = range(2)
"""Columns of `Index.job_sums`. The three groups follow."""


class Index(NamedTuple):
    """Arrays by job position, cell or block. Key numbers count lookup keys first, then flag sets.

    Values that are read together are stored together, also if their types differ: `block_single` is the memory of
    `block` as float32, `block_masks` as uint64. A search visits some hundreds of scattered blocks per list; with
    separate arrays, most of its time was waiting for memory.
    """

    foldable: Bools  # (c,) whether the component folds into rows, steps and a vector; otherwise it is computed per pair
    unfoldable: Ints  # the numbers of the components that do not fold
    shared_row: Bools  # (n_lookups,) whether the table has one row for all users and the component has no divisor
    lookup_largest: Floats  # (n_lookups,) largest absolute value of any row or entry
    # jobs, by position
    plan_row: Longs  # (m,) row among the plan's jobs
    id_rank: Ints  # (m,) rank by ascending job_id, the order of jobs with equal scores
    position_by_id: Ints  # (m,) positions by ascending job_id
    company: Ints  # (m,)
    largest_job_score: float  # largest absolute value of a job's weighted sum of job-only values
    job_score: Singles  # (m,) that sum of each job
    job_code: UInt32s  # (n_keys, m)
    key_width: Ints  # (n_keys,)
    vector: Singles  # (m, d); zero if the job has no vector
    job_facts: Ints  # (m, …) code of each key, rank of each number, whether each vector exists
    job_sums: Floats  # (m, 5) weighted sum of job-only values; folded total and groups of the program
    job_value_min: Floats  # (n_job_values,) minimum and maximum of the program's job_value
    job_value_max: Floats
    dot_norm: Floats  # (n_dots,) greatest norm of a job's vector
    # groups of cells: cells with the same code of the first cell key, if there are two or more cell keys
    is_grid: bool  # two cell keys, and each group has a cell, maybe empty, for every code of the second key
    group_cell: Ints  # (n_groups + 1,) first cell of each group
    # cells
    cell_keys: Ints  # (n_cell_keys,) the keys that define the cells
    other_keys: Ints  # (n_keys - n_cell_keys,) the other keys
    bounded_keys: Ints  # the keys in `other_keys` whose rows differ between users of a class
    class_of_user: Longs  # (n,) users of a class have equal rows for the shared keys
    cell_code: UInt32s  # (n_cell_keys, n_cells)
    cell_best: Singles  # (n_classes, n_cells) maximum of `class_scores` in the cell
    cell: Ints  # (n_cells, 2 + n_cell_keys) first block, last block + 1, codes
    sparse_keys: Ints  # (n_sparse,) bounded keys with many codes and few exceptions per user
    code_cell_start: Ints  # (n_sparse, widest + 1) start in `code_cell` of the cells that contain each code
    code_cell: Ints
    # blocks
    block_best: Singles  # (n_classes, n_blocks, 2) maximum of `class_scores`: in the block; to the end of its cell
    block: Ints  # (n_blocks, …) see `FIRST`…
    block_single: Singles
    block_masks: UInt64s
    block_centre: NDArray[np.int8]  # (n_blocks, d) a point near the vectors of the block
    class_scores: Singles  # (n_classes, n_blocks, BLOCK_JOBS) job score plus values of the shared keys; padded with 0
    block_facts: Ints  # (n_blocks, n_facts, BLOCK_JOBS) codes of bounded keys, ranks of numbers, whether vectors exist


class Limits(NamedTuple):
    """Eligibility per user, with jobs by position."""

    excluded_start: Longs  # (n + 1,) start in `excluded` of each user's excluded jobs
    excluded: Longs
    cooldown_start: Longs  # (n + 1,) start in `cooldown` of each user's excluded companies
    cooldown: Ints  # company codes
    required_start: Longs  # (n + 1,) start in `required` of the only jobs that each user may get; (0,): not limited
    required: Longs
    user_class: Ints  # (r, n) class of each user for each of r tables of classes
    job_class: UInt16s  # (r, m)
    class_start: Longs  # (r,) start of each table in `class_allowed`
    class_width: Longs  # (r,) number of job classes of each table
    class_allowed: (
        UInt8s  # the tables: 1 where jobs of a class may be ranked for users of a class; a row per user class
    )
    cell_mask: UInt8s  # per table, (user classes, ⌈n_cells / 8⌉) a bit for each cell with an allowed job
    cell_mask_start: Longs  # (r,) start of each table in `cell_mask`
    cell_mask_width: Longs  # (r,) bytes per user class; 0: without masks, because they would be too large
    block_mask: UInt8s  # as `cell_mask`, for blocks
    block_mask_start: Longs
    block_mask_width: Longs
    company_start: Longs  # (n_companies + 1,) start in `company_jobs` of each company's jobs
    company_jobs: Longs
    per_company: int  # maximum number of jobs of a known company in a list; 0: no limit
    hidden: NDArray[np.uint8]  # (n, m / 8) a bit for each job that is not a candidate of the user; (0, 0): all jobs are
