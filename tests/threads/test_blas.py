"""Process-wide BLAS settings during matrix products: they are limited and restored."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from scoring.dataset import Dataset
from scoring.statistics import ALS, Factors
from scoring.synthetic import make_market
from scoring.threads import blas
from scoring.threads.blas import limit_blas_threads


def blas_threads() -> set[int]:
    """Return the thread counts of the limited libraries; others may have been loaded since."""
    return {library["num_threads"] for library in blas._find_blas().select(user_api="blas").info()}


def test_overlapping_limits_restore_the_original() -> None:
    """The limit entered first ends first. Independent limits would each restore the value that the other had set."""
    with limit_blas_threads():
        pass  # loads the library that the kernels use
    with blas._find_blas().limit(limits=2, user_api="blas"):
        before = blas_threads()
        if before != {2}:
            pytest.skip("the number of threads of this BLAS cannot be set")
        first, second = ExitStack(), ExitStack()
        first.enter_context(limit_blas_threads())
        second.enter_context(limit_blas_threads())
        first.close()
        assert blas_threads() == {1}
        second.close()
        assert blas_threads() == {2}


def test_training_keeps_its_limit_after_a_ranking() -> None:
    """Several threads would add in another order and give different factors."""
    data = Dataset(make_market(200, 500, 5000, seed=0).tables)
    Factors.of(data, settings=ALS(iterations=1))  # loads the libraries
    with blas._find_blas().limit(limits=2, user_api="blas"), ExitStack() as ranking, ThreadPoolExecutor(1) as pool:
        if blas_threads() != {2}:
            pytest.skip("the number of threads of this BLAS cannot be set")
        ranking.enter_context(limit_blas_threads())
        training = pool.submit(Factors.of, data, settings=ALS(iterations=100))
        while blas._Limit.depth < 2:
            assert not training.done()
            time.sleep(0.001)
        ranking.close()
        limited = blas_threads()
        assert limited == {1} or training.done()
        training.result()


def test_every_thread_can_set_the_limit() -> None:
    """Another thread that is still alive may have set it: training in a thread, after a ranking in the main thread."""
    with limit_blas_threads():
        pass
    with blas._find_blas().limit(limits=2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("the number of threads of this BLAS cannot be set")

        def read_limits() -> set[int]:
            with limit_blas_threads():
                return blas_threads()

        with ThreadPoolExecutor(1) as pool:
            for _ in range(2):
                assert read_limits() == pool.submit(read_limits).result() == {1}
                assert blas_threads() == {2}


def test_libraries_loaded_later_are_limited_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    with limit_blas_threads(rescan=True):
        every = blas._find_blas().select(user_api="blas")
    files = [library["filepath"] for library in every.info()]
    if len(files) < 2:
        pytest.skip("NumPy and SciPy use the same BLAS library")
    found = [every.select(filepath=files[:1])]

    def find() -> object:
        return found[-1]

    find.cache_clear = lambda: found.append(every)  # type: ignore[attr-defined]
    monkeypatch.setattr(blas, "_find_blas", find)

    def read_threads() -> list[int]:
        return [library["num_threads"] for library in every.info()]

    with every.limit(limits=2), ExitStack() as ranking, ExitStack() as training:
        if set(read_threads()) != {2}:
            pytest.skip("the number of threads of this BLAS cannot be set")
        ranking.enter_context(limit_blas_threads())
        assert read_threads()[:2] == [1, 2]
        training.enter_context(limit_blas_threads(rescan=True))
        assert set(read_threads()) == {1}
        ranking.close()
        assert set(read_threads()) == {1}
        training.close()
        assert set(read_threads()) == {2}
