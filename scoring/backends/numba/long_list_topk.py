"""Lists longer than `top_list.SHORT`, by sorting all canonical scores of a user."""

from __future__ import annotations

import numpy as np

from scoring.array_types import Ints, Longs, Singles
from scoring.backends.numba.jit import compiled
from scoring.backends.numba.pair_blocks import BLOCK, TILE, allocate_tile, fill_user_rows, score_block, tile_products
from scoring.backends.numba.pair_score import canonical_scores
from scoring.backends.numba.top_list import fill_greedily, is_class_allowed, set_excluded, set_not_required
from scoring.bundle.block_index import Index, Limits
from scoring.bundle.program import Program

__all__ = ["long_lists"]


@compiled
def long_lists(
    program: Program,
    index: Index,
    limits: Limits,
    users: Longs,
    places: Longs,
    out_row: Longs,
    out_score: Singles,
    out_count: Ints,
    stop: np.ndarray,
) -> None:
    """Fill the lists like `pruned_topk.top_k`, for lists of any length."""
    m, k, d = len(index.id_rank), out_row.shape[1], index.vector.shape[1]
    rows, of_users, products, columns = allocate_tile(program)
    of_jobs = np.empty((d, BLOCK), dtype=np.float32)
    excluded, scores = np.zeros(m, dtype=np.bool_), np.empty((TILE, m), dtype=np.float32)
    left, of_left = np.empty(m, dtype=np.int32), np.empty(m, dtype=np.float32)
    jobs, canonical = np.empty(k, dtype=np.int32), np.empty((k, 4))
    for tile in range(0, len(places), TILE):
        if stop[0] != 0:
            return
        n_users = min(TILE, len(places) - tile)
        for t in range(n_users):
            fill_user_rows(program, users[places[tile + t]], rows[t], of_users[t])
        for first in range(0, m, BLOCK):
            n = min(BLOCK, m - first)
            for i in range(n):
                for dimension in range(d):
                    of_jobs[dimension, i] = index.vector[first + i, dimension]
            tile_products(program, of_users, n_users, of_jobs, 0, n, products)
            for t in range(n_users):
                score_block(program, users[places[tile + t]], first, n, products[t], rows[t], columns)
                for i in range(n):
                    scores[t, index.id_rank[first + i]] = np.float32(columns[0, i])
        for t in range(n_users):
            user, n_left = users[places[tile + t]], 0
            set_not_required(excluded, user, limits)
            set_excluded(excluded, user, True, limits)
            for id_rank in range(m):
                job = np.int64(index.position_by_id[id_rank])
                if not excluded[job] and is_class_allowed(limits, user, job):
                    left[n_left], of_left[n_left] = job, scores[t, id_rank]
                    n_left += 1
            set_excluded(excluded, user, False, limits)
            if len(limits.required_start) > 0:
                excluded[:] = False
            size = fill_greedily(of_left[:n_left], left, limits, index.company, jobs)
            canonical_scores(program, index, user, jobs, size, rows[t], canonical)
            out_count[places[tile + t]] = size
            for i in range(size):
                out_row[places[tile + t], i] = index.plan_row[jobs[i]]
                for s in range(4):
                    out_score[places[tile + t], i, s] = np.float32(canonical[i, s])
