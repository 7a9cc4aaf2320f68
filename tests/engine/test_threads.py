"""Threads and what they may not leave behind."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from scoring.engine import threads
from scoring.engine.threads import one_blas_thread, users_per_task


def blas_threads() -> set[int]:
    """Of the libraries that are limited: others may have been loaded since."""
    return {library["num_threads"] for library in threads._blas().select(user_api="blas").info()}


def test_overlapping_limits_end_where_they_began() -> None:
    """The first to come is the first to go: each on its own would go back to what the other had set."""
    with one_blas_thread():
        pass  # loads the library that kernels use
    with threads._blas().limit(limits=2, user_api="blas"):
        before = blas_threads()
        if before != {2}:
            pytest.skip("this BLAS cannot be told how many threads to use")
        first, second = ExitStack(), ExitStack()
        first.enter_context(one_blas_thread())
        second.enter_context(one_blas_thread())
        first.close()
        assert blas_threads() == {1}
        second.close()
        assert blas_threads() == {2}


@pytest.mark.parametrize(
    ("n_users", "workers", "tile", "size"),
    [
        (0, 2, 1, 16),
        (500, 2, 1, 31),
        (500, 2, 128, 125),
        (300, 2, 128, 75),
        (100, 2, 128, 50),
        (10, 2, 128, 16),
        (100_000, 2, 128, 256),
    ],
)
def test_slices_of_users(n_users: int, workers: int, tile: int, size: int) -> None:
    """Whole tiles where all workers get some; no more than a stop should wait for."""
    assert users_per_task(n_users, workers, tile) == size
