"""Threads and what they may not leave behind."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from threadpoolctl import ThreadpoolController

from scoring.engine.threads import one_blas_thread


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in ThreadpoolController().select(user_api="blas").info()}


def test_overlapping_limits_end_where_they_began() -> None:
    """The first to come is the first to go: each on its own would go back to what the other had set."""
    with one_blas_thread():
        pass  # loads the library that kernels use
    with ThreadpoolController().limit(limits=2, user_api="blas"):
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
