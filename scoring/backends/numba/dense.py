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
from scoring.backends.numba.bounds import add_either, add_row, add_step
from scoring.backends.numba.cells import CHUNK, count_from
from scoring.backends.numba.exact_score import base_of, exact_score, uneven_part, write_list
from scoring.backends.numba.fold_user import fold_user
from scoring.backends.numba.jit import bare, compiled, inner
from scoring.backends.numba.scratch import Scratch
from scoring.backends.numba.tile import PART, TILE, Tile, is_set, mark_bits, scratch_at
from scoring.backends.numba.top_list import cut_of, insert
from scoring.backends.numba.user_state import COARSE, CONSTANT, FINE, Fold
from scoring.bundle.index import Index, Limits
from scoring.bundle.program import Program

__all__ = ["short_lists"]


@inner
def _copy(to: np.ndarray, values: np.ndarray) -> None:
    for i in range(len(to)):
        to[i] = values[i]


@compiled(_nrt=True)  # explicit, because the caller's setting would be inherited
def _multiply(of_users: Singles, of_jobs: Singles, products: Singles) -> None:
    """Set products = of_users @ of_jobs.T, row by row."""
    np.dot(of_users, of_jobs.T, products.reshape(len(of_users), len(of_jobs)))


@inner
def _only_products(index: Index, state: Fold) -> bool:
    """Return whether the user's job scores differ in at most one product and in nothing else."""
    something = index.largest > 0 or len(index.uneven) > 0
    for key in range(len(index.width)):
        something |= not state.nothing[key] or state.own[key] != 0
    for slot in range(len(state.step_gain)):
        something |= state.step_gain[slot] != 0.0
    if len(state.on) > 1:
        for slot in range(len(state.on)):
            something |= state.on[slot]
    return not something


@inner
def _begin(program: Program, index: Index, limits: Limits, tile: Tile, users: np.ndarray, places: np.ndarray) -> int:
    """Set the marks, empty the lists and collect the vectors of users who have one; return the number of vectors."""
    n_rows, state = 0, tile.state
    for t in range(len(places)):
        user, some = users[places[t]], False
        mark_bits(tile.marks[t], user, limits)
        tile.size[t] = 0
        fold_user(program, index, user, state)
        for slot in range(len(state.on)):
            some |= state.on[slot]
        tile.alike[t] = _only_products(index, state)
        tile.row[t] = n_rows if some else -1
        if some:
            _copy(tile.pulls[n_rows], state.pull_single)
            n_rows += 1
    return n_rows


@inner
def _gather(program: Program, index: Index, tile: Tile, first: int) -> tuple[int, int]:
    """Collect the jobs with vectors of a run that starts at `first`. Return (end of the run, number of such jobs).

    Their vectors are copied, unless all jobs of the run have one.
    """
    last, n_having = first, 0
    while last < len(index.turn) and n_having < len(tile.having):
        tile.having[n_having] = last
        has = False
        for slot in range(len(program.dot_job_has)):
            has |= program.dot_job_has[slot, last]
        n_having += has
        last += 1
    if n_having < last - first:
        for i in range(n_having):
            _copy(tile.vectors[i], index.vector[tile.having[i]])
    return last, n_having


@inner
def _score_part(program: Program, index: Index, state: Fold, user: int, first: int, value: np.ndarray) -> None:
    """Fill `value` with the scores of the jobs from `first`, without the constant and the products."""
    last = first + len(value)
    _copy(value, index.single[first:last])
    for key in range(len(index.width)):
        if not state.nothing[key] or state.own[key]:
            add_row(value, state.single[key], index.code[key, first:last])
    for slot in range(len(state.step_gain)):
        gain = np.float32(state.step_gain[slot])
        if gain != 0:
            rank = program.number_rank[program.interval_number[slot], first:last]
            add_step(value, rank, state.step_low[slot], state.step_high[slot], gain)
    for slot in range(len(state.on)):
        if state.on[slot]:
            yes, no = np.float32(state.dot_base[slot]), np.float32(state.dot_other[slot])
            add_either(value, program.dot_job_has[slot, first:last], yes, no)
    if len(index.uneven):
        for i in range(len(value)):
            value[i] += np.float32(uneven_part(program, index, state, user, first + i))


@inner
def _add_all(value: np.ndarray, product: np.ndarray) -> None:
    for i in range(len(value)):
        value[i] += product[i]


@inner
def _add_products(value: np.ndarray, first: int, having: np.ndarray, product: np.ndarray, at: int) -> int:
    """Add the products from index `at` to the jobs of `value` that have them; return the next index."""
    last = first + len(value)
    while at < len(product) and having[at] < last:
        value[having[at] - first] += product[at]
        at += 1
    return at


@inner
def _take(
    program: Program,
    index: Index,
    limits: Limits,
    state: Fold,
    scratch: Scratch,
    marks: np.ndarray,
    user: int,
    jobs: np.ndarray,
    value: np.ndarray,
    constant: float,
    size: int,
) -> int:
    """Insert into the list those of `jobs`, with scores value + constant, that belong there; return its size."""
    beside = constant + 2 * state.sums[COARSE]
    low = np.float32(-np.inf)
    if size == len(scratch.jobs):
        low = np.float32(cut_of(scratch.scores[size - 1]) - beside)
    for start in range(0, len(value), CHUNK):
        here = value[start : min(start + CHUNK, len(value))]
        if count_from(here, low) == 0:
            continue
        for i in range(len(here)):
            job = np.int64(jobs[start + i])
            if here[i] < low or is_set(marks, job):
                continue
            score = exact_score(program, index, state, scratch, user, job, base_of(index, state, job))
            size = insert(
                scratch.scores,
                scratch.turns,
                scratch.jobs,
                size,
                score,
                index.turn[job],
                job,
                index.company,
                limits.per_company,
            )
            if size == len(scratch.jobs):
                low = np.float32(cut_of(scratch.scores[size - 1]) - beside)
    return size


@inner
def _take_run(
    program: Program,
    index: Index,
    limits: Limits,
    state: Fold,
    scratch: Scratch,
    tile: Tile,
    marks: np.ndarray,
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
        here, value = tile.here[: end - begin], tile.value[: end - begin]
        for i in range(len(here)):
            here[i] = begin + i
        _score_part(program, index, state, user, begin, value)
        if all_have:
            _add_all(value, product[begin - first :])
        else:
            at = _add_products(value, begin, tile.having, product, at)
        size = _take(program, index, limits, state, scratch, marks, user, here, value, state.sums[CONSTANT], size)
    return size


@inner
def _take_alike(
    program: Program,
    index: Index,
    limits: Limits,
    state: Fold,
    scratch: Scratch,
    marks: np.ndarray,
    user: int,
    on: bool,
    size: int,
) -> int:
    """Insert jobs without a product, whose scores are equal, where they belong in the list; return its size."""
    value = state.sums[CONSTANT] + (state.dot_other[0] if on else 0.0)
    score = np.float32(value + state.sums[FINE])
    sure = score == np.float32(value - state.sums[FINE])
    for first in range(0, len(index.turn), CHUNK):
        turns = index.turn[first : min(first + CHUNK, len(index.turn))]
        if size == len(scratch.jobs):
            if score < scratch.scores[size - 1]:
                break
            if sure and score == scratch.scores[size - 1] and count_from(turns, scratch.turns[size - 1]) == len(turns):
                continue
        for i in range(len(turns)):
            job = first + i
            if is_set(marks, job) or (on and program.dot_job_has[0, job]):
                continue
            exact = (
                score if sure else exact_score(program, index, state, scratch, user, job, base_of(index, state, job))
            )
            size = insert(
                scratch.scores,
                scratch.turns,
                scratch.jobs,
                size,
                exact,
                turns[i],
                job,
                index.company,
                limits.per_company,
            )
    return size


@bare
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
    """Fill the lists like `topk.top_k`, without seeds and counters."""
    m, state = len(index.turn), tile.state
    for begin in range(0, len(places), TILE):
        of_tile = places[begin : min(begin + TILE, len(places))]
        n_rows, last = _begin(program, index, limits, tile, users, of_tile), 0
        while last < m:
            first = last
            last, n_having = _gather(program, index, tile, first)
            if n_rows > 0 and n_having > 0:
                vectors = index.vector[first:last] if n_having == last - first else tile.vectors[:n_having]
                _multiply(tile.pulls[:n_rows], vectors, tile.products[: n_rows * n_having])
            for t in range(len(of_tile)):
                if stop[0] != 0:
                    return
                place, size = of_tile[t], tile.size[t]
                user, scratch, marks, on = users[place], scratch_at(tile, t), tile.marks[t], tile.row[t] >= 0
                fold_user(program, index, user, state)
                product = tile.products[max(tile.row[t], 0) * n_having :][: n_having if on else 0]
                if not tile.alike[t]:
                    size = _take_run(
                        program, index, limits, state, scratch, tile, marks, user, first, last, product, size
                    )
                else:
                    if on:
                        constant = state.sums[CONSTANT] + state.dot_base[0]
                        size = _take(
                            program, index, limits, state, scratch, marks, user, tile.having, product, constant, size
                        )
                    if last == m:
                        size = _take_alike(program, index, limits, state, scratch, marks, user, on, size)
                if last == m:
                    write_list(program, index, state, scratch, user, size, out_row[place], out_score[place])
                    out_count[place] = size
                tile.size[t] = size
