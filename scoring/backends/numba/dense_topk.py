"""The k best jobs of each user by scoring every job, with products by BLAS.

This is faster than pruning for models that consist of factors only, and for lists nearly as long as the number of
jobs. A tile of users is scored for runs of jobs. For each run, one matrix product covers the users and the jobs with
vectors. The remaining terms are added per user in float32. Only jobs that may still enter the list get a canonical
score. If jobs differ only in the product, there are no remaining terms. Jobs without a vector then have equal scores,
and their order follows their ids.
"""

from __future__ import annotations

import numpy as np

from scoring.array_types import Ints, Longs, Singles
from scoring.backends.numba.bounds import add_row, add_step, add_where
from scoring.backends.numba.exact_score import exact_score, job_base, unfoldable_part, write_list
from scoring.backends.numba.jit import compiled, internal, nogil_no_refcount
from scoring.backends.numba.job_cell_bounds import CHUNK, count_at_least
from scoring.backends.numba.scratch import Scratch
from scoring.backends.numba.tile_scratch import PART, TILE, Tile, is_set, scratch_at, set_excluded_bits
from scoring.backends.numba.top_list import insert, is_class_allowed, threshold_of
from scoring.backends.numba.user_fold import fold_user
from scoring.backends.numba.user_state import CONSTANT, DOUBLE_ERROR, SINGLE_ERROR, UserState
from scoring.bundle.block_index import Index, Limits
from scoring.bundle.program import Program

__all__ = ["insert_jobs", "only_products", "short_lists"]


@internal
def _copy(to: np.ndarray, values: np.ndarray) -> None:
    for i in range(len(to)):
        to[i] = values[i]


@compiled(_nrt=True)  # explicit, because the caller's setting would be inherited
def _multiply(of_users: Singles, of_jobs: Singles, products: Singles) -> None:
    """Set products = of_users @ of_jobs.T, row by row."""
    np.dot(of_users, of_jobs.T, products.reshape(len(of_users), len(of_jobs)))


@internal
def only_products(index: Index, state: UserState) -> bool:
    """Return whether the user's job scores differ in at most one product and in nothing else."""
    something = index.largest_job_score > 0 or len(index.unfoldable) > 0
    for key in range(len(index.key_width)):
        something |= not state.is_zero[key] or state.exception_codes[key] != 0
    for slot in range(len(state.step_gain)):
        something |= state.step_gain[slot] != 0.0
    if len(state.dot_used) > 1:
        for slot in range(len(state.dot_used)):
            something |= state.dot_used[slot]
    return not something


@internal
def _begin_tile(
    program: Program, index: Index, limits: Limits, tile: Tile, users: np.ndarray, places: np.ndarray
) -> int:
    """Reset the lists and excluded jobs, and collect the users' vectors. Return the number of vectors."""
    n_rows, state = 0, tile.state
    for t in range(len(places)):
        user, has_vector = users[places[t]], False
        set_excluded_bits(tile.excluded[t], user, limits)
        tile.size[t] = 0
        fold_user(program, index, user, state)
        for slot in range(len(state.dot_used)):
            has_vector |= state.dot_used[slot]
        tile.only_products[t] = only_products(index, state)
        tile.vector_row[t] = n_rows if has_vector else -1
        if has_vector:
            _copy(tile.weighted_vectors[n_rows], state.weighted_vector_single)
            n_rows += 1
    return n_rows


@internal
def _gather(program: Program, index: Index, tile: Tile, first: int) -> tuple[int, int]:
    """Collect the jobs with vectors of a run that starts at `first`. Return (end of the run, number of such jobs).

    Their vectors are copied, unless all jobs of the run have one.
    """
    last, n_having = first, 0
    while last < len(index.id_rank) and n_having < len(tile.jobs_with_vector):
        tile.jobs_with_vector[n_having] = last
        has = False
        for slot in range(len(program.dot_job_has)):
            has |= program.dot_job_has[slot, last]
        n_having += has
        last += 1
    if n_having < last - first:
        for i in range(n_having):
            _copy(tile.vectors[i], index.vector[tile.jobs_with_vector[i]])
    return last, n_having


@internal
def _score_part(program: Program, index: Index, state: UserState, user: int, first: int, value: np.ndarray) -> None:
    """Fill `value` with the scores of the jobs from `first`, without the constant and the products."""
    last = first + len(value)
    _copy(value, index.job_score[first:last])
    for key in range(len(index.key_width)):
        if not state.is_zero[key] or state.exception_codes[key]:
            add_row(value, state.row_single[key], index.job_code[key, first:last])
    for slot in range(len(state.step_gain)):
        gain = np.float32(state.step_gain[slot])
        if gain != 0:
            rank = program.number_rank[program.interval_number[slot], first:last]
            add_step(value, rank, state.step_low[slot], state.step_high[slot], gain)
    for slot in range(len(state.dot_used)):
        if state.dot_used[slot]:
            yes, no = np.float32(state.dot_base[slot]), np.float32(state.dot_otherwise[slot])
            add_where(value, program.dot_job_has[slot, first:last], yes, no)
    if len(index.unfoldable):
        for i in range(len(value)):
            value[i] += np.float32(unfoldable_part(program, index, state, user, first + i))


@internal
def _add_all(value: np.ndarray, product: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] += product[i]


@internal
def _add_products(value: np.ndarray, first: int, having: np.ndarray, product: np.ndarray, at: int) -> int:
    """Add the products from index `at` to the jobs of `value` that have them; return the next index."""
    last = first + len(value)
    while at < len(product) and having[at] < last:
        value[having[at] - first] += product[at]
        at += 1
    return at


@internal
def insert_jobs(
    program: Program,
    index: Index,
    limits: Limits,
    state: UserState,
    scratch: Scratch,
    excluded: np.ndarray,
    user: int,
    jobs: np.ndarray,
    value: np.ndarray,
    constant: float,
    size: int,
) -> int:
    """Insert into the list those of `jobs`, with scores value + constant, that belong there; return its size."""
    offset = constant + 2 * state.sums[SINGLE_ERROR]
    low = np.float32(-np.inf)
    if size == len(scratch.jobs):
        low = np.float32(threshold_of(scratch.scores[size - 1]) - offset)
    for start in range(0, len(value), CHUNK):
        chunk = value[start : min(start + CHUNK, len(value))]
        if count_at_least(chunk, low) == 0:
            continue
        for i in range(len(chunk)):
            job = np.int64(jobs[start + i])
            if chunk[i] < low or is_set(excluded, job) or not is_class_allowed(limits, user, job):
                continue
            score = exact_score(program, index, state, scratch, user, job, job_base(program, index, state, user, job))
            size = insert(
                scratch.scores,
                scratch.id_ranks,
                scratch.jobs,
                size,
                score,
                index.id_rank[job],
                job,
                index.company,
                limits.per_company,
            )
            if size == len(scratch.jobs):
                low = np.float32(threshold_of(scratch.scores[size - 1]) - offset)
    return size


@internal
def _insert_run(
    program: Program,
    index: Index,
    limits: Limits,
    state: UserState,
    scratch: Scratch,
    tile: Tile,
    excluded: np.ndarray,
    user: int,
    first: int,
    last: int,
    product: np.ndarray,
    size: int,
) -> int:
    """Insert those of jobs first…last - 1 that belong in the list; return its size.

    `product` holds the products of the jobs with vectors.
    """
    at, all_have = 0, len(product) == last - first
    for begin in range(first, last, PART):
        end = min(begin + PART, last)
        positions, value = tile.positions[: end - begin], tile.value[: end - begin]
        for i in range(len(positions)):
            positions[i] = begin + i
        _score_part(program, index, state, user, begin, value)
        if all_have:
            _add_all(value, product[begin - first :])
        else:
            at = _add_products(value, begin, tile.jobs_with_vector, product, at)
        size = insert_jobs(
            program, index, limits, state, scratch, excluded, user, positions, value, state.sums[CONSTANT], size
        )
    return size


@internal
def _insert_without_product(
    program: Program,
    index: Index,
    limits: Limits,
    state: UserState,
    scratch: Scratch,
    excluded: np.ndarray,
    user: int,
    has_vector: bool,
    size: int,
) -> int:
    """Insert jobs without a product, whose scores are equal, where they belong in the list; return its size."""
    value = state.sums[CONSTANT] + (state.dot_otherwise[0] if has_vector else 0.0)
    score = np.float32(value + state.sums[DOUBLE_ERROR])
    sure = score == np.float32(value - state.sums[DOUBLE_ERROR])
    for first in range(0, len(index.id_rank), CHUNK):
        id_ranks = index.id_rank[first : min(first + CHUNK, len(index.id_rank))]
        if size == len(scratch.jobs):
            if score < scratch.scores[size - 1]:
                break
            is_tie = score == scratch.scores[size - 1]
            if sure and is_tie and count_at_least(id_ranks, scratch.id_ranks[size - 1]) == len(id_ranks):
                continue
        for i in range(len(id_ranks)):
            job = first + i
            if is_set(excluded, job) or (has_vector and program.dot_job_has[0, job]):
                continue
            if not is_class_allowed(limits, user, job):
                continue
            exact = (
                score
                if sure
                else exact_score(program, index, state, scratch, user, job, job_base(program, index, state, user, job))
            )
            size = insert(
                scratch.scores,
                scratch.id_ranks,
                scratch.jobs,
                size,
                exact,
                id_ranks[i],
                job,
                index.company,
                limits.per_company,
            )
    return size


@nogil_no_refcount
def short_lists(
    program: Program,
    index: Index,
    limits: Limits,
    tile: Tile,
    users: Longs,
    places: Longs,
    out_row: Longs,
    out_score: Singles,
    out_count: Ints,
    stop: np.ndarray,
) -> None:
    """Fill the lists like `pruned_topk.top_k`, without seeds and counters."""
    m, state = len(index.id_rank), tile.state
    for begin in range(0, len(places), TILE):
        of_tile = places[begin : min(begin + TILE, len(places))]
        n_rows, last = _begin_tile(program, index, limits, tile, users, of_tile), 0
        while last < m:
            first = last
            last, n_having = _gather(program, index, tile, first)
            if n_rows > 0 and n_having > 0:
                vectors = index.vector[first:last] if n_having == last - first else tile.vectors[:n_having]
                _multiply(tile.weighted_vectors[:n_rows], vectors, tile.products[: n_rows * n_having])
            for t in range(len(of_tile)):
                if stop[0] != 0:
                    return
                place, size = of_tile[t], tile.size[t]
                user, scratch, excluded, has_vector = (
                    users[place],
                    scratch_at(tile, t),
                    tile.excluded[t],
                    tile.vector_row[t] >= 0,
                )
                fold_user(program, index, user, state)
                product = tile.products[max(tile.vector_row[t], 0) * n_having :][: n_having if has_vector else 0]
                if not tile.only_products[t]:
                    size = _insert_run(
                        program, index, limits, state, scratch, tile, excluded, user, first, last, product, size
                    )
                else:
                    if has_vector:
                        constant = state.sums[CONSTANT] + state.dot_base[0]
                        size = insert_jobs(
                            program,
                            index,
                            limits,
                            state,
                            scratch,
                            excluded,
                            user,
                            tile.jobs_with_vector,
                            product,
                            constant,
                            size,
                        )
                    if last == m:
                        size = _insert_without_product(
                            program, index, limits, state, scratch, excluded, user, has_vector, size
                        )
                if last == m:
                    write_list(program, index, state, scratch, user, size, out_row[place], out_score[place])
                    out_count[place] = size
                tile.size[t] = size
