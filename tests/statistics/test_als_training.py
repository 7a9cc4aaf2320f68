"""Training of factors: the bits do not depend on the number of threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from scoring.statistics import ALS, Factors, Statistics, als_training
from scoring.statistics.als_training import Vectors, has_equal_bits, train, train_on_threads
from tests.support.proof_counts import record_count
from tests.support.small_datasets import small_dataset

THREADS = 2, 4, 7
"""More than the cores of most test machines: threads are interrupted at any place."""


def random_matrix(seed: int) -> sparse.csr_matrix:
    """Return confidences of random size and skew. Some rows and columns are empty."""
    rng = np.random.default_rng(seed)
    n_users, n_jobs = (int(10 ** rng.uniform(0, top)) for top in (3, 3.5))
    n = int(min(n_users * n_jobs, 10 ** rng.uniform(0, 4)))
    skew = rng.choice([1, 3])
    users, jobs = ((size * rng.random(n) ** skew).astype(np.int32) for size in (n_users, n_jobs))
    confidence = rng.choice(np.float32([1, 2, 5, 7, 1e-30, 3e4]), n)
    return sparse.csr_matrix((confidence, (users, jobs)), shape=(n_users, n_jobs))


def matrix_of(*rows: list[float]) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(rows, dtype=np.float32))


SPECIAL = {
    "one user": matrix_of([5, 0, 2, 1] * 50),
    "one job": matrix_of(*[[1 + row % 7] for row in range(200)]),
    "one pair": matrix_of([5]),
    "users and jobs without actions": matrix_of([0, 0, 0], [1, 0, 5], [0, 0, 0], [0, 0, 2]),
    "a million actions on a pair": matrix_of(*[[5e6, 1], [1, 1], [0, 5e6]] * 40),
    "equal rows": matrix_of(*[[1, 2, 5]] * 300),
    "a user of every job": matrix_of([1] * 2000, *[[0] * row + [2] + [0] * (1999 - row) for row in range(300)]),
}


def assert_equal_bits(matrix: sparse.csr_matrix, settings: ALS) -> None:
    one = train_on_threads(matrix, settings, 1)
    for threads in THREADS:
        several = train_on_threads(matrix, settings, threads)
        for side, found, wanted in zip(("users", "jobs"), several, one, strict=True):
            assert found.tobytes() == wanted.tobytes(), f"{side} on {threads} threads"
    record_count("training threads", "{} trainings on 2 to 7 threads", len(THREADS))


@pytest.mark.parametrize("dimensions", [1, 2, 3, 8, 31, 32, 33, 64, 100, 256])
def test_bits_do_not_depend_on_number_of_threads(dimensions: int) -> None:
    for seed in range(2):
        assert_equal_bits(random_matrix(100 * dimensions + seed), ALS(dimensions, iterations=3))


@pytest.mark.long
def test_bits_of_500_matrices_equal() -> None:
    rng = np.random.default_rng(0)
    for seed in range(500):
        assert_equal_bits(random_matrix(seed), ALS(int(rng.integers(1, 200)), iterations=5))


@pytest.mark.parametrize("name", SPECIAL)
def test_bits_of_special_matrices_equal(name: str) -> None:
    assert_equal_bits(SPECIAL[name], ALS(iterations=4))


def test_bits_of_many_iterations_equal() -> None:
    """Differences would grow with each iteration."""
    assert_equal_bits(random_matrix(33), ALS(8, iterations=30))


def test_small_matrix_verifies_this_machine() -> None:
    assert has_equal_bits(32, 2)


# --- Choice of the number of threads --------------------------------------------------------------------------


@pytest.fixture
def threads_used(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Return a list of the numbers of threads of all trainings. Small matrices are trained on several threads."""
    used: list[int] = []

    def record(matrix: sparse.csr_matrix, settings: ALS, threads: int) -> tuple[Vectors, Vectors]:
        used.append(threads)
        return train_on_threads(matrix, settings, threads)

    monkeypatch.setattr(als_training, "train_on_threads", record)
    monkeypatch.setattr(als_training, "PAIRS_PER_THREAD", 10)
    monkeypatch.setattr(als_training, "available_cpus", lambda: 8)
    has_equal_bits.cache_clear()
    yield used
    has_equal_bits.cache_clear()


def test_machine_is_verified_once(threads_used: list[int]) -> None:
    matrix = SPECIAL["equal rows"]
    for _ in range(2):
        train(matrix, ALS(8, iterations=1), workers=3)
    assert threads_used == [1, 3, 3, 3]
    train(matrix, ALS(9, iterations=1), workers=3)
    assert threads_used[4:] == [1, 3, 3]


def test_number_of_threads_is_limited(threads_used: list[int]) -> None:
    train(SPECIAL["equal rows"], ALS(8, iterations=1), workers=1)
    train(matrix_of([1] * 9, [2] * 9), ALS(8, iterations=1), workers=4)
    assert threads_used == [1, 1]


@pytest.mark.parametrize(
    ("cores", "workers", "wanted"),
    [(1, None, 1), (1, 8, 1), (2, None, 8), (2, 1, 1), (2, 2, 8), (8, 3, 3), (100, None, 64), (100, 99, 64)],
)
def test_threads_per_core(cores: int, workers: int | None, wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More threads than cores balance rows of unequal length, unless the caller leaves cores to other work."""
    monkeypatch.setattr(als_training, "available_cpus", lambda: cores)
    assert als_training._count_threads(10**9, workers) == wanted


def test_other_bits_fall_back_to_one_thread(threads_used: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = als_training._fit

    def fit_otherwise(
        matrix: sparse.csr_matrix, settings: ALS, threads: int, stop: threading.Event
    ) -> tuple[Vectors, Vectors]:
        users, jobs = fit(matrix, settings, threads, stop)
        if threads > 1:
            jobs[-1, -1] = np.nextafter(jobs[-1, -1], np.float32(9))
        return users, jobs

    matrix = SPECIAL["equal rows"]
    wanted = train(matrix, ALS(8, iterations=1), workers=1)
    monkeypatch.setattr(als_training, "_fit", fit_otherwise)
    with pytest.warns(RuntimeWarning, match="trained on one thread"):
        found = train(matrix, ALS(8, iterations=1), workers=3)
    assert threads_used[-1] == 1
    assert [side.tobytes() for side in found] == [side.tobytes() for side in wanted]


def test_cached_factors_are_those_of_any_number_of_threads(tmp_path: Path, threads_used: list[int]) -> None:
    data = small_dataset(5, n_users=40, n_jobs=60, n_actions=400, factors=False)
    one, several = (Factors.of(data, cache=tmp_path / str(workers), workers=workers) for workers in (1, 4))
    assert {1, 4} <= set(threads_used)
    assert one.users.tobytes() == several.users.tobytes()
    assert one.jobs.tobytes() == several.jobs.tobytes()
    files = [next((tmp_path / workers).iterdir()) for workers in "14"]
    assert files[0].name == files[1].name
    assert files[0].read_bytes() == files[1].read_bytes()
    assert Factors.of(data, cache=tmp_path / "4", workers=1).from_cache


def test_statistics_limit_threads(threads_used: list[int]) -> None:
    data = small_dataset(5, n_users=40, n_jobs=60, n_actions=400, factors=False)
    assert Statistics(data, als=ALS(8, iterations=1), workers=1).factors.source == "trained"
    assert threads_used == [1]


# --- Threads end with the training ----------------------------------------------------------------------------


def count_native_threads() -> int:
    return len(os.listdir("/proc/self/task"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="native threads are not listed by this system")
def test_threads_end_with_training() -> None:
    """OpenMP keeps its threads for the thread that started them."""
    train_on_threads(random_matrix(1), ALS(4, iterations=1), 1)  # starts the threads of BLAS
    before = count_native_threads()
    train_on_threads(random_matrix(1), ALS(4, iterations=1), 5)
    give_up = time.monotonic() + 20
    while count_native_threads() > before:
        assert time.monotonic() < give_up
        time.sleep(0.01)


FORK = """
import os, signal, sys
import numpy as np
from scipy import sparse
from scoring.statistics.als_training import ALS, train_on_threads

matrix = sparse.csr_matrix(np.ones((50, 50), dtype=np.float32))
wanted = train_on_threads(matrix, ALS(4, iterations=1), 2)
child = os.fork()
found = train_on_threads(matrix, ALS(4, iterations=1), 2)
assert found[0].tobytes() == wanted[0].tobytes()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.integration
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork a process")
def test_fork_after_training_can_train() -> None:
    """Servers load data in one process and fork workers, which train on new data."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=120, start_new_session=True)


@pytest.mark.integration
def test_interrupt_stops_training(monkeypatch: pytest.MonkeyPatch) -> None:
    has_started, ended, fit = threading.Event(), threading.Event(), als_training._fit

    def start(*args: Any) -> tuple[Vectors, Vectors]:
        has_started.set()
        return fit(*args)

    def interrupt() -> None:
        while not has_started.wait(0.01):
            if ended.is_set():  # without training
                return
        time.sleep(0.2)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(als_training, "_fit", start)
    matrix, settings = sparse.random(1000, 1000, 0.05, format="csr", dtype=np.float32), ALS(32, iterations=10_000)
    sender = threading.Thread(target=interrupt)
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sender.start()
        with pytest.raises(KeyboardInterrupt):
            train_on_threads(matrix, settings, 2)
    finally:
        ended.set()
        sender.join()
        signal.signal(signal.SIGINT, old)
    assert not any(thread.name.startswith("scoring-als") for thread in threading.enumerate())


def test_error_restores_threads_of_blas() -> None:
    """An error in the training thread restores the threads of BLAS and is raised by the caller."""
    from implicit.recommender_base import ModelFitError
    from threadpoolctl import threadpool_info

    def read_threads() -> list[tuple[str, int]]:
        return sorted((library["filepath"], library["num_threads"]) for library in threadpool_info())

    train_on_threads(matrix_of([1]), ALS(4, iterations=1), 1)  # loads the libraries
    before = read_threads()
    with pytest.raises(ModelFitError):
        train_on_threads(matrix_of([np.nan]), ALS(4, iterations=1), 2)
    assert read_threads() == before
