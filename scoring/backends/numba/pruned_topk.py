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
    block_slack_of_codes,
    block_slack_of_vectors,
    bound_job_scores,
    slack_of_codes,
    slack_of_vectors,
)
from scoring.backends.numba.exact_score import exact_score, job_base, unfoldable_part, write_list
from scoring.backends.numba.jit import internal, nogil_no_refcount
from scoring.backends.numba.job_cell_bounds import (
    bound_cells,
    collect_cells,
    count_at_least,
    maximum,
    order_by_bin,
    raise_exception_cells,
)
from scoring.backends.numba.scratch import Scratch
from scoring.backends.numba.simd_blocks import lowest_bit, mask_of_block
from scoring.backends.numba.top_list import (
    choose_required,
    choose_seeds,
    clear_list,
    clear_marks,
    count_required,
    decode_jobs,
    exclude_cells_of_classes,
    is_class_allowed,
    list_threshold,
    may_contain_class,
    offer,
    set_excluded,
    set_not_required,
    unmark_seeds,
)
from scoring.backends.numba.user_fold import fold_user
from scoring.backends.numba.user_state import CONSTANT, SINGLE_ERROR, UNFOLDABLE, UserState
from scoring.bundle.block_index import BEST, FIRST, REST, SIZE, Index, Limits
from scoring.bundle.program import Program

__all__ = ["top_k"]

FIRST_BAND = 0.75
"""The first pass covers this share of the usual depth of lists. Its jobs set nearly the final bound for the rest."""
FEW_REQUIRED = 2000
"""Up to this number, scoring the required jobs of a user is faster than a search."""
LOWEST = np.finfo(np.float32).min
"""Below every bound except that of an empty cell, which is -infinity."""


@internal
def lowest_bound(threshold: float, offset: float, single_error: float) -> np.float32:
    """Return the lowest bound of a cell that may contain a job with score `threshold`."""
    return max(LOWEST, np.float32(threshold - offset - single_error))


@internal(forceinline=True)
def score_seeds(
    program: Program,
    index: Index,
    limits: Limits,
    state: UserState,
    scratch: Scratch,
    user: int,
    n_seeds: int,
    size: int,
) -> int:
    """Offer the jobs in `scratch.seeds` to the list and mark them; return the size of the list."""
    for i in range(n_seeds):
        job = np.int64(scratch.seeds[i])
        if scratch.excluded[job] or not is_class_allowed(limits, user, job):
            scratch.seeds[i] = -1  # marked for another reason: `unmark_seeds` must keep the mark
        else:
            size = offer(
                index,
                scratch,
                limits,
                exact_score(program, index, state, scratch, user, job, job_base(program, index, state, user, job)),
                job,
                size,
            )
            scratch.excluded[job] = True
    return size


@internal(forceinline=True)
def may_contain(
    program: Program,
    index: Index,
    state: UserState,
    scratch: Scratch,
    block: int,
    best: float,
    slack: float,
    of_vectors: float,
    threshold: float,
) -> bool:
    """Return whether a job of the block may score `threshold`, checking the cheapest bound first.

    `best` is the greatest job score in the block, with the parts that its cell shares.
    """
    if best + slack < threshold:
        return False
    codes_slack = block_slack_of_codes(program, index, state, block)
    return (
        best + codes_slack + of_vectors >= threshold
        and best + codes_slack + block_slack_of_vectors(program, index, state, block, scratch.dot_best) >= threshold
    )


@nogil_no_refcount
def top_k(
    program: Program,
    index: Index,
    limits: Limits,
    state: UserState,
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
    jobs. `seeds` (len(users), k or 0) are positions of jobs to offer first, up to the first -1. `visited` (2,) counts
    the jobs that were scored approximately and exactly. The kernel returns between users if `stop[0]` is not 0.
    """
    k = out_row.shape[1]
    n_bounded = n_exact = size = np.int64(0)
    usual_depth = -1.0  # mean distance of the last score of a list from the best bound, over previous users; -1: none
    for place in places:
        if stop[0] != 0:
            break
        user = users[place]
        fold_user(program, index, user, state)
        # few required jobs are scored without bounds; if there are many, all other jobs are marked
        n_required = count_required(limits, user)
        is_limited, n_previous, n_offered = 0 <= n_required <= FEW_REQUIRED, size, np.int64(0)
        if n_required > FEW_REQUIRED:
            set_not_required(scratch.excluded, user, limits)
        set_excluded(scratch.excluded, user, True, limits)
        size = np.int64(0)
        clear_list(scratch)
        while True:  # one pass, or more for required jobs
            if is_limited:
                n_seeds = choose_required(limits, scratch, user, n_offered)
            else:
                n_seeds = choose_seeds(scratch, seeds[place], n_previous)
            size = score_seeds(program, index, limits, state, scratch, user, n_seeds, size)
            n_offered += n_seeds
            if not is_limited or n_seeds == 0:
                break
            unmark_seeds(scratch, n_seeds)
        n_exact += n_offered
        if not is_limited:
            single_error, most_unfoldable = state.sums[SINGLE_ERROR], state.sums[UNFOLDABLE]
            threshold = list_threshold(scratch, limits, k) if size == k else -np.inf
            bound_cells(index, user, state.row_single, scratch.cell_bound)
            block_best = index.block_best[index.class_of_user[user]]
            reduction, of_vectors = (
                raise_exception_cells(program, index, state, user, scratch.cell_bound),
                slack_of_vectors(index, state),
            )
            exclude_cells_of_classes(limits, user, scratch.cell_bound)
            slack = slack_of_codes(index, state) + of_vectors
            # a job of a cell scores at most scratch.cell_bound[cell] + offset
            offset = (
                state.sums[CONSTANT] + slack - reduction + single_error
            )  # a job of a cell scores at most scratch.bound[cell] + beside
            top, high = maximum(scratch.cell_bound, scratch.lanes), np.float32(np.inf)
            low = lowest_bound(list_threshold(scratch, limits, size), offset, single_error)
            if usual_depth > 0:
                low = max(low, np.float32(top - FIRST_BAND * usual_depth))
            n_collected: Any = np.int64(0)
            while True:
                n_found = collect_cells(scratch.cell_bound, low, high, scratch.candidate_cells)
                n_collected += n_found
                order_by_bin(
                    scratch.cell_bound, scratch.candidate_cells, n_found, scratch.bin_start, scratch.ordered_cells
                )
                for i in range(n_found):
                    cell = scratch.ordered_cells[i]
                    if scratch.cell_bound[cell] + offset < threshold:
                        continue
                    base = state.sums[CONSTANT] + single_error
                    for o in range(len(index.cell_keys)):
                        base += state.row[index.cell_keys[o], index.cell[cell, 2 + o]]
                    for block in range(index.cell[cell, 0], index.cell[cell, 1]):
                        if block_best[block, REST] + base + slack < threshold:
                            break
                        best = block_best[block, BEST] + base
                        if not may_contain_class(limits, user, block):
                            continue
                        if not may_contain(program, index, state, scratch, block, best, slack, of_vectors, threshold):
                            continue
                        bound_job_scores(program, index, state, user, block, scratch.dot_best, scratch.job_bounds)
                        first, n_jobs = np.int64(index.block[block, FIRST]), index.block[block, SIZE]
                        n_bounded += n_jobs
                        low_bound = np.float32(threshold - base - single_error - most_unfoldable)
                        bits = mask_of_block(scratch.job_bounds, 0, low_bound, np.float32(np.inf))
                        bits &= (np.uint64(1) << np.uint64(n_jobs)) - np.uint64(1)
                        while bits:
                            j = lowest_bit(bits)
                            bits &= bits - np.uint64(1)
                            job = first + j
                            bound = scratch.job_bounds[j] + base
                            if bound + most_unfoldable < threshold or scratch.excluded[job]:
                                continue
                            if not is_class_allowed(limits, user, job):
                                continue
                            unfoldable = 0.0
                            if len(index.unfoldable):
                                unfoldable = unfoldable_part(program, index, state, user, job)
                                if bound + unfoldable < threshold:
                                    continue
                            size = offer(
                                index,
                                scratch,
                                limits,
                                exact_score(
                                    program, index, state, scratch, user, job, base - single_error + unfoldable
                                ),
                                job,
                                size,
                            )
                            n_exact += 1
                            if size == k:
                                threshold = list_threshold(scratch, limits, k)
                needed = lowest_bound(threshold, offset, single_error)
                if low <= needed or (size < k and n_collected == count_at_least(scratch.cell_bound, LOWEST)):
                    break
                high, low = low, needed if size == k else lowest_bound(top - 2 * (top - low), 0.0, single_error)
            if size == k:
                depth = top - threshold + offset
                usual_depth = 0.9 * usual_depth + 0.1 * depth if usual_depth > 0 else depth
        unmark_seeds(scratch, n_seeds)
        set_excluded(scratch.excluded, user, False, limits)
        if n_required > FEW_REQUIRED:
            clear_marks(scratch.excluded)
        decode_jobs(index, scratch, limits, size)
        out_count[place] = size
        write_list(program, index, state, scratch, user, size, out_row[place], out_score[place])
    visited[0] += n_bounded
    visited[1] += n_exact
