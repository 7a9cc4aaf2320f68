"""Clusters of jobs whose vectors have similar directions, with bounds on the products of their vectors.

A vector p is split along the unit vector c of its cluster: p = a c + q, where q is orthogonal to c. A user's vector w
with x = <w, c> has the product <w, p> = a x + <w, q> <= a x + |q| sqrt(|w|² - x²). For vectors of length 1 this is the
cosine of the difference of the two angles to c. MAXIMUS (Abuzaid et al., To Index or Not to Index: Optimizing Exact
Maximum Inner Product Search, 2019) uses that bound with clusters of users; here, jobs are clustered. A cluster and a
block have the extremes of a and the maximum of |q|.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs, Singles
from scoring.backends.numba.job_cell_bounds import CHUNK
from scoring.bundle.block_index import BLOCK_JOBS, Index
from scoring.bundle.program import DOT, FLAGS, Program

__all__ = [
    "ACROSS",
    "BEST_SCORE",
    "LEAST",
    "MOST",
    "VectorClusters",
    "count_clusters",
    "estimate_bytes",
    "find_objection",
    "has_weighted_product",
]

LEAST, MOST, ACROSS, BEST_SCORE = range(4)
"""Columns of bounds: the extremes of a, the maximum of |q|, and the maximum of the jobs' own scores."""

JOBS_PER_CLUSTER, MOST_CLUSTERS = 128, 1024
JOBS_PER_CENTRE = 32
"""Jobs in the sample that determines the centres, per centre."""
ITERATIONS, PROBED_ITERATION = 4, 1
MIN_COSINE = 0.8
"""Minimum median cosine of a job and its centre after the probed iteration. Random vectors have 0.6."""
USERS_PER_CLUSTER = 8
"""Minimum users per cluster. Making the clusters takes as long as ranking about two users per cluster densely."""
MIN_WEIGHT = 0.5
"""Weight of products at which the memory of clusters is expected."""
_BYTES_PER_JOB = 110
"""Bytes of the numbers of a job while it is assigned to a block."""
_AT_ONCE = 8192
"""Vectors that are assigned to clusters at a time."""


class VectorClusters(NamedTuple):
    """Jobs with vectors by cluster. C clusters, n_blocks blocks, d dimensions."""

    centre: Singles  # (⌈C / BLOCK_JOBS⌉, d, BLOCK_JOBS) unit vectors; zero after the last
    of_cluster: Singles  # (4, C) bounds, a row per column of `of_block`; C is a multiple of CHUNK
    of_block: Singles  # (n_blocks, 4) bounds
    first_block: Ints  # (C + 1,) first block of each cluster
    vectors: Singles  # (n_blocks, d, BLOCK_JOBS)
    job: Ints  # (n_blocks, BLOCK_JOBS) positions of the jobs
    size: Ints  # (n_blocks,) number of jobs
    without_vector: Ints  # positions of the jobs without a vector, by ascending job_id

    @classmethod
    def of(cls, program: Program, index: Index) -> Self | None:
        """Return the clusters of the jobs of a program with one product; None if their vectors form no clusters."""
        jobs = np.flatnonzero(program.dot_job_has[0])
        vectors = index.vector[jobs]
        if not vectors.size:
            return None
        n_clusters = count_clusters(len(jobs))
        centres = _find_centres(_scale_to_unit(_take_evenly(vectors, JOBS_PER_CENTRE * n_clusters)), n_clusters)
        if centres is None:
            return None
        return cls._lay_out(index, jobs, vectors, centres, np.flatnonzero(~program.dot_job_has[0]))

    @classmethod
    def _lay_out(cls, index: Index, jobs: Longs, vectors: Singles, centres: Singles, without: Longs) -> Self:
        cluster, _ = _assign(vectors, centres)
        along, across = _split_vectors(vectors, centres, cluster)
        order = np.lexsort((-along, cluster))
        cluster, along, across, jobs = cluster[order], along[order], across[order], jobs[order]
        counts = np.bincount(cluster, minlength=len(centres))
        first_block = np.concatenate([[0], np.cumsum(-(-counts // BLOCK_JOBS))])
        first_job = np.concatenate([[0], np.cumsum(counts)])
        within = np.arange(len(jobs)) - first_job[cluster]
        block, lane = first_block[cluster] + within // BLOCK_JOBS, within % BLOCK_JOBS
        n_blocks, d = int(first_block[-1]), vectors.shape[1]
        laid_out, job = np.zeros((n_blocks, d, BLOCK_JOBS), np.float32), np.full((n_blocks, BLOCK_JOBS), -1, np.int32)
        laid_out[block, :, lane] = vectors[order]
        job[block, lane] = jobs
        n_padded = -(-len(centres) // CHUNK) * CHUNK
        padded = np.zeros((n_padded, d), np.float32)
        padded[: len(centres)] = centres
        values = np.stack([along, along, across, index.job_score[jobs]])
        of_block = _find_extremes(values, np.flatnonzero(np.diff(block, prepend=-1)))
        filled = counts > 0
        of_cluster = np.zeros((4, n_padded), np.float32)
        of_cluster[BEST_SCORE] = -np.inf
        of_cluster[:, : len(centres)][:, filled] = _find_extremes(values, first_job[:-1][filled])
        return cls(
            centre=np.ascontiguousarray(padded.reshape(-1, BLOCK_JOBS, d).transpose(0, 2, 1)),
            of_cluster=of_cluster,
            of_block=np.ascontiguousarray(of_block.T),
            first_block=np.append(first_block, np.full(n_padded - len(centres), n_blocks)).astype(np.int32),
            vectors=laid_out,
            job=job,
            size=np.bincount(block, minlength=n_blocks).astype(np.int32),
            without_vector=without[np.argsort(index.id_rank[without])].astype(np.int32),
        )

    def with_scores(self, index: Index) -> Self:
        """Return the same clusters with bounds for the jobs' own scores in an index with the same jobs and vectors."""
        of_block, of_cluster = self.of_block.copy(), self.of_cluster.copy()
        scores = np.where(self.job < 0, np.float32(-np.inf), index.job_score[self.job])
        of_block[:, BEST_SCORE] = scores.max(axis=1)
        filled = np.flatnonzero(np.diff(self.first_block))
        of_cluster[BEST_SCORE, filled] = np.maximum.reduceat(of_block[:, BEST_SCORE], self.first_block[filled])
        return self._replace(of_block=of_block, of_cluster=of_cluster)

    def allocate_bounds(self) -> Singles:
        """Return scratch memory for the bounds of the clusters."""
        return np.empty((2, self.of_cluster.shape[1]), np.float32)

    def find_nearest(self, vectors: Singles) -> Longs:
        """Return (n,) the cluster nearest to each vector, for cache locality."""
        return _assign(vectors, self.centre.transpose(0, 2, 1).reshape(-1, vectors.shape[1]))[0]


def count_clusters(n_jobs: int) -> int:
    """Return the number of clusters for jobs with vectors: a multiple of CHUNK."""
    return min(MOST_CLUSTERS, max(1, n_jobs // JOBS_PER_CLUSTER // CHUNK) * CHUNK)


def estimate_bytes(program: Program, n_users: int | None = None, n_jobs: int | None = None) -> int:
    """Return the bytes that computing the clusters of a program takes at most; 0 if they are hardly tried.

    They are tried if a product has so much weight that pruning scores most jobs. With `n_users` and `n_jobs`, return
    the bytes of the same model at another size.
    """
    of_products = [
        (program.term_kind[program.term_start[c] : program.term_start[c + 1]] == DOT).any()
        for c in range(program.n_components)
    ]
    share = program.flat_weight[of_products].sum() / max(program.flat_weight.sum(), 1e-300)
    if share < MIN_WEIGHT or len(program.dot_scale) > 1:
        return 0
    has_vector = program.dot_job_has[0]
    with_vector = int(has_vector.sum()) if n_jobs is None else round(n_jobs * float(has_vector.mean()))
    n_clusters, d = count_clusters(with_vector), program.user_vector.shape[1]
    if (program.n_users if n_users is None else n_users) < USERS_PER_CLUSTER * n_clusters:
        return 0
    of_vectors = 4 * d * (3 * with_vector + BLOCK_JOBS * n_clusters)  # copies by job, sorted and in blocks
    return of_vectors + _BYTES_PER_JOB * with_vector + 4 * n_clusters * min(with_vector, _AT_ONCE)


def has_weighted_product(program: Program, index: Index) -> bool:
    """Return whether a component adds a product of vectors to folded scores."""
    return any(_is_product_weighted(program, index, c) for c in range(program.n_components))


def _is_product_weighted(program: Program, index: Index, c: int) -> bool:
    kinds = program.term_kind[program.term_start[c] : program.term_start[c + 1]]
    is_folded = index.foldable[c] and program.divisor_kind[c] != FLAGS
    return bool(program.flat_weight[c] != 0 and is_folded and (kinds == DOT).any())


def find_objection(program: Program) -> str | None:
    """Return why clusters are not tried for a program with a weighted product; None if they are."""
    if len(program.dot_scale) > 1:
        return "clusters of vectors need a model with one product"
    needed = USERS_PER_CLUSTER * count_clusters(int(program.dot_job_has[0].sum()))
    if program.n_users < needed:
        return f"clusters of vectors need {needed:,} users"
    return None


def _take_evenly(rows: Singles, count: int) -> Singles:
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64)]


def _scale_to_unit(vectors: Singles) -> Singles:
    length = np.linalg.norm(vectors, axis=1)
    return (vectors / np.where(length > 0, length, 1)[:, None]).astype(np.float32, copy=False)


def _assign(vectors: Singles, centres: Singles) -> tuple[Longs, Singles]:
    """Return the cluster of each vector, whose centre has the greatest product with it, and the product."""
    cluster, product = np.empty(len(vectors), np.int64), np.empty(len(vectors), np.float32)
    for first in range(0, len(vectors), _AT_ONCE):
        products = vectors[first : first + _AT_ONCE] @ centres.T
        nearest = products.argmax(axis=1)
        cluster[first : first + _AT_ONCE] = nearest
        product[first : first + _AT_ONCE] = products[np.arange(len(nearest)), nearest]
    return cluster, product


def _find_centres(unit: Singles, count: int) -> Singles | None:
    """Return up to `count` unit vectors by spherical k-means (Dhillon and Modha, 2001); None without clusters."""
    centres = _take_evenly(unit, count)
    for iteration in range(ITERATIONS):
        cluster, cosine = _assign(unit, centres)
        if iteration == PROBED_ITERATION and np.median(cosine) < MIN_COSINE:
            return None
        order = np.argsort(cluster, kind="stable")
        starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
        sums = np.add.reduceat(unit[order].astype(np.float64), starts, axis=0)
        length = np.sqrt((sums**2).sum(axis=1))
        centres = (sums[length > 0] / length[length > 0, None]).astype(np.float32)
        if not len(centres):
            return None
    return centres


def _split_vectors(vectors: Singles, centres: Singles, cluster: Longs) -> tuple[Floats, Floats]:
    """Return a and |q| of each vector, in float64: the length along its centre and across it."""
    along, square = np.zeros(len(vectors)), np.zeros(len(vectors))
    for d in range(vectors.shape[1]):
        along += vectors[:, d].astype(np.float64) * centres[cluster, d]
    length = np.sqrt((centres.astype(np.float64) ** 2).sum(axis=1))
    along /= length[cluster]
    for d in range(vectors.shape[1]):
        square += (vectors[:, d] - along * (centres[:, d] / length)[cluster]) ** 2
    return along, np.sqrt(square)


def _find_extremes(values: Floats, starts: Longs) -> NDArray[np.float32]:
    """Return (4, len(starts)) bounds of the runs that begin at `starts`, rounded outward."""
    low, high = np.float32(-np.inf), np.float32(np.inf)
    extremes = np.stack(
        [
            np.minimum.reduceat(values[LEAST], starts),
            np.maximum.reduceat(values[MOST], starts),
            np.maximum.reduceat(values[ACROSS], starts) * (1 + 1e-6),
            np.maximum.reduceat(values[BEST_SCORE], starts),
        ]
    ).astype(np.float32)
    extremes[LEAST] = np.nextafter(extremes[LEAST], low)
    extremes[[MOST, ACROSS]] = np.nextafter(extremes[[MOST, ACROSS]], high)
    return extremes
