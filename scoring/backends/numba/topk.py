"""The exact k best jobs of each user by pruning. The lists equal those of `reference.top_k`.

The kernel computes upper bounds of all cells for a user. It visits candidate cells in descending order of their
bounds and computes tighter bounds of their blocks. The jobs of the remaining blocks are scored in float32. A job that
may still enter the list gets its canonical score in float64. The folded sums give it if their error bound leaves only
one float32 result; otherwise, the formula does. The current list is exact at all times, so jobs below its last score
can be skipped in any order of visits. (Block-Max WAND and MaxScore skip by the same argument. Here, bounds are
computed per user from the few parts of a score.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scoring.array_types import Ints, Longs, Singles
from scoring.backends.numba.bounds import (
    most_of_codes,
    most_of_vectors,
    score_loosely,
    slack_of_codes,
    slack_of_vectors,
)
from scoring.backends.numba.cells import bound_cells, collect, greatest, put_in_order, raise_holders
from scoring.backends.numba.exact_score import base_of, exact_score, uneven_part, write_list
from scoring.backends.numba.fold_user import fold_user
from scoring.backends.numba.jit import bare, inner
from scoring.backends.numba.scratch import Scratch
from scoring.backends.numba.top_list import cut_of_list, empty_list, first_to_try, mark, offer, take_jobs, unmark_tried
from scoring.backends.numba.user_state import COARSE, CONSTANT, Fold
from scoring.backends.numba.vectors import lowest_bit, which_of_block
from scoring.bundle.index import BEST, FIRST, REST, SIZE, Index, Limits
from scoring.bundle.program import Program

__all__ = ["top_k"]

FIRST_BAND = 0.75
"""The first pass covers this share of the usual depth of lists. Its jobs set nearly the final bound for the rest."""
LOWEST = np.finfo(np.float32).min
"""Below every bound except that of an empty cell, which is -infinity."""


@inner
def lowest_bound(cut: float, beside: float, coarse: float) -> np.float32:
    """Return the lowest bound of cells that may contain a job with score `cut` (their rounding is below `coarse`)."""
    return max(LOWEST, np.float32(cut - beside - coarse))


@inner(forceinline=True)
def try_first(
    program: Program, index: Index, limits: Limits, state: Fold, scratch: Scratch, user: int, n_tried: int
) -> int:
    """Offer the jobs in `scratch.tried` to an empty list and mark them; return the size of the list."""
    size: Any = np.int64(0)
    empty_list(scratch)
    for i in range(n_tried):
        job = np.int64(scratch.tried[i])
        if scratch.marks[job]:
            scratch.tried[i] = -1  # marked for another reason: `unmark_tried` must keep the mark
        else:
            size = offer(
                index,
                scratch,
                limits,
                exact_score(program, index, state, scratch, user, job, base_of(index, state, job)),
                job,
                size,
            )
            scratch.marks[job] = True
    return size


@inner(forceinline=True)
def worth_a_look(
    program: Program,
    index: Index,
    state: Fold,
    scratch: Scratch,
    block: int,
    best: float,
    slack: float,
    of_vectors: float,
    cut: float,
) -> bool:
    """Return whether a job of the block may score `cut`, checking the cheapest bound first.

    `best` is the greatest job score in the block, with the parts that its cell shares.
    """
    if best + slack < cut:
        return False
    here = slack_of_codes(program, index, state, block)
    return (
        best + here + of_vectors >= cut
        and best + here + slack_of_vectors(program, index, state, block, scratch.dots) >= cut
    )


@bare
def top_k(
    program: Program,
    index: Index,
    limits: Limits,
    state: Fold,
    scratch: Scratch,
    users: Longs,
    places: Longs,
    seeds: Ints,
    out_row: Longs,
    out_score: Singles,
    out_count: Ints,
    visited: Longs,
    stop: np.ndarray,
) -> None:
    """Fill per user `out_row` (len(users), k), `out_score` (…, k, 4) and `out_count`, the number of jobs.

    Users are processed in the order of `places`. For cache locality, order users so that neighbours share candidate
    jobs. `seeds` (len(users), k or 0) are positions of jobs to try first, up to the first -1. `visited` (2,) counts
    the jobs that were scored approximately and exactly. The kernel returns between users if `stop[0]` is not 0.
    """
    k = out_row.shape[1]
    loosely = exactly = size = np.int64(0)
    usual_depth = -1.0  # mean distance of the last score of a list from the best bound, over previous users; -1: none
    for place in places:
        if stop[0] != 0:
            break
        user = users[place]
        fold_user(program, index, user, state)
        mark(scratch.marks, user, True, limits)
        n_tried = first_to_try(scratch, seeds[place], size)
        size, coarse = try_first(program, index, limits, state, scratch, user, n_tried), state.sums[COARSE]
        cut = cut_of_list(scratch, limits, k) if size == k else -np.inf
        exactly += n_tried
        bound_cells(index, user, state.single, scratch.bound)
        block_best = index.block_best[index.class_of_user[user]]
        less, of_vectors = raise_holders(program, index, state, user, scratch.bound), most_of_vectors(index, state)
        slack = most_of_codes(index, state) + of_vectors
        beside = (
            state.sums[CONSTANT] + slack - less + coarse
        )  # a job of a cell scores at most scratch.bound[cell] + beside
        top, high = greatest(scratch.bound, scratch.lanes), np.float32(np.inf)
        low = lowest_bound(cut_of_list(scratch, limits, size), beside, coarse)
        if usual_depth > 0:
            low = max(low, np.float32(top - FIRST_BAND * usual_depth))
        while True:
            n_found = collect(scratch.bound, low, high, scratch.found)
            put_in_order(scratch.bound, scratch.found, n_found, scratch.start, scratch.ordered)
            for i in range(n_found):
                cell = scratch.ordered[i]
                if scratch.bound[cell] + beside < cut:
                    continue
                base = state.sums[CONSTANT] + coarse
                for o in range(len(index.ordered)):
                    base += state.row[index.ordered[o], index.cell[cell, 2 + o]]
                for block in range(index.cell[cell, 0], index.cell[cell, 1]):
                    if block_best[block, REST] + base + slack < cut:
                        break
                    best = block_best[block, BEST] + base
                    if not worth_a_look(program, index, state, scratch, block, best, slack, of_vectors, cut):
                        continue
                    score_loosely(program, index, state, user, block, scratch.dots, scratch.value)
                    first, n_jobs = np.int64(index.block[block, FIRST]), index.block[block, SIZE]
                    loosely += n_jobs
                    if len(index.uneven):
                        for j in range(n_jobs):
                            scratch.value[j] += np.float32(uneven_part(program, index, state, user, first + j))
                    bits = which_of_block(scratch.value, 0, np.float32(cut - base - coarse), np.float32(np.inf))
                    bits &= (np.uint64(1) << np.uint64(n_jobs)) - np.uint64(1)
                    while bits:
                        j = lowest_bit(bits)
                        bits &= bits - np.uint64(1)
                        job = first + j
                        if scratch.value[j] + base < cut or scratch.marks[job]:
                            continue
                        size = offer(
                            index,
                            scratch,
                            limits,
                            exact_score(program, index, state, scratch, user, job, base - coarse),
                            job,
                            size,
                        )
                        exactly += 1
                        if size == k:
                            cut = cut_of_list(scratch, limits, k)
            needed = lowest_bound(cut, beside, coarse)
            if low <= needed:
                break
            high, low = low, needed if size == k else lowest_bound(top - 2 * (top - low), 0.0, coarse)
        if size == k:
            depth = top - cut + beside
            usual_depth = 0.9 * usual_depth + 0.1 * depth if usual_depth > 0 else depth
        unmark_tried(scratch, n_tried)
        mark(scratch.marks, user, False, limits)
        take_jobs(index, scratch, limits, size)
        out_count[place] = size
        write_list(program, index, state, scratch, user, size, out_row[place], out_score[place])
    visited[0] += loosely
    visited[1] += exactly
