"""The k best jobs of each user, exact, most jobs never looked at. The lists are those of `reference.top_k`.

Cells are bounded for a user all at once, the promising ones visited from the best bound down, their blocks bounded
more closely, and the jobs of what is left scored in float32. Whatever may still belong to the list gets its
canonical score: in float64, from the folded sums where these leave no doubt about the float32 that they round to,
else by the formula. The list in hand is exact at all times, so nothing below its last score can matter, whatever
the order of visits. (Block-Max WAND and MaxScore skip by the same argument; here bounds are made per user, from
the few parts that a score has.)
"""

from __future__ import annotations

import numpy as np

from scoring.kernels.bounds import most_of_codes, most_of_vectors, score_loosely, slack_of_codes, slack_of_vectors
from scoring.kernels.cells import bound_cells, collect, greatest, put_in_order
from scoring.kernels.compiled import bare
from scoring.kernels.exact import exact_score, uneven_part, write_list
from scoring.kernels.fold import COARSE, CONSTANT, Fold
from scoring.kernels.folding import fold_user
from scoring.kernels.index import BEST, FIRST, REST, SIZE, Index, Limits
from scoring.kernels.lists import cut_of, insert, mark
from scoring.kernels.program import Int32s, Int64s, Program, Singles
from scoring.kernels.room import Room
from scoring.kernels.single import canonical_scores

__all__ = ["top_k"]

FIRST_BAND = 0.6
"""Of the way down to where lists usually end: what is found there makes nearly the last bound for all the rest."""
LOWEST = np.finfo(np.float32).min
"""Below every bound but that of an empty cell, which is -infinity."""


@bare
def top_k(
    p: Program,
    x: Index,
    limits: Limits,
    f: Fold,
    r: Room,
    users: Int64s,
    places: Int64s,
    seeds: Int32s,
    out_row: Int64s,
    out_score: Singles,
    out_count: Int32s,
    visited: Int64s,
    stop: np.ndarray,
) -> None:
    """Fills per user `out_row` (len(users), k), `out_score` (…, k, 4) and how many there are.

    `places` among the users are gone through, in that order; it is best to have users who look at the same jobs
    follow each other. `seeds` (len(users), k or 0) are positions of k jobs that may be shown together, or -1: the
    lowest of their scores is a bound to begin with. `visited` (2,) counts the jobs that were scored loosely and
    exactly. Between users, `stop[0]` other than 0 ends the work.
    """
    k = out_row.shape[1]
    loosely = exactly = 0
    usual_depth = -1.0  # how far below the best bound the lists of the users so far ended
    for place in places:
        if stop[0] != 0:
            break
        user, size = users[place], np.int64(0)
        fold_user(p, x, user, f)
        mark(r.marks, user, True, limits)
        bound_cells(x, f.single, r.bound)
        top = greatest(r.bound, r.lanes)
        coarse, of_vectors = f.sums[COARSE], most_of_vectors(x, f)
        slack = most_of_codes(x, f) + of_vectors
        beside = f.sums[CONSTANT] + slack + coarse  # a job of a cell scores at most r.bound[cell] + beside
        cut = -np.inf
        if seeds.shape[1] == k and seeds[place, k - 1] >= 0:
            canonical_scores(p, x, user, seeds[place], k, f.table, r.canonical)
            least = np.float32(np.inf)
            for i in range(k):
                least = min(least, np.float32(r.canonical[i, 0]))
            cut = cut_of(least)
        low, high = LOWEST, np.float32(np.inf)
        if usual_depth > 0:
            low = np.float32(top - FIRST_BAND * usual_depth)
        while True:
            low = max(low, LOWEST, np.float32(cut - beside - coarse))  # (the rounding is less than `coarse`)
            n_found = collect(r.bound, low, high, r.found)
            put_in_order(r.bound, r.found, n_found, min(top, high), r.start, r.ordered)
            for i in range(n_found):
                cell = r.ordered[i]
                if r.bound[cell] + beside < cut:
                    continue
                base = f.sums[CONSTANT] + coarse
                for o in range(len(x.ordered)):
                    base += f.row[x.ordered[o], x.cell[cell, 2 + o]]
                for block in range(x.cell[cell, 0], x.cell[cell, 1]):
                    if x.block_single[block, REST] + base + slack < cut:
                        break
                    best = x.block_single[block, BEST] + base
                    if best + slack < cut:
                        continue
                    here = slack_of_codes(p, x, f, block)
                    if best + here + of_vectors < cut:
                        continue
                    if best + here + slack_of_vectors(p, x, f, block, r.dots) < cut:
                        continue
                    first, value = x.block[block, FIRST], r.value[: x.block[block, SIZE]]
                    score_loosely(p, x, f, first, r.dots, value)
                    loosely += len(value)
                    if len(x.uneven):
                        for j in range(len(value)):
                            value[j] += np.float32(uneven_part(p, x, f, user, np.int64(first + j)))
                    for j in range(len(value)):
                        if value[j] + base < cut or r.marks[first + j]:
                            continue
                        job = np.int64(first + j)
                        score = exact_score(p, x, f, r, user, job, base - coarse)
                        exactly += 1
                        size = insert(
                            r.scores, r.turns, r.jobs, size, score, x.turn[job], job, x.company, limits.per_company
                        )
                        if size == k:
                            cut = max(cut, cut_of(r.scores[k - 1]))
            if low <= max(LOWEST, np.float32(cut - beside - coarse)):
                break
            high, low = low, np.float32(top - 2 * (top - low)) if size < k and low < top else LOWEST
        if size == k:
            depth = top - cut + beside
            usual_depth = 0.9 * usual_depth + 0.1 * depth if usual_depth > 0 else depth
        out_count[place] = size
        write_list(p, x, f, r, user, size, out_row[place], out_score[place])
        mark(r.marks, user, False, limits)
    visited[0] += loosely
    visited[1] += exactly
