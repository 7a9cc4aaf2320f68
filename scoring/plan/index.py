"""The eligible jobs laid out for selection: which keys make cells, how jobs are ordered, what blocks bound.

A layout holds what does not depend on weights, or depends on them only in how well it prunes; an index adds the
job scores under the weights of the moment and is made anew in milliseconds when these change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from scoring.dataset.encode import Bools, Floats, Ints, Longs
from scoring.kernels import reference
from scoring.kernels.index import BEST, BLOCK_JOBS, FIRST, MASK_BITS, MASKS, REST, SIZE, Index, Limits
from scoring.kernels.program import FLAGS, JOB, LOOKUP, NONE, USER, Program
from scoring.plan.exclusions import Exclusions

__all__ = ["Layout", "choose_keys"]

MOST_CELLS = 8_192
"""So many cells are bounded in a few microseconds per user; more only where jobs are many more."""
JOBS_PER_CELL = 32
"""Where there are more cells than that, they hold at least so many jobs on average."""
SAMPLED_USERS = 64
ENOUGH = 0.75
"""Of the best keys' share in what tells jobs apart: a layout with less is made anew."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The eligible jobs in an order, m of them; `program` and `limits` have positions in that order for job rows."""

    program: Program
    limits: Limits
    keys: tuple[int, ...]  # that make the cells
    fixed: dict[str, Any]  # the parts of an index that do not depend on weights, or only in a few columns
    room: Room
    turn_of_user: Longs  # (n,) users with near numbers look at the same jobs: one after the other they find them cached

    @classmethod
    def of(cls, program: Program, exclusions: Exclusions, job_id: Longs, keys: tuple[int, ...] | None = None) -> Self:
        """Laid out for the weights in the program (with the keys that `choose_keys` chooses for them)."""
        rows = np.flatnonzero(exclusions.open_to_all)
        rows = rows[np.argsort(job_id[rows], kind="stable")]
        code = key_codes(program, rows)
        if keys is None:
            keys = choose_keys(program, code)
        cell = cell_numbers(program, code, keys)
        order = np.lexsort((-job_scores(program)[rows], cell))
        rows, code, cell = rows[order], np.ascontiguousarray(code[:, order]), cell[order]
        vector = np.ascontiguousarray(program.job_vector.T[rows])
        for slot, has in enumerate(program.dot_job_has[:, rows]):
            vector[~has, program.dot_start[slot] : program.dot_start[slot + 1]] = 0.0
        without_vectors = program._replace(job_vector=program.job_vector[:0])  # they are laid out by job above
        laid = without_vectors.take_jobs(rows)
        fixed = {
            "even": even_components(program),
            "uneven": np.flatnonzero(~even_components(program)).astype(np.int32),
            "lone": lone_lookups(program),
            "lookup_largest": largest_of_lookups(program),
            "plan_row": rows,
            "turn": order.astype(np.int32),
            "company": exclusions.company[rows].astype(np.int32),
            "code": code,
            "width": key_widths(program),
            "vector": vector,
            "job_low": laid.job_value.min(axis=1, initial=0.0),
            "job_high": laid.job_value.max(axis=1, initial=0.0),
            "ordered": np.array(keys, dtype=np.int32),
            "loose": np.array([key for key in range(len(code)) if key not in keys], dtype=np.int32),
        }
        parts, room = _blocks(laid, fixed, cell)
        return cls(laid, _limits(exclusions, rows), keys, fixed | parts, room, turns_of_users(program, keys))

    def fits(self, program: Program) -> bool:
        """Whether other keys would not tell jobs apart much better under the weights of this program."""
        spread = key_spreads(program, self.fixed["code"])
        possible = np.sort(spread)[::-1][: max(len(self.keys), 1)].sum()
        return bool(spread[list(self.keys)].sum() >= ENOUGH * possible)

    def index(self, program: Program) -> tuple[Program, Index]:
        """The laid out program and its index, with the weights that the given one has folded in."""
        rows = self.fixed["plan_row"]
        laid = self.program._replace(
            flat_weight=program.flat_weight,
            group_weight=program.group_weight,
            n_folded=program.n_folded,
            folded_total=program.folded_total[rows],
            folded_group=np.ascontiguousarray(program.folded_group[:, rows]),
        )
        score = job_scores(laid)
        single = score.astype(np.float32)
        fixed, room = self.fixed.copy(), self.room
        block, lanes = fixed["block"].copy(), fixed["lanes"].copy()
        best = np.maximum.reduceat(single, block[:, FIRST])
        block_single, lanes_single = block.view(np.float32), lanes.view(np.float32)
        block_single[:, BEST], block_single[:, REST] = best, _best_of_the_rest(best, room.filled)
        lanes_single[room.lane] = single
        return laid, Index(
            **fixed | {"block": block, "lanes": lanes},
            block_single=block_single,
            block_masks=block.view(np.uint64),
            lanes_single=lanes_single,
            single=single,
            largest=float(np.abs(score).max()),
            job_sums=np.ascontiguousarray(np.stack([score, laid.folded_total, *laid.folded_group]).T),
            cell_best=_best_of_cells(best, fixed["cell"]),
        )


@dataclass(frozen=True, eq=False)
class Room:
    """Where in an index the weights go."""

    filled: Ints  # (n_filled + 1,) first block of each cell with jobs
    lane: Longs  # (m,) place of each job's own sum among the lanes


def aligned(rows: int, columns: int) -> NDArray[np.int32]:
    """(rows, columns) zeros that begin with a cache line."""
    room = np.zeros(rows * columns + 16, dtype=np.int32)
    skip = -(room.ctypes.data // 4) % 16
    return room[skip : skip + rows * columns].reshape(rows, columns)


def key_codes(program: Program, rows: Longs) -> NDArray[np.uint32]:
    """(n_keys, len(rows)): lookup keys, then sets of flags."""
    return np.concatenate([program.key_code[:, rows], program.flag_bits[:, rows]]).astype(np.uint32)


def key_widths(program: Program) -> Ints:
    """(n_keys,) columns of a key's rows."""
    width = np.zeros(len(program.key_code) + len(program.flag_bits), dtype=np.int32)
    width[program.lookup_key] = program.lookup_width
    width[len(program.key_code) + program.flag_set] = program.flag_width
    return width


def job_scores(program: Program) -> Floats:
    """(m,) the weighted sum of all that depends on the job alone, in components that fold."""
    p = program
    score = p.folded_total.copy()
    even = even_components(p)
    for c in range(p.n_folded, p.n_components):
        if even[c] and p.flat_weight[c]:
            for term in range(p.term_start[c], p.term_start[c + 1]):
                if p.term_kind[term] == JOB:
                    score += p.flat_weight[c] * p.job_value[p.term_slot[term]]
    return score


def even_components(program: Program) -> Bools:
    """(c,) which components are sums that a user's fold can take apart.

    Not so where a divisor by user would scale a job's own value for each user anew, or a divisor by flags
    anything but constants and the same flags.
    """
    p = program
    even = np.ones(p.n_components, dtype=np.bool_)
    for c in range(p.n_components):
        terms = range(p.term_start[c], p.term_start[c + 1])
        if p.divisor_kind[c] == USER:
            even[c] = all(p.term_kind[t] != JOB for t in terms)
        elif p.divisor_kind[c] == FLAGS:
            of = p.flag_set[p.divisor_slot[c]]
            even[c] = all(
                p.term_kind[t] == USER or (p.term_kind[t] == FLAGS and p.flag_set[p.term_slot[t]] == of) for t in terms
            )
    return even


def lone_lookups(program: Program) -> Bools:
    """(n_lookups,) whether the row is one for everybody, times a weight that is, too."""
    p = program
    end = np.append(p.lookup_table, len(p.lookup_values))[1:]
    lone = end - p.lookup_table == p.lookup_width
    for c in np.flatnonzero(p.divisor_kind != NONE):
        for t in range(p.term_start[c], p.term_start[c + 1]):
            if p.term_kind[t] == LOOKUP:
                lone[p.term_slot[t]] = False
    return lone


def largest_of_lookups(program: Program) -> Floats:
    """(n_lookups,) the largest absolute value of any row or entry."""
    p = program
    end = np.append(p.lookup_table, len(p.lookup_values))[1:]
    return np.array(
        [
            max(
                np.abs(p.lookup_values[p.lookup_table[slot] : end[slot]]).max(initial=0.0),
                np.abs(p.entry_value[p.entry_start[slot, 0] : p.entry_start[slot, -1]]).max(initial=0.0),
            )
            for slot in range(len(end))
        ],
        dtype=np.float64,
    )


def choose_keys(program: Program, code: NDArray[np.uint32]) -> tuple[int, ...]:
    """The keys that make the cells: those by which scores differ most, while there are not too many cells.

    A key counts by how far the best of its codes lies above the usual one (the mean over jobs), on average over
    some users. `code` is (n_keys, m).
    """
    spread, limit = key_spreads(program, code), max(MOST_CELLS, code.shape[1] // JOBS_PER_CELL)
    chosen: list[int] = []
    cells = 1
    for key in np.argsort(-spread, kind="stable"):
        if spread[key] > 0:
            count = len(np.unique(cell_numbers(program, code, (*chosen, key))))
            if cells < count <= limit:
                chosen.append(int(key))
                cells = count
    return tuple(sorted(chosen, key=lambda key: len(np.unique(code[key]))))  # long groups go by faster


def key_spreads(program: Program, code: NDArray[np.uint32]) -> Floats:
    """(n_keys,) how much a key tells jobs apart under the program's weights."""
    p, width = program, key_widths(program)
    users = np.unique(np.linspace(0, p.n_users - 1, SAMPLED_USERS).astype(np.int64)) if p.n_users else np.zeros(0, int)
    rows = [np.zeros((len(users), w)) for w in width]
    for c in range(p.n_components):
        for t in range(p.term_start[c], p.term_start[c + 1]):
            kind, slot = p.term_kind[t], p.term_slot[t]
            weight = np.broadcast_to(p.flat_weight[c], len(users))
            if p.divisor_kind[c] == USER:
                weight = weight / p.user_value[p.divisor_slot[c], users]
            elif p.divisor_kind[c] == FLAGS:
                weight = weight / np.abs(reference.flag_rows(p, p.divisor_slot[c], users)).mean(axis=1)
            if kind == LOOKUP:
                rows[p.lookup_key[slot]] += weight[:, None] * reference.lookup_rows(p, slot, users)
            elif kind == FLAGS:
                place = len(p.key_code) + p.flag_set[slot]
                rows[place] += weight[:, None] * reference.flag_rows(p, slot, users)
    spread = np.zeros(len(width))
    for key, row in enumerate(rows):
        count = np.bincount(code[key], minlength=width[key])
        there = count > 0
        if len(users) and there.sum() > 1:
            usual = row[:, there] @ (count[there] / count.sum())
            spread[key] = (row[:, there].max(axis=1) - usual).mean()
    return spread


def turns_of_users(program: Program, keys: tuple[int, ...]) -> Longs:
    """(n,) a number by the code that each of the ordered keys' tables values most for the user, the first key first.

    It only serves the memory's caches: a third of the time of 10,000 lists (148 µs to 103 µs a user, measured).
    """
    p = program
    turn = np.zeros(p.n_users, dtype=np.int64)
    end = np.append(p.lookup_table, len(p.lookup_values))[1:]
    for key in keys:
        slots = np.flatnonzero(p.lookup_key == key)
        if len(slots):
            slot = max(slots, key=lambda slot: end[slot] - p.lookup_table[slot])
            rows = p.lookup_values[p.lookup_table[slot] : end[slot]].reshape(-1, p.lookup_width[slot])
            turn = turn * p.lookup_width[slot] + rows.argmax(axis=1)[p.lookup_row[slot]]
    return turn


def cell_numbers(program: Program, code: NDArray[np.uint32], keys: tuple[int, ...]) -> Longs:
    """(m,) the same number for jobs that share the codes of these keys, ascending by the first, then the next."""
    cell = np.zeros(code.shape[1], dtype=np.int64)
    width = key_widths(program)
    largest = 1
    for key in keys:
        if largest > 2**62 // max(int(width[key]), 1):  # renumber before the product overflows
            different, cell = np.unique(cell, return_inverse=True)
            largest = len(different)
        cell = cell * width[key] + code[key]
        largest *= int(width[key])
    return cell


def _blocks(program: Program, fixed: dict[str, Any], cell: Longs) -> tuple[dict[str, Any], Room]:
    """Cells and blocks of jobs in their final order, and what bounds them; `cell` is (m,)."""
    p, m, code, loose = program, len(cell), fixed["code"], fixed["loose"]
    starts = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
    per_cell = -(-np.diff(np.append(starts, m)) // BLOCK_JOBS)
    filled = np.concatenate([[0], np.cumsum(per_cell)])
    within = np.arange(filled[-1]) - np.repeat(filled[:-1], per_cell)
    begin = np.repeat(starts, per_cell) + within * BLOCK_JOBS
    size = np.diff(np.append(begin, m))
    ranks = [ufunc.reduceat(p.number_rank, begin, axis=1) for ufunc in (np.minimum, np.maximum)]
    bits = np.uint64(1) << (code[loose] % MASK_BITS).astype(np.uint64)
    centre, bounds, norm = _bound_vectors(p, fixed["vector"], begin, size)
    n_columns = MASKS + 2 * len(loose) + 2 * len(p.number_rank) + 3 * len(p.dot_scale)
    block = aligned(len(begin), n_columns + n_columns % 2 if n_columns > 16 else 16)
    block[:, FIRST], block[:, SIZE] = begin, size
    behind = MASKS + 2 * len(loose)
    block.view(np.uint64)[:, MASKS // 2 : behind // 2] = np.bitwise_or.reduceat(bits, begin, axis=1).T
    block[:, behind : behind + 2 * len(p.number_rank) : 2] = ranks[0].T
    block[:, behind + 1 : behind + 2 * len(p.number_rank) : 2] = ranks[1].T
    behind += 2 * len(p.number_rank)
    for slot, (radius, step, every) in enumerate(bounds):
        block.view(np.float32)[:, behind + 3 * slot] = radius
        block.view(np.float32)[:, behind + 3 * slot + 1] = step
        block[:, behind + 3 * slot + 2] = every
    lanes, lane = _lanes(p, code[loose], begin, size)
    cells = _cells(np.ascontiguousarray(code[fixed["ordered"]][:, starts]), filled, fixed)
    parts = {
        "vector": fixed["vector"],
        "job_facts": np.ascontiguousarray(np.concatenate([code, p.number_rank, p.dot_job_has]).T, dtype=np.int32),
        "block": block,
        "block_centre": centre,
        "dot_norm": norm,
        "lanes": lanes.ravel(),
        "n_lanes": lanes.shape[1],
        **cells,
    }
    return parts, Room(filled.astype(np.int32), lane)


def _lanes(program: Program, code: NDArray[np.uint32], begin: Longs, size: Longs) -> tuple[NDArray[np.int32], Longs]:
    """Lanes (m, n_lanes), to be read as one row, and the place in it of each job's own sum."""
    columns = np.concatenate([code, program.number_rank, program.dot_job_has]).astype(np.int32)
    n_lanes, m = 1 + len(columns), code.shape[1]
    lanes = aligned(m, n_lanes)
    within = np.arange(m) - np.repeat(begin, size)
    first = np.repeat(begin, size) * n_lanes + within
    length = np.repeat(size, size)
    for lane, column in enumerate(columns, start=1):
        lanes.reshape(-1)[first + lane * length] = column
    return lanes, first


def _cells(cell_code: NDArray[np.uint32], filled: Longs, fixed: dict[str, Any]) -> dict[str, Any]:
    """Groups and cells; `cell_code` (n_ordered, n_filled) and `filled` are those of the cells with jobs."""
    width = fixed["width"][fixed["ordered"]]
    grid = len(cell_code) == 2 and _is_worth_a_grid(cell_code, int(width[1]))
    blocks = filled
    if grid:
        cell_code, blocks = _as_grid(cell_code, filled, int(width[1]))
    groups = np.zeros(1, dtype=np.int64)
    if len(cell_code) > 1:
        groups = np.flatnonzero(np.concatenate([[True], cell_code[0, 1:] != cell_code[0, :-1]]))
    return {
        "grid": grid,
        "group_cell": np.append(groups, len(blocks) - 1).astype(np.int32),
        "cell_code": cell_code,
        "cell": np.ascontiguousarray(np.concatenate([[blocks[:-1], blocks[1:]], cell_code]).T, dtype=np.int32),
    }


def _is_worth_a_grid(cell_code: NDArray[np.uint32], width: int) -> bool:
    """Whether at least half of the cells of a full grid hold jobs: its rows are added without looking codes up."""
    n_groups = len(np.unique(cell_code[0]))
    return bool(2 * cell_code.shape[1] >= n_groups * width)


def _as_grid(cell_code: NDArray[np.uint32], cell_block: Longs, width: int) -> tuple[NDArray[np.uint32], Longs]:
    """The same cells with empty ones between: one for each code of the second key."""
    outer, group = np.unique(cell_code[0], return_inverse=True)
    per_cell = np.zeros(len(outer) * width, dtype=np.int64)
    per_cell[group * width + cell_code[1]] = np.diff(cell_block)
    inner = np.arange(width, dtype=np.uint32)
    code = np.stack([np.repeat(outer, width), np.tile(inner, len(outer))]).astype(np.uint32)
    return code, np.concatenate([[0], np.cumsum(per_cell)])


def _bound_vectors(
    program: Program, vector: NDArray[np.float32], begin: Longs, size: Longs
) -> tuple[NDArray[np.int8], list[tuple[Floats, Floats, Bools]], Floats]:
    """Points near the vectors of each block, (n_blocks, d); per product (radius, step, all have one) of each block;
    the greatest norm (n_dots,).

    A point is the mean in whole `step`s, a 127th of its largest coordinate: distances are measured from where
    it then is, so nothing is lost but a little nearness, and it takes a quarter of the memory. Radii and norms
    are rounded up; a block without any vector has radius -1.
    """
    p = program
    centre = np.zeros((len(begin), vector.shape[1]), dtype=np.int8)
    counts = np.add.reduceat(p.dot_job_has, begin, axis=1, dtype=np.int64)
    of_block = np.repeat(np.arange(len(begin)), size)
    bounds, norm = [], np.zeros(len(p.dot_scale))
    for slot, has in enumerate(p.dot_job_has):
        part = slice(p.dot_start[slot], p.dot_start[slot + 1])
        own = vector[:, part]
        mean = np.add.reduceat(own, begin, axis=0) / np.maximum(counts[slot], 1)[:, None]
        step = (np.abs(mean).max(axis=1, initial=0.0) / 127).astype(np.float32)
        centre[:, part] = np.rint(mean / np.where(step > 0, step, 1)[:, None])
        square, length = np.zeros(len(own)), np.zeros(len(own))
        for d in range(own.shape[1]):  # one dimension at a time: no float64 copy of all vectors
            at = centre[:, part.start + d] * step.astype(np.float64)
            square += (own[:, d] - at[of_block]) ** 2
            length += own[:, d].astype(np.float64) ** 2
        far = np.maximum.reduceat(np.sqrt(np.where(has, square, 0.0)), begin) * (1 + 1e-6)
        radius = np.where(counts[slot] > 0, np.nextafter(far.astype(np.float32), np.float32(np.inf)), -1)
        bounds.append((radius, step, counts[slot] == size))
        norm[slot] = np.sqrt(length.max(initial=0.0)) * (1 + 1e-6)
    return centre, bounds, norm


def _best_of_cells(best: NDArray[np.float32], cell: Ints) -> NDArray[np.float32]:
    """(n_cells,) greatest of its blocks; -infinity for an empty one."""
    result = np.full(len(cell), -np.inf, dtype=np.float32)
    filled = np.flatnonzero(cell[:, 1] > cell[:, 0])
    result[filled] = np.maximum.reduceat(best, cell[filled, 0])
    return result


def _best_of_the_rest(best: NDArray[np.float32], cells: Ints) -> NDArray[np.float32]:
    """(n_blocks,) greatest of this block and those behind it in its cell."""
    rest = best.copy()
    length = np.diff(cells)
    for step in range(int(length.max(initial=1)) - 1, 0, -1):
        here = cells[:-1][length > step] + step
        rest[here - 1] = np.maximum(rest[here - 1], rest[here])
    return rest


def _limits(exclusions: Exclusions, rows: Longs) -> Limits:
    place = np.full(len(exclusions.company), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    company = exclusions.company[rows]
    by_company = np.argsort(company, kind="stable")
    start = np.searchsorted(company[by_company], np.arange(exclusions.n_companies + 1))
    own = place[exclusions.jobs.values]
    before = np.concatenate([[0], np.cumsum(own >= 0)])
    return Limits(
        excluded_start=before[exclusions.jobs.start].astype(np.int64),
        excluded=own[own >= 0],
        cooling_start=exclusions.companies.start.astype(np.int64),
        cooling=exclusions.companies.values.astype(np.int32),
        company_start=start.astype(np.int64),
        company_jobs=by_company.astype(np.int64),
        per_company=exclusions.rules.max_per_company or 0,
    )
