"""Training of vectors with alternating least squares of `implicit`, on several threads with the bits of one.

The method is that of Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback Datasets, 2008.

A half-step of the solver (`implicit/cpu/_als.pyx`) computes the vectors of one side from those of the other:

1. The Gram matrix of the other side, one matrix product of BLAS. BLAS is limited to one thread, because its threads
   would add in another order.
2. Each row by conjugate gradients, in an OpenMP loop. A row reads the Gram matrix, the other side and its own
   confidences, and writes its own vector only. The order of its sums does not depend on the thread that computes it,
   nor on the rows that a thread computed before. So the number of OpenMP threads cannot change a bit.

The second step relies on BLAS: products of vectors must be thread-safe, and must not depend on the address of a
thread's working memory. OpenBLAS guarantees both, other libraries may not. `has_equal_bits` therefore trains a small
matrix both ways, with vectors of the same length: the length alone selects the code of BLAS.
"""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_integer, check_number, check_seed
from scoring.threads import available_cpus, limit_blas_threads

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["ALS", "train"]

Vectors = NDArray[np.float32]

MAX_THREADS = 64
"""OpenBLAS as shipped with SciPy has buffers for twice as many threads."""

THREADS_PER_CORE = 4
"""The solver first gives each thread an equal number of rows. If the first rows have most actions, like the first films
of MovieLens, 2 threads keep 2 cores busy for 60 % of the time, and 8 threads for 92 %. CPU time is the same."""

PAIRS_PER_THREAD = 5_000
"""Fewer are trained within milliseconds, less than `has_equal_bits` takes."""


MAX_DIMENSIONS = 4096
MAX_ITERATIONS = 10_000


@dataclass(frozen=True)
class ALS:
    """Training settings. The seed is fixed, so that equal actions give equal factors, on any number of threads."""

    dimensions: int = 32
    regularization: float = 0.05
    iterations: int = 15
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ConfigurationError if a setting is not a number in its range."""
        object.__setattr__(self, "dimensions", check_integer("dimensions", self.dimensions, 1, MAX_DIMENSIONS))
        object.__setattr__(self, "regularization", check_number("regularization", self.regularization))
        object.__setattr__(self, "iterations", check_integer("iterations", self.iterations, 1, MAX_ITERATIONS))
        object.__setattr__(self, "seed", check_seed(self.seed))


def train(matrix: sparse.csr_matrix, settings: ALS, workers: int | None = None) -> tuple[Vectors, Vectors]:
    """Return the vectors of rows and columns.

    Warns if several threads give other vectors on this machine. Training then uses one thread.

    Parameters
    ----------
    matrix: float32 confidences, with sorted indices and without duplicates.
    workers: Maximum number of cores; None: all available cores. The vectors do not depend on it.
    """
    threads = _count_threads(matrix.nnz, workers)
    if threads > 1 and not has_equal_bits(settings.dimensions, threads):
        warnings.warn(
            "Factors are trained on one thread: with the BLAS library of this machine, several threads give other "
            "factors. Training takes longer, and its result is correct.",
            RuntimeWarning,
            stacklevel=2,
        )
        threads = 1
    return train_on_threads(matrix, settings, threads)


def _count_threads(n_pairs: int, workers: int | None) -> int:
    available = available_cpus()
    cores = min(workers or available, available)
    threads = cores * THREADS_PER_CORE if cores == available > 1 else cores  # other cores are left to other work
    return min(threads, MAX_THREADS, max(n_pairs // PAIRS_PER_THREAD, 1))


@cache
def has_equal_bits(dimensions: int, threads: int) -> bool:
    """Return whether training on several threads gives the bits of training on one, for vectors of this length.

    Takes milliseconds, once per process. The matrix has enough rows that all threads compute some at the same time.
    """
    from scipy import sparse

    n = 100 * threads
    rng = np.random.default_rng(0)
    matrix = sparse.random(n, n, density=10 / n, format="csr", dtype=np.float32, random_state=rng)
    matrix.data = np.ceil(7 * matrix.data)
    settings = ALS(dimensions, iterations=2)
    one, several = (train_on_threads(matrix, settings, count) for count in (1, threads))
    return all(np.array_equal(x.view(np.int32), y.view(np.int32)) for x, y in zip(one, several, strict=True))


def train_on_threads(matrix: sparse.csr_matrix, settings: ALS, threads: int) -> tuple[Vectors, Vectors]:
    """Return the vectors of rows and columns, trained on a number of threads.

    The caller waits for a thread of its own, which ends with the training and its OpenMP threads with it. Otherwise
    they would belong to the calling thread, and training in a fork of the process would wait for them forever. Ctrl-C
    stops the training after the current iteration.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix="scoring-als") as pool:
        try:
            training = pool.submit(_fit, matrix, settings, threads, stop)
            while not wait([training], timeout=0.1).done:
                pass  # Python handles signals that another thread of the process received
            return training.result()
        finally:
            stop.set()


class _StoppedError(Exception):
    """Training was stopped. The waiting thread has its own exception."""


def _fit(matrix: sparse.csr_matrix, settings: ALS, threads: int, stop: threading.Event) -> tuple[Vectors, Vectors]:
    from implicit.cpu.als import AlternatingLeastSquares

    def check(*_: object) -> None:
        if stop.is_set():
            raise _StoppedError

    with limit_blas_threads(rescan=True):  # implicit warns of each library that uses several threads
        model = AlternatingLeastSquares(
            factors=settings.dimensions,
            regularization=settings.regularization,
            iterations=settings.iterations,
            num_threads=threads,
            random_state=settings.seed,
        )
        model.fit(matrix, show_progress=False, callback=check)
    return np.asarray(model.user_factors), np.asarray(model.item_factors)
