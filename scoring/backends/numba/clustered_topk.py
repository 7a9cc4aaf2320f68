"""The exact k best jobs of users with vectors, for models in which a product of vectors dominates the score.

The kernel first tries the jobs of the previous user's list. It bounds the products of all clusters of jobs
(`vector_clusters`), visits them in descending order of their bounds, and stops at the list's last score. In a cluster
it bounds the blocks, and multiplies the vectors of the remaining ones in float32. A job that may enter the list gets
its canonical score. All other parts of a score are bounded by their maximum.

Bounds have twice the error of a float32 sum as slack: one for the products of the jobs, and one for the bounds.
"""

from __future__ import annotations

import numpy as np

from scoring.array_types import Ints, Longs, Singles
from scoring.backends.numba.dense_topk import only_products
from scoring.backends.numba.exact_score import exact_score, job_base, write_list
from scoring.backends.numba.jit import internal, nogil_no_refcount
from scoring.backends.numba.job_cell_bounds import CHUNK, maximum
from scoring.backends.numba.pruned_topk import score_seeds
from scoring.backends.numba.scratch import Scratch
from scoring.backends.numba.simd_blocks import lowest_bit, mask_of_block, mask_of_chunk, multiply
from scoring.backends.numba.top_list import (
    clear_list,
    clear_marks,
    decode_jobs,
    is_better_than_last,
    is_class_allowed,
    list_threshold,
    offer,
    set_excluded,
    set_not_required,
    unmark_seeds,
)
from scoring.backends.numba.user_fold import fold_user
from scoring.backends.numba.user_state import CONSTANT, SINGLE_ERROR, UNFOLDABLE, UserState
from scoring.backends.numba.vector_clusters import ACROSS, BEST_SCORE, LEAST, MOST, VectorClusters
from scoring.bundle.block_index import BLOCK_JOBS, Index, Limits
from scoring.bundle.program import Program

__all__ = ["top_k"]

SINGLE = 2.0**-24  # unit roundoff of float32


@internal
def _length_of(state: UserState) -> tuple[np.float32, np.float32, np.float32]:
    """Return the length of the user's vector, its inverse, and the error of 1 minus the square of a cosine."""
    length = np.float32(state.dot_norm[0])
    inverse = np.float32(1.0) / length if length > np.float32(1e-30) else np.float32(0.0)
    return length, inverse, np.float32(4 * (len(state.weighted_vector) + 8) * SINGLE)


@internal(fastmath={"nnan", "nsz"})
def _bound_products(
    product: np.ndarray, of_cluster: np.ndarray, length: float, inverse: float, error: float, bound: np.ndarray
) -> None:
    """Set `bound` to bounds of the products in each cluster plus its best job score; see `vector_clusters`."""
    least, most, across, best = of_cluster[LEAST], of_cluster[MOST], of_cluster[ACROSS], of_cluster[BEST_SCORE]
    for i in range(len(bound)):
        along, cosine = product[i], product[i] * inverse
        rest = np.float32(1.0) - cosine * cosine
        beside = length * np.sqrt((rest if rest > np.float32(0.0) else np.float32(0.0)) + error)
        low, high = least[i] * along, most[i] * along
        bound[i] = (low if low > high else high) + across[i] * beside + best[i]


@internal
def _bound_clusters(clusters: VectorClusters, state: UserState, product: np.ndarray, bound: np.ndarray) -> None:
    """Fill `product` (C,) with the products of the user's vector and the centres, and `bound` (C,)."""
    for group in range(len(clusters.centre)):
        multiply(product[group * BLOCK_JOBS :], clusters.centre[group], state.weighted_vector_single)
    length, inverse, error = _length_of(state)
    _bound_products(product, clusters.of_cluster, length, inverse, error, bound)


@internal
def _take_best(bound: np.ndarray, lanes: np.ndarray) -> tuple[int, np.float32]:
    """Return the cluster with the greatest bound, and the bound. It is set to -infinity."""
    top = maximum(bound, lanes)
    for first in range(0, len(bound), CHUNK):
        bits = mask_of_chunk(bound, first, top, np.float32(np.inf))
        if bits:
            cluster = first + lowest_bit(bits)
            bound[cluster] = -np.inf
            return cluster, top
    return 0, np.float32(-np.inf)


@internal
def _most_of_others(index: Index, state: UserState) -> float:
    """Return the most that all parts except products and job scores add to any job."""
    most = state.sums[CONSTANT] + state.sums[UNFOLDABLE]
    for key in range(len(index.key_width)):
        most += state.best[key]
    for slot in range(len(state.step_gain)):
        most += max(state.step_gain[slot], 0.0)
    return most


@internal
def _offer_cluster(
    program: Program,
    index: Index,
    limits: Limits,
    clusters: VectorClusters,
    state: UserState,
    scratch: Scratch,
    user: int,
    cluster: int,
    at_centre: float,
    offset: float,
    size: int,
    k: int,
    visited: Longs,
) -> int:
    """Offer the jobs of a cluster that may enter the list; return its size."""
    threshold = list_threshold(scratch, limits, k) if size == k else -np.inf
    length, inverse, error = _length_of(state)
    cosine = at_centre * inverse
    beside = length * np.sqrt(max(np.float32(1.0) - cosine * cosine, np.float32(0.0)) + error)
    for block in range(clusters.first_block[cluster], clusters.first_block[cluster + 1]):
        bounds = clusters.of_block[block]
        bound = max(bounds[LEAST] * at_centre, bounds[MOST] * at_centre) + bounds[ACROSS] * beside + bounds[BEST_SCORE]
        if bound + offset < threshold:
            continue
        visited[0] += clusters.size[block]
        multiply(scratch.job_bounds, clusters.vectors[block], state.weighted_vector_single)
        low = np.float32(threshold - offset - bounds[BEST_SCORE])
        bits = mask_of_block(scratch.job_bounds, 0, low, np.float32(np.inf))
        bits &= (np.uint64(1) << np.uint64(clusters.size[block])) - np.uint64(1)
        while bits:
            lane = lowest_bit(bits)
            bits &= bits - np.uint64(1)
            job = np.int64(clusters.job[block, lane])
            if scratch.job_bounds[lane] + index.job_score[job] + offset < threshold or scratch.excluded[job]:
                continue
            if not is_class_allowed(limits, user, job):
                continue
            score = exact_score(program, index, state, scratch, user, job, job_base(program, index, state, user, job))
            size = offer(index, scratch, limits, score, job, size)
            visited[1] += 1
            if size == k:
                threshold = list_threshold(scratch, limits, k)
    return size


@internal
def _offer_without_vector(
    program: Program,
    index: Index,
    limits: Limits,
    clusters: VectorClusters,
    state: UserState,
    scratch: Scratch,
    user: int,
    offset: float,
    size: int,
    k: int,
) -> int:
    """Offer the jobs without a vector that may enter the list; return its size."""
    is_equal = only_products(index, state)  # equal scores: a job with a greater id is worse
    for i in range(len(clusters.without_vector)):
        job = np.int64(clusters.without_vector[i])
        if scratch.excluded[job] or not is_class_allowed(limits, user, job):
            continue
        if size == k and index.job_score[job] + offset < list_threshold(scratch, limits, k):
            if is_equal:
                break
            continue
        score = exact_score(program, index, state, scratch, user, job, job_base(program, index, state, user, job))
        if is_equal and size == k and not is_better_than_last(index, scratch, limits, score, job):
            break
        size = offer(index, scratch, limits, score, job, size)
    return size


@nogil_no_refcount
def top_k(
    program: Program,
    index: Index,
    limits: Limits,
    clusters: VectorClusters,
    state: UserState,
    scratch: Scratch,
    cluster_bounds: Singles,
    users: Longs,
    places: Longs,
    out_row: Longs,
    out_score: Singles,
    out_count: Ints,
    visited: Longs,
    stop: np.ndarray,
) -> None:
    """Fill the lists like `pruned_topk.top_k`, without seeds. All users have vectors.

    `cluster_bounds` (2, C) is scratch memory.
    """
    k, product, bound = out_row.shape[1], cluster_bounds[0], cluster_bounds[1]
    size = np.int64(0)
    for place in places:
        if stop[0] != 0:
            break
        user, n_seeds = users[place], size
        fold_user(program, index, user, state)
        set_not_required(scratch.excluded, user, limits)
        set_excluded(scratch.excluded, user, True, limits)
        clear_list(scratch)
        for i in range(n_seeds):
            scratch.seeds[i] = scratch.jobs[i]
        size = score_seeds(program, index, limits, state, scratch, user, n_seeds, np.int64(0))
        visited[1] += n_seeds
        others = _most_of_others(index, state)
        _bound_clusters(clusters, state, product, bound)
        offset = others + state.dot_base[0] + 2 * state.sums[SINGLE_ERROR]
        while True:
            cluster, top = _take_best(bound, scratch.lanes)
            if top == -np.inf or (size == k and top + offset < list_threshold(scratch, limits, k)):
                break
            size = _offer_cluster(
                program,
                index,
                limits,
                clusters,
                state,
                scratch,
                user,
                cluster,
                product[cluster],
                offset,
                size,
                k,
                visited,
            )
        offset = others + state.dot_otherwise[0] + 2 * state.sums[SINGLE_ERROR]
        size = _offer_without_vector(program, index, limits, clusters, state, scratch, user, offset, size, k)
        unmark_seeds(scratch, n_seeds)
        set_excluded(scratch.excluded, user, False, limits)
        if len(limits.required_start) > 0:
            clear_marks(scratch.excluded)
        decode_jobs(index, scratch, limits, size)
        out_count[place] = size
        write_list(program, index, state, scratch, user, size, out_row[place], out_score[place])
