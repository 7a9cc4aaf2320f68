"""Blocks of jobs: cells divided into blocks, with bounds on the values of their jobs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scoring.array_types import Bools, Floats, Int8s, Ints, Longs, Singles, UInt32s
from scoring.bundle.block_index import BLOCK_JOBS, FIRST, MASK_BITS, MASKS, SIZE
from scoring.bundle.program import Program
from scoring.threads.pool import map_in_threads

__all__ = ["Blocks", "Cells", "compute_cell_maxima", "compute_remaining_maxima", "lay_out_blocks"]

_BLOCKS_AT_ONCE = 256


class Cells(NamedTuple):
    """Groups and cells; see the fields of `Index`."""

    filled_start: Ints  # (n_filled + 1,) first block of each cell with jobs
    is_grid: bool
    group_cell: Ints
    cell_code: UInt32s
    cell: Ints


class Blocks(NamedTuple):
    """Blocks and the jobs in them; see the fields of `Index`."""

    job_slot: Longs  # (m,) flat index of each job in (n_blocks, BLOCK_JOBS)
    job_facts: Ints
    dot_norm: Floats
    block: Ints
    block_centre: Int8s
    block_facts: Ints


def allocate_aligned(rows: int, columns: int) -> Ints:
    """Return (rows, columns) zeros, aligned to a cache line."""
    memory = np.zeros(rows * columns + 16, dtype=np.int32)
    skip = -(memory.ctypes.data // 4) % 16
    return memory[skip : skip + rows * columns].reshape(rows, columns)


def lay_out_blocks(
    program: Program, cell: Longs, code: UInt32s, width: Ints, vector: Singles, cell_keys: Ints, bounded_keys: Ints
) -> tuple[Cells, Blocks]:
    """Return the cells and blocks of jobs in their final order, and their bounds.

    `cell` (m,) is the number of each job's cell; the other arrays are fields of `Index`.
    """
    m = len(cell)
    starts = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
    per_cell = -(-np.diff(np.append(starts, m)) // BLOCK_JOBS)
    filled = np.concatenate([[0], np.cumsum(per_cell)])
    within = np.arange(filled[-1]) - np.repeat(filled[:-1], per_cell)
    begin = np.repeat(starts, per_cell) + within * BLOCK_JOBS
    size = np.diff(np.append(begin, m))
    ranks = [ufunc.reduceat(program.number_rank, begin, axis=1) for ufunc in (np.minimum, np.maximum)]
    bits = np.uint64(1) << (code[bounded_keys] % MASK_BITS).astype(np.uint64)
    centre, bounds, norm = _bound_vectors(program, vector, begin, size)
    n_columns = MASKS + 2 * len(bounded_keys) + 2 * len(program.number_rank) + 3 * len(program.dot_scale)
    block = allocate_aligned(len(begin), n_columns + n_columns % 2 if n_columns > 16 else 16)
    block[:, FIRST], block[:, SIZE] = begin, size
    column = MASKS + 2 * len(bounded_keys)
    block.view(np.uint64)[:, MASKS // 2 : column // 2] = np.bitwise_or.reduceat(bits, begin, axis=1).T
    block[:, column : column + 2 * len(program.number_rank) : 2] = ranks[0].T
    block[:, column + 1 : column + 2 * len(program.number_rank) : 2] = ranks[1].T
    column += 2 * len(program.number_rank)
    for slot, (radius, step, every) in enumerate(bounds):
        block.view(np.float32)[:, column + 3 * slot] = radius
        block.view(np.float32)[:, column + 3 * slot + 1] = step
        block[:, column + 3 * slot + 2] = every
    facts, job_slot = _compute_block_facts(program, code[bounded_keys], begin, size)
    cells = _group_cells(np.ascontiguousarray(code[cell_keys][:, starts]), filled, width[cell_keys])
    return cells, Blocks(
        job_slot=job_slot,
        job_facts=np.ascontiguousarray(
            np.concatenate([code, program.number_rank, program.dot_job_has]).T, dtype=np.int32
        ),
        dot_norm=norm,
        block=block,
        block_centre=centre,
        block_facts=facts,
    )


def _compute_block_facts(program: Program, code: UInt32s, begin: Longs, size: Longs) -> tuple[Ints, Longs]:
    """Return facts (n_blocks, n_facts, BLOCK_JOBS), and the flat index of each job in (n_blocks, BLOCK_JOBS)."""
    columns = np.concatenate([code, program.number_rank, program.dot_job_has]).astype(np.int32)
    n_facts, n_blocks = len(columns), len(begin)
    facts = allocate_aligned(n_blocks * n_facts, BLOCK_JOBS).reshape(n_blocks, n_facts, BLOCK_JOBS)
    block = np.repeat(np.arange(n_blocks), size)
    within = np.arange(code.shape[1]) - np.repeat(begin, size)
    for fact, column in enumerate(columns):
        facts[block, fact, within] = column
    return facts, block * BLOCK_JOBS + within


def _group_cells(cell_code: UInt32s, filled: Longs, width: Ints) -> Cells:
    """Return groups and cells; `cell_code` (n_cell_keys, n_filled) and `filled` are of the cells with jobs."""
    grid = len(cell_code) == 2 and _is_worth_a_grid(cell_code, int(width[1]))
    blocks = filled
    if grid:
        cell_code, blocks = _as_grid(cell_code, filled, int(width[1]))
    groups = np.zeros(1, dtype=np.int64)
    if len(cell_code) > 1:
        groups = np.flatnonzero(np.concatenate([[True], cell_code[0, 1:] != cell_code[0, :-1]]))
    return Cells(
        filled_start=filled.astype(np.int32),
        is_grid=grid,
        group_cell=np.append(groups, len(blocks) - 1).astype(np.int32),
        cell_code=cell_code,
        cell=np.ascontiguousarray(np.concatenate([[blocks[:-1], blocks[1:]], cell_code]).T, dtype=np.int32),
    )


def _is_worth_a_grid(cell_code: UInt32s, width: int) -> bool:
    """Return whether at least half of a full grid's cells hold jobs. Kernels add a grid's rows without code lookups."""
    n_groups = len(np.unique(cell_code[0]))
    return bool(2 * cell_code.shape[1] >= n_groups * width)


def _as_grid(cell_code: UInt32s, cell_block: Longs, width: int) -> tuple[UInt32s, Longs]:
    """Return the cells with empty cells added, so that every group has one for each code of the second key."""
    first, group = np.unique(cell_code[0], return_inverse=True)
    per_cell = np.zeros(len(first) * width, dtype=np.int64)
    per_cell[group * width + cell_code[1]] = np.diff(cell_block)
    second = np.arange(width, dtype=np.uint32)
    code = np.stack([np.repeat(first, width), np.tile(second, len(first))]).astype(np.uint32)
    return code, np.concatenate([[0], np.cumsum(per_cell)])


def _bound_vectors(
    program: Program, vector: Singles, begin: Longs, size: Longs
) -> tuple[Int8s, list[tuple[Floats, Floats, Bools]], Floats]:
    """Return bounds of the vectors in each block.

    The result is centre points (n_blocks, d); per product (radius, step, whether all jobs have a vector) of each
    block; and the greatest norm (n_dots,).

    A centre is the mean, rounded to multiples of `step`, a 127th of its largest absolute coordinate. This takes a
    quarter of the memory of float32. Radii are measured from the rounded centre: bounds stay valid and are slightly
    larger. Radii and norms are rounded up. A block without vectors has radius -1.
    """
    stop = np.append(begin[1:], len(vector))

    def bound(first: int) -> tuple[Int8s, list[tuple[Floats, Floats, Bools]], Floats]:
        blocks = slice(first, first + _BLOCKS_AT_ONCE)
        starts = begin[blocks]
        jobs = slice(starts[0], stop[blocks][-1])
        return _bound_some(program, program.dot_job_has[:, jobs], vector[jobs], starts - starts[0], size[blocks])

    parts = map_in_threads(bound, range(0, len(begin), _BLOCKS_AT_ONCE), len(vector))
    centres, bounds, norms = zip(*parts, strict=True)
    joined = []
    for of_slot in zip(*bounds, strict=True):
        radius, step, has_all = (np.concatenate(arrays) for arrays in zip(*of_slot, strict=True))
        joined.append((radius, step, has_all))
    return np.concatenate(centres), joined, np.maximum.reduce(norms)


def _bound_some(
    program: Program, has_vector: Bools, vector: Singles, begin: Longs, size: Longs
) -> tuple[Int8s, list[tuple[Floats, Floats, Bools]], Floats]:
    """Return `_bound_vectors` of some blocks, whose intermediate arrays stay in the processor's cache."""
    centre = np.zeros((len(begin), vector.shape[1]), dtype=np.int8)
    counts = np.add.reduceat(has_vector, begin, axis=1, dtype=np.int64)
    of_block = np.repeat(np.arange(len(begin)), size)
    bounds, norm = [], np.zeros(len(program.dot_scale))
    for slot, has in enumerate(has_vector):
        part = slice(program.dot_start[slot], program.dot_start[slot + 1])
        vectors = vector[:, part]
        mean = np.add.reduceat(vectors, begin, axis=0) / np.maximum(counts[slot], 1)[:, None]
        step = (np.abs(mean).max(axis=1, initial=0.0) / 127).astype(np.float32)
        centre[:, part] = np.rint(mean / np.where(step > 0, step, 1)[:, None])
        square, length = np.zeros(len(vectors)), np.zeros(len(vectors))
        for d in range(vectors.shape[1]):  # one dimension at a time: no float64 copy of all vectors
            rounded = centre[:, part.start + d] * step.astype(np.float64)
            square += (vectors[:, d] - rounded[of_block]) ** 2
            length += vectors[:, d].astype(np.float64) ** 2
        distance = np.maximum.reduceat(np.sqrt(np.where(has, square, 0.0)), begin) * (1 + 1e-6)
        radius = np.where(counts[slot] > 0, np.nextafter(distance.astype(np.float32), np.float32(np.inf)), -1)
        bounds.append((radius, step, counts[slot] == size))
        norm[slot] = np.sqrt(length.max(initial=0.0)) * (1 + 1e-6)
    return centre, bounds, norm


def compute_cell_maxima(best: Singles, cell: Ints) -> Singles:
    """Return (n_classes, n_cells) maximum of `best` (n_classes, n_blocks) over each cell; -infinity if it is empty."""
    result = np.full((len(best), len(cell)), -np.inf, dtype=np.float32)
    filled = np.flatnonzero(cell[:, 1] > cell[:, 0])
    result[:, filled] = np.maximum.reduceat(best, cell[filled, 0], axis=1)
    return result


def compute_remaining_maxima(best: Singles, cells: Ints) -> Singles:
    """Return (n_classes, n_blocks) maximum of `best` over each block and the later blocks of its cell."""
    rest = best.copy()
    length = np.diff(cells)
    for step in range(int(length.max(initial=1)) - 1, 0, -1):
        blocks = cells[:-1][length > step] + step
        rest[:, blocks - 1] = np.maximum(rest[:, blocks - 1], rest[:, blocks])
    return rest
