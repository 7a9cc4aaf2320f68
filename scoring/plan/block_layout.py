"""Layout of the eligible jobs for selection: the keys of the cells, the order of jobs, and the bounds of blocks.

A layout is valid for any weights; weights only affect how well it prunes. `Layout.search` adds the job scores under
the current weights, which takes milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np

from scoring.array_types import Bools, Floats, Ints, Longs, Singles, UInt8s, UInt16s, UInt32s
from scoring.bundle.block_index import BLOCK_JOBS, FIRST, Index, Limits
from scoring.bundle.bundle import SearchIndex
from scoring.bundle.eligibility_arrays import EligibilityArrays
from scoring.bundle.program import JOB_ROWS, Program
from scoring.plan.blocks import Blocks, Cells, compute_cell_maxima, compute_remaining_maxima, lay_out_blocks
from scoring.plan.cell_key_choice import (
    choose_keys,
    compute_job_scores,
    compute_key_codes,
    compute_key_widths,
    find_foldable_components,
    find_largest_of_lookups,
    find_shared_row_lookups,
    measure_key_spreads,
    measure_user_locality,
    number_cells,
)
from scoring.plan.rule_exclusions import Exclusions
from scoring.plan.sparse_key_index import CodeCells, code_cells, find_sparse_keys
from scoring.plan.user_row_classes import UserClasses
from scoring.threads.pool import map_in_threads

__all__ = ["Layout", "estimate_mask_bytes"]

_MAX_MASK_BITS = 2**29
"""Maximum number of bits of the masks of a table: 64 MB."""
_JOBS_PER_MASK = 5
"""Jobs per cell or block, fewer than usual."""
_BLOCKS_AT_ONCE = 1024
"""Blocks whose user classes are united at a time: 8 MB for 4,096 classes."""
_JOBS_AT_ONCE = 4096
ENOUGH = 0.75
"""Minimum share of the best keys' spread for which a layout is kept. Below it, the layout is rebuilt."""


class UserSide(NamedTuple):
    """Arrays that depend on the users' arrays and on the structure of components. See the fields of `Index`."""

    foldable: Bools
    unfoldable: Ints
    shared_row: Bools
    lookup_largest: Floats

    @classmethod
    def of(cls, program: Program) -> Self:
        foldable = find_foldable_components(program)
        unfoldable = np.flatnonzero(~foldable).astype(np.int32)
        return cls(foldable, unfoldable, find_shared_row_lookups(program), find_largest_of_lookups(program))


class JobOrder(NamedTuple):
    """Jobs by position in the layout. See the fields of `Index`."""

    plan_row: Longs
    id_rank: Ints
    position_by_id: Ints
    company: Ints
    job_code: UInt32s
    key_width: Ints
    vector: Singles


class Keys(NamedTuple):
    """Keys by use. See the fields of `Index`."""

    cell_keys: Ints
    other_keys: Ints
    bounded_keys: Ints


class JobBounds(NamedTuple):
    """Minimum and maximum of each of the program's job values. See the fields of `Index`."""

    job_value_min: Floats
    job_value_max: Floats

    @classmethod
    def of(cls, program: Program) -> Self:
        return cls(program.job_value.min(axis=1, initial=0.0), program.job_value.max(axis=1, initial=0.0))


@dataclass(frozen=True, eq=False)
class Layout:
    """The m eligible jobs in search order. `program` and `limits` refer to jobs by position in this order."""

    program: Program
    limits: Limits
    users: UserSide
    jobs: JobOrder
    keys: Keys
    bounds: JobBounds
    cells: Cells
    blocks: Blocks
    code_cells: CodeCells
    classes: UserClasses
    user_locality: Longs
    """(n,) sort key of users for cache locality: users with close numbers share candidate jobs."""
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    """See `SearchIndex`. Layouts with the same order and vectors share it."""

    @classmethod
    def of(cls, program: Program, exclusions: Exclusions, job_id: Longs, keys: tuple[int, ...] | None = None) -> Self:
        """Return a layout for the program's weights, with cells by these keys (None: those of `choose_keys`)."""
        rows = np.flatnonzero(exclusions.open_to_all)
        rows = rows[np.argsort(job_id[rows], kind="stable")]
        code = compute_key_codes(program, rows)
        cell_keys = choose_keys(program, code) if keys is None else keys
        cell = number_cells(program, code, cell_keys)
        order = np.lexsort((-compute_job_scores(program)[rows], cell))
        rows, code, cell = rows[order], np.ascontiguousarray(code[:, order]), cell[order]
        vector = _gather_vectors(program, rows)
        without_vectors = program._replace(job_vector=program.job_vector[:0])  # `vector` above holds them by job
        ordered_program = without_vectors.take_jobs(rows)
        other_keys = [key for key in range(len(code)) if key not in cell_keys]
        classes = UserClasses.of(program, other_keys)
        bounded_keys = [key for key in other_keys if key not in classes.shared]
        jobs = JobOrder(
            plan_row=rows,
            id_rank=order.astype(np.int32),
            position_by_id=np.argsort(order, kind="stable").astype(np.int32),
            company=exclusions.company[rows].astype(np.int32),
            job_code=code,
            key_width=compute_key_widths(program),
            vector=vector,
        )
        uses = Keys(*(np.array(keys_of_use, dtype=np.int32) for keys_of_use in (cell_keys, other_keys, bounded_keys)))
        users = UserSide.of(program)
        cells, blocks = lay_out_blocks(
            ordered_program, cell, code, jobs.key_width, vector, uses.cell_keys, uses.bounded_keys
        )
        return cls(
            program=ordered_program,
            limits=_make_limits(exclusions, rows, cells, blocks),
            users=users,
            jobs=jobs,
            keys=uses,
            bounds=JobBounds.of(ordered_program),
            cells=cells,
            blocks=blocks,
            code_cells=code_cells(
                find_sparse_keys(program, uses.bounded_keys, jobs.key_width, users.shared_row),
                code,
                jobs.key_width,
                cells.cell,
                blocks.block,
            ),
            classes=classes,
            user_locality=measure_user_locality(program, cell_keys),
        )

    def with_job_values(self, program: Program) -> Self:
        """Return the same order and blocks, which are valid for any job values, with the job values of `program`."""
        values = program.job_value[:, self.jobs.plan_row]
        ordered_program = self.program._replace(job_value=np.ascontiguousarray(values))
        return replace(self, program=ordered_program, bounds=JobBounds.of(ordered_program))

    def with_program(self, previous: Program, program: Program) -> Self | None:
        """Return the same order and blocks for another program of the same jobs; None if they are not valid for it.

        They are valid if codes, number ranks, vectors and the use of keys are equal. Users' rows, steps, exceptions and
        job values may differ. `previous` is the program of this layout.

        Everything that depends on the users' arrays or on the structure of components is rebuilt. Sorting and bounding
        100,000 jobs would take twenty times as long.
        """
        if not all(_is_same(getattr(previous, name), getattr(program, name)) for name in _BY_JOB):
            return None
        width, classes = compute_key_widths(program), UserClasses.of(program, self.keys.other_keys.tolist())
        if not np.array_equal(width, self.jobs.key_width) or classes.shared != self.classes.shared:
            return None
        users = UserSide.of(program)
        if (
            find_sparse_keys(program, self.keys.bounded_keys, width, users.shared_row)
            != self.code_cells.sparse_keys.tolist()
        ):
            return None
        kept = {name: getattr(self.program, name) for name in (*_BY_JOB, "folded_total", "folded_group")}
        rows: dict[str, Any] = {
            name: np.ascontiguousarray(getattr(program, name)[self.jobs.plan_row]) for name in JOB_ROWS
        }
        rows["pair_job"] = np.ascontiguousarray(program.pair_job[:, self.jobs.plan_row])
        ordered_program = program._replace(**kept, **rows)
        layout = replace(
            self,
            program=ordered_program,
            users=users,
            classes=classes,
            user_locality=measure_user_locality(program, tuple(self.keys.cell_keys.tolist())),
        )
        return layout.with_job_values(program)

    def fits(self, program: Program) -> bool:
        """Return whether the keys of the cells still separate jobs well enough under this program's weights."""
        spread = measure_key_spreads(program, self.jobs.job_code)
        possible = np.sort(spread)[::-1][: max(len(self.keys.cell_keys), 1)].sum()
        return bool(spread[self.keys.cell_keys].sum() >= ENOUGH * possible)

    def search(self, program: Program) -> SearchIndex:
        """Return the given program in the order of the layout, and its index under the program's weights."""
        rows = self.jobs.plan_row
        ordered_program = program._replace(
            **{name: getattr(self.program, name) for name in _LAID_OUT},
            folded_total=program.folded_total[rows],
            folded_group=np.ascontiguousarray(program.folded_group[:, rows]),
        )
        score = compute_job_scores(ordered_program)
        block = self.blocks.block
        of_class = self.classes.scores(ordered_program, score, self.jobs.job_code)
        best = np.maximum.reduceat(of_class, block[:, FIRST], axis=1)
        class_scores = np.zeros((len(of_class), len(block) * BLOCK_JOBS), dtype=np.float32)
        class_scores[:, self.blocks.job_slot] = of_class
        index = Index(
            **self.users._asdict(),
            **self.jobs._asdict(),
            **self.keys._asdict(),
            **self.bounds._asdict(),
            is_grid=self.cells.is_grid,
            group_cell=self.cells.group_cell,
            cell_code=self.cells.cell_code,
            cell=self.cells.cell,
            **self.code_cells._asdict(),
            job_facts=self.blocks.job_facts,
            dot_norm=self.blocks.dot_norm,
            block=block,
            block_single=block.view(np.float32),
            block_masks=block.view(np.uint64),
            block_centre=self.blocks.block_centre,
            block_facts=self.blocks.block_facts,
            class_of_user=self.classes.of_user,
            class_scores=class_scores.reshape(len(of_class), -1, BLOCK_JOBS),
            block_best=np.stack([best, compute_remaining_maxima(best, self.cells.filled_start)], axis=2),
            job_score=score.astype(np.float32),
            largest_job_score=float(np.abs(score).max()),
            job_sums=np.ascontiguousarray(
                np.stack([score, ordered_program.folded_total, *ordered_program.folded_group]).T
            ),
            cell_best=compute_cell_maxima(best, self.cells.cell),
        )
        return SearchIndex(ordered_program, index, self.limits, self.user_locality, self.kept)


_BY_JOB = ("key_code", "number_rank", "flag_bits", "dot_start", "dot_job_has", "job_vector")
"""Fields of a program that determine the order of jobs, their blocks and the bounds."""
_LAID_OUT = (
    "job_value",
    "key_code",
    "number_rank",
    "flag_bits",
    "dot_job_has",
    "job_vector",
    "tree_job_state",
    "pair_job",
)
"""Fields of a program that the layout holds in its own order. They do not depend on weights."""


def _gather_vectors(program: Program, rows: Longs) -> Singles:
    """Return the vectors of these jobs, by job; zero where a job has none."""
    vectors = np.empty((len(rows), len(program.job_vector)), dtype=np.float32)

    def gather(first: int) -> None:
        part = slice(first, first + _JOBS_AT_ONCE)
        vectors[part] = program.job_vector[:, rows[part]].T
        for slot, has in enumerate(program.dot_job_has[:, rows[part]]):
            vectors[part][~has, program.dot_start[slot] : program.dot_start[slot + 1]] = 0.0

    map_in_threads(gather, range(0, len(rows), _JOBS_AT_ONCE), len(rows))
    return vectors


def _is_same(a: Any, b: Any) -> bool:
    return a is b or np.array_equal(a, b)


def _make_limits(exclusions: Exclusions, rows: Longs, cells: Cells, blocks: Blocks) -> Limits:
    arrays = exclusions.arrays
    place = np.full(len(exclusions.company), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    company = exclusions.company[rows]
    by_company = np.argsort(company, kind="stable")
    start = np.searchsorted(company[by_company], np.arange(exclusions.n_companies + 1))
    excluded_start, excluded = _map_to_positions(arrays.excluded_start, arrays.excluded, place)
    required_start, required = _map_to_positions(arrays.required_start, arrays.required, place)
    job_class = np.ascontiguousarray(arrays.job_class[:, rows])
    return Limits(
        excluded_start=excluded_start,
        excluded=excluded,
        cooldown_start=arrays.cooldown_start.astype(np.int64),
        cooldown=arrays.cooldown.astype(np.int32),
        required_start=required_start,
        required=required,
        user_class=arrays.user_class,
        job_class=job_class,
        class_start=arrays.class_start,
        class_width=arrays.class_width,
        class_allowed=arrays.class_allowed,
        **_make_class_masks(arrays, job_class, cells, blocks),
        company_start=start.astype(np.int64),
        company_jobs=by_company.astype(np.int64),
        per_company=exclusions.rules.max_per_company or 0,
        hidden=np.empty((0, 0), np.uint8) if exclusions.candidates is None else exclusions.candidates.hidden(rows),
    )


def _map_to_positions(start: Longs, jobs: Ints, place: Longs) -> tuple[Longs, Longs]:
    """Return lists of job rows as lists of positions, without the jobs that have none."""
    positions = place[jobs]
    n_before = np.concatenate([[0], np.cumsum(positions >= 0)])
    return n_before[start].astype(np.int64), positions[positions >= 0]


def estimate_mask_bytes(arrays: EligibilityArrays) -> int:
    """Return the bytes that computing the masks of cells and blocks takes at most.

    Measured for 5,591 classes of users and 100,000 jobs: 31.7 MB of an estimated 39.4 MB; 12.4 MB are kept.
    """
    n_rows = len(arrays.company) // _JOBS_PER_MASK
    n_classes = [len(table) for table in arrays.tables if len(table) * n_rows <= _MAX_MASK_BITS]
    return sum(n * (2 * n_rows + _BLOCKS_AT_ONCE * BLOCK_JOBS) // 8 for n in n_classes)


def _make_class_masks(arrays: EligibilityArrays, job_class: UInt16s, cells: Cells, blocks: Blocks) -> dict[str, Any]:
    """Return, for each table of classes, the cells and blocks with a job that each user class may get."""
    of_cells, of_blocks = [], []
    for table, jobs in zip(arrays.tables, job_class, strict=True):
        if len(table) * (len(cells.cell) + len(blocks.block)) > _MAX_MASK_BITS:
            table = table[:0]
        block_bits = _unite_jobs(table, jobs, blocks.block[:, FIRST])
        of_cells.append(_transpose_bits(_unite_blocks(block_bits, cells.cell), len(table)))
        of_blocks.append(_transpose_bits(block_bits, len(table)))
    return _join_masks("cell", of_cells) | _join_masks("block", of_blocks)


def _unite_jobs(table: Bools, job_class: UInt16s, first: Ints) -> UInt8s:
    """Return (n_blocks, ⌈user classes / 8⌉) a bit for each user class with an allowed job in the block."""
    of_class = np.packbits(table.T, axis=1, bitorder="little")
    bits = np.empty((len(first), of_class.shape[1]), dtype=np.uint8)
    for start in range(0, len(first), _BLOCKS_AT_ONCE):
        part = slice(start, start + _BLOCKS_AT_ONCE)
        stop = first[part.stop] if part.stop < len(first) else len(job_class)
        of_jobs = of_class[job_class[first[start] : stop]]
        bits[part] = np.bitwise_or.reduceat(of_jobs, first[part] - first[start], axis=0)
    return bits


def _unite_blocks(block_bits: UInt8s, cell: Ints) -> UInt8s:
    """Return the same bits per cell; a cell has a first block and the one after its last block."""
    bits = np.zeros((len(cell), block_bits.shape[1]), dtype=np.uint8)
    filled = np.flatnonzero(cell[:, 1] > cell[:, 0])
    bits[filled] = np.bitwise_or.reduceat(block_bits, cell[filled, 0], axis=0)
    return bits


def _transpose_bits(rows: UInt8s, n_columns: int) -> UInt8s:
    """Return (n_columns, ⌈rows / 8⌉) for rows of n_columns bits."""
    columns = np.empty((n_columns, -(-len(rows) // 8)), dtype=np.uint8)
    for start in range(0, len(rows), _BLOCKS_AT_ONCE):
        bits = np.unpackbits(rows[start : start + _BLOCKS_AT_ONCE], axis=1, count=n_columns, bitorder="little")
        packed = np.packbits(np.ascontiguousarray(bits.T), axis=1, bitorder="little")
        columns[:, start // 8 : start // 8 + packed.shape[1]] = packed
    return columns


def _join_masks(name: str, masks: list[UInt8s]) -> dict[str, Any]:
    return {
        f"{name}_mask": np.concatenate([np.empty(0, dtype=np.uint8), *(mask.ravel() for mask in masks)]),
        f"{name}_mask_start": np.cumsum([0, *(mask.size for mask in masks)])[: len(masks)].astype(np.int64),
        f"{name}_mask_width": np.array([mask.shape[1] if len(mask) else 0 for mask in masks], dtype=np.int64),
    }
