"""The k best jobs of each user, exact, most jobs never looked at. The lists are those of `reference.top_k`.

Cells are bounded for a user all at once, the promising ones visited from the best bound down, their blocks bounded
more closely, and the jobs of what is left scored in float32. Whatever may still belong to the list gets its
canonical score: in float64, from the folded sums where these leave no doubt about the float32 that they round to,
else by the formula. The list in hand is exact at all times, so nothing below its last score can matter, whatever
the order of visits. (Block-Max WAND and MaxScore skip by the same argument; here bounds are made per user, from
the few parts that a score has.)
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
from scoring.backends.numba.room import Room
from scoring.backends.numba.top_list import cut_of_list, empty_list, first_to_try, mark, offer, take_jobs, unmark_tried
from scoring.backends.numba.user_state import COARSE, CONSTANT, Fold
from scoring.backends.numba.vectors import lowest_bit, which_of_block
from scoring.bundle.index import BEST, FIRST, REST, SIZE, Index, Limits
from scoring.bundle.program import Program

__all__ = ["top_k"]

FIRST_BAND = 0.75
"""Of the way down to where lists usually end: what is found there makes nearly the last bound for all the rest."""
LOWEST = np.finfo(np.float32).min
"""Below every bound but that of an empty cell, which is -infinity."""


@inner
def lowest_bound(cut: float, beside: float, coarse: float) -> np.float32:
    """Of cells that may hold what scores `cut` (their rounding is less than `coarse`)."""
    return max(LOWEST, np.float32(cut - beside - coarse))


@inner(forceinline=True)
def try_first(p: Program, x: Index, limits: Limits, f: Fold, r: Room, user: int, n_tried: int) -> int:
    """Offers the jobs in `r.tried` to an empty list and marks them; returns the list's size."""
    size: Any = np.int64(0)
    empty_list(r)
    for i in range(n_tried):
        job = np.int64(r.tried[i])
        if r.marks[job]:
            r.tried[i] = -1  # (marked for another reason: it stays so)
        else:
            size = offer(x, r, limits, exact_score(p, x, f, r, user, job, base_of(x, f, job)), job, size)
            r.marks[job] = True
    return size


@inner(forceinline=True)
def worth_a_look(
    p: Program, x: Index, f: Fold, r: Room, block: int, best: float, slack: float, of_vectors: float, cut: float
) -> bool:
    """Whether a job of a block may score `cut`: by the cheapest bound first. `best` is its best own score."""
    if best + slack < cut:
        return False
    here = slack_of_codes(p, x, f, block)
    return best + here + of_vectors >= cut and best + here + slack_of_vectors(p, x, f, block, r.dots) >= cut


@bare
def top_k(
    p: Program,
    x: Index,
    limits: Limits,
    f: Fold,
    r: Room,
    users: Longs,
    places: Longs,
    seeds: Ints,
    out_row: Longs,
    out_score: Singles,
    out_count: Ints,
    visited: Longs,
    stop: np.ndarray,
) -> None:
    """Fills per user `out_row` (len(users), k), `out_score` (…, k, 4) and how many there are.

    `places` among the users are gone through, in that order; it is best to have users who look at the same jobs
    follow each other. `seeds` (len(users), k or 0) are positions of jobs to begin with, up to the first -1.
    `visited` (2,) counts the jobs that were scored loosely and exactly. Between users, `stop[0]` other than 0 ends
    the work.
    """
    k = out_row.shape[1]
    loosely = exactly = size = np.int64(0)
    usual_depth = -1.0  # how far below the best bound the lists of the users so far ended
    for place in places:
        if stop[0] != 0:
            break
        user = users[place]
        fold_user(p, x, user, f)
        mark(r.marks, user, True, limits)
        n_tried = first_to_try(r, seeds[place], size)
        size, coarse = try_first(p, x, limits, f, r, user, n_tried), f.sums[COARSE]
        cut = cut_of_list(r, limits, k) if size == k else -np.inf
        exactly += n_tried
        bound_cells(x, user, f.single, r.bound)
        block_best = x.block_best[x.class_of_user[user]]
        less, of_vectors = raise_holders(p, x, f, user, r.bound), most_of_vectors(x, f)
        slack = most_of_codes(x, f) + of_vectors
        beside = f.sums[CONSTANT] + slack - less + coarse  # a job of a cell scores at most r.bound[cell] + beside
        top, high = greatest(r.bound, r.lanes), np.float32(np.inf)
        low = lowest_bound(cut_of_list(r, limits, size), beside, coarse)
        if usual_depth > 0:
            low = max(low, np.float32(top - FIRST_BAND * usual_depth))
        while True:
            n_found = collect(r.bound, low, high, r.found)
            put_in_order(r.bound, r.found, n_found, r.start, r.ordered)
            for i in range(n_found):
                cell = r.ordered[i]
                if r.bound[cell] + beside < cut:
                    continue
                base = f.sums[CONSTANT] + coarse
                for o in range(len(x.ordered)):
                    base += f.row[x.ordered[o], x.cell[cell, 2 + o]]
                for block in range(x.cell[cell, 0], x.cell[cell, 1]):
                    if block_best[block, REST] + base + slack < cut:
                        break
                    best = block_best[block, BEST] + base
                    if not worth_a_look(p, x, f, r, block, best, slack, of_vectors, cut):
                        continue
                    score_loosely(p, x, f, user, block, r.dots, r.value)
                    first, n_jobs = np.int64(x.block[block, FIRST]), x.block[block, SIZE]
                    loosely += n_jobs
                    if len(x.uneven):
                        for j in range(n_jobs):
                            r.value[j] += np.float32(uneven_part(p, x, f, user, first + j))
                    bits = which_of_block(r.value, 0, np.float32(cut - base - coarse), np.float32(np.inf))
                    bits &= (np.uint64(1) << np.uint64(n_jobs)) - np.uint64(1)
                    while bits:
                        j = lowest_bit(bits)
                        bits &= bits - np.uint64(1)
                        job = first + j
                        if r.value[j] + base < cut or r.marks[job]:
                            continue
                        size = offer(x, r, limits, exact_score(p, x, f, r, user, job, base - coarse), job, size)
                        exactly += 1
                        if size == k:
                            cut = cut_of_list(r, limits, k)
            needed = lowest_bound(cut, beside, coarse)
            if low <= needed:
                break
            high, low = low, needed if size == k else lowest_bound(top - 2 * (top - low), 0.0, coarse)
        if size == k:
            depth = top - cut + beside
            usual_depth = 0.9 * usual_depth + 0.1 * depth if usual_depth > 0 else depth
        unmark_tried(r, n_tried)
        mark(r.marks, user, False, limits)
        take_jobs(x, r, limits, size)
        out_count[place] = size
        write_list(p, x, f, r, user, size, out_row[place], out_score[place])
    visited[0] += loosely
    visited[1] += exactly
