"""The k best jobs of each user where skipping does not pay: every job is scored, products by BLAS.

For models that live on factors alone, or lists nearly as long as there are jobs. A tile of users goes by all the jobs
in runs: one matrix product for the tile, then for each user the rest of the sum in float32, and only what may still
belong to the list gets its canonical score. Lists longer than `lists.SHORT` are cut from all canonical scores, sorted.
"""

from __future__ import annotations

import numpy as np

from scoring.kernels.bounds import add_either, add_row, add_step, product
from scoring.kernels.cells import CHUNK, count_from
from scoring.kernels.compiled import bare, compiled, inner
from scoring.kernels.exact import base_of, exact_score, uneven_part, write_list
from scoring.kernels.fold import COARSE, CONSTANT, Fold
from scoring.kernels.folding import fold_user
from scoring.kernels.index import Index, Limits
from scoring.kernels.lists import cut_of, insert, mark, walk
from scoring.kernels.pairs import BLOCK, lay_out, room, score_block, tile_products
from scoring.kernels.pairs import TILE as PAIRS_TILE
from scoring.kernels.program import Int32s, Int64s, Program, Singles
from scoring.kernels.room import Room
from scoring.kernels.single import canonical_scores

__all__ = ["RUN", "TILE", "long_lists", "short_lists", "tiled"]

TILE = 32
"""Users at a time: a matrix product needs several to be worth its name, and their rows should stay in the cache."""
RUN = 1024
"""Jobs at a time: 16 users' products of them fill 64 KiB."""


def tiled(of_one: tuple) -> tuple:
    """The same named tuple with room for a tile of users: a first axis of `TILE` to every array."""
    return type(of_one)(*(np.repeat(array[None], TILE, axis=0) for array in of_one))


@inner
def _fold_at(f: Fold, t: int) -> Fold:
    return Fold(
        f.before[t], f.table[t], f.scale[t], f.row[t], f.single[t], f.nothing[t], f.best[t], f.of_subset[t],
        f.usual[t], f.own[t], f.step_low[t], f.step_high[t], f.step_gain[t], f.on[t], f.dot_base[t], f.dot_other[t],
        f.dot_norm[t], f.pull[t], f.pull_single[t], f.sums[t],
    )  # fmt: skip


@inner
def _room_at(r: Room, t: int) -> Room:
    return Room(
        r.marks[t], r.bound[t], r.lanes[t], r.found[t], r.ordered[t], r.start[t], r.scores[t], r.turns[t],
        r.jobs[t], r.tried[t], r.keys[t], r.spare_keys[t], r.key_score[t], r.key_bits[t], r.dots[t], r.value[t],
        r.canonical[t], r.one_job[t], r.one_score[t],
    )  # fmt: skip


@compiled(_nrt=True)  # (a caller's setting would be taken over)
def _multiply(of_users: Singles, of_jobs: Singles, products: Singles) -> None:
    """products = of_users @ of_jobs.T"""
    np.dot(of_users, of_jobs.T, products)


@inner
def _score_run(p: Program, x: Index, f: Fold, user: int, first: int, last: int, value: np.ndarray) -> None:
    """Adds to `value` (last - first,), which holds the products, all else but the user's constant."""
    if x.largest > 0:
        single = x.single[first:last]
        for i in range(len(value)):
            value[i] += single[i]
    for key in range(len(x.width)):
        if not f.nothing[key] or f.own[key]:
            add_row(value, f.single[key], x.code[key, first:last])
    for slot in range(len(f.step_gain)):
        gain = np.float32(f.step_gain[slot])
        if gain != 0:
            rank = p.number_rank[p.interval_number[slot], first:last]
            add_step(value, rank, f.step_low[slot], f.step_high[slot], gain)
    for slot in range(len(f.on)):
        if f.on[slot]:
            yes, no = np.float32(f.dot_base[slot]), np.float32(f.dot_other[slot])
            add_either(value, p.dot_job_has[slot, first:last], yes, no)
    if len(x.uneven):
        for i in range(len(value)):
            value[i] += np.float32(uneven_part(p, x, f, user, first + i))


@inner
def _take_run(
    p: Program, x: Index, f: Fold, r: Room, limits: Limits, user: int, first: int, value: np.ndarray, size: int
) -> int:
    """Takes into the list what belongs there; returns its size."""
    beside = f.sums[CONSTANT] + f.sums[COARSE]
    low = np.float32(-np.inf)
    if size == len(r.jobs):
        low = np.float32(cut_of(r.scores[size - 1]) - beside - f.sums[COARSE])
    for start in range(0, len(value), CHUNK):
        here = value[start : min(start + CHUNK, len(value))]
        if count_from(here, low) == 0:
            continue
        for i in range(len(here)):
            job = first + start + i
            if here[i] < low or r.marks[job]:
                continue
            score = exact_score(p, x, f, r, user, job, base_of(x, f, job))
            size = insert(r.scores, r.turns, r.jobs, size, score, x.turn[job], job, x.company, limits.per_company)
            if size == len(r.jobs):
                low = np.float32(cut_of(r.scores[size - 1]) - beside - f.sums[COARSE])
    return size


@bare
def short_lists(
    p: Program,
    x: Index,
    limits: Limits,
    f: Fold,
    r: Room,
    products: Singles,
    users: Int64s,
    places: Int64s,
    out_row: Int64s,
    out_score: Singles,
    out_count: Int32s,
    stop: np.ndarray,
) -> None:
    """As `topk.top_k`. `f` and `r` are `tiled`; `products` is (TILE, RUN) room."""
    m = len(x.turn)
    for tile in range(0, len(places), TILE):
        if stop[0] != 0:
            return
        n_users, some = min(TILE, len(places) - tile), False
        for t in range(n_users):
            user, of_user = users[places[tile + t]], _fold_at(f, t)
            fold_user(p, x, user, of_user)
            mark(r.marks[t], user, True, limits)
            out_count[places[tile + t]] = 0
            for slot in range(len(of_user.on)):
                some |= of_user.on[slot]
        for first in range(0, m, RUN):
            last = min(first + RUN, m)
            if some and last - first == RUN:
                _multiply(f.pull_single, x.vector[first:last], products)
            elif some:
                for t in range(n_users):
                    for i in range(last - first):
                        products[t, i] = product(f.pull_single[t], x.vector[first + i])
            for t in range(n_users):
                value, user, of_user, room = (
                    products[t, : last - first],
                    users[places[tile + t]],
                    _fold_at(f, t),
                    _room_at(r, t),
                )
                if not some:
                    for i in range(len(value)):
                        value[i] = np.float32(0.0)
                _score_run(p, x, of_user, user, first, last, value)
                size = np.int64(out_count[places[tile + t]])
                out_count[places[tile + t]] = _take_run(p, x, of_user, room, limits, user, first, value, size)
        for t in range(n_users):
            place = places[tile + t]
            user, size = users[place], np.int64(out_count[place])
            write_list(p, x, _fold_at(f, t), _room_at(r, t), user, size, out_row[place], out_score[place])
            mark(r.marks[t], user, False, limits)


@compiled
def long_lists(
    p: Program,
    x: Index,
    limits: Limits,
    by_turn: Int32s,
    users: Int64s,
    places: Int64s,
    out_row: Int64s,
    out_score: Singles,
    out_count: Int32s,
    stop: np.ndarray,
) -> None:
    """As `topk.top_k`, for lists of any length; `by_turn` (m,) are positions by ascending job_id."""
    m, k, d = len(x.turn), out_row.shape[1], x.vector.shape[1]
    rows, of_users, products, columns = room(p)
    of_jobs = np.empty((d, BLOCK), dtype=np.float32)
    marks, scores = np.zeros(m, dtype=np.bool_), np.empty((PAIRS_TILE, m), dtype=np.float32)
    left, of_left = np.empty(m, dtype=np.int32), np.empty(m, dtype=np.float32)
    jobs, canonical = np.empty(k, dtype=np.int32), np.empty((k, 4))
    for tile in range(0, len(places), PAIRS_TILE):
        if stop[0] != 0:
            return
        n_users = min(PAIRS_TILE, len(places) - tile)
        for t in range(n_users):
            lay_out(p, users[places[tile + t]], rows[t], of_users[t])
        for first in range(0, m, BLOCK):
            n = min(BLOCK, m - first)
            for i in range(n):
                for dimension in range(d):
                    of_jobs[dimension, i] = x.vector[first + i, dimension]
            tile_products(p, of_users, n_users, of_jobs, 0, n, products)
            for t in range(n_users):
                score_block(p, users[places[tile + t]], first, n, products[t], rows[t], columns)
                for i in range(n):
                    scores[t, x.turn[first + i]] = np.float32(columns[0, i])
        for t in range(n_users):
            user, n_left = users[places[tile + t]], 0
            mark(marks, user, True, limits)
            for turn in range(m):
                if not marks[by_turn[turn]]:
                    left[n_left], of_left[n_left] = by_turn[turn], scores[t, turn]
                    n_left += 1
            mark(marks, user, False, limits)
            size = walk(of_left[:n_left], left, limits, x.company, jobs)
            canonical_scores(p, x, user, jobs, size, rows[t], canonical)
            out_count[places[tile + t]] = size
            for i in range(size):
                out_row[places[tile + t], i] = x.plan_row[jobs[i]]
                for s in range(4):
                    out_score[places[tile + t], i, s] = np.float32(canonical[i, s])
