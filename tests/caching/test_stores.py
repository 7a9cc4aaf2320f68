"""The store in memory: what it keeps and for how long, how it counts, and that it computes each value once."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.caching import MemoryStore
from scoring.caching.memory_footprints import Footprint
from tests.support.clocks import Clock
from tests.support.errors import raises_same
from tests.support.proof_counts import record_count


def constant(value: object) -> Callable[[], object]:
    return lambda: value


def sized(size: int = 1) -> Callable[[object], Footprint]:
    return lambda value: Footprint(size)


def never() -> object:
    raise AssertionError("the value is stored")


def test_value_is_computed_once() -> None:
    store = MemoryStore[Hashable](1000)
    first = store.get_or_compute("a", lambda: [1, 2])
    assert store.get_or_compute("a", never) is first
    stats = store.stats
    assert (stats.hits, stats.misses, stats.joined, stats.stored, stats.entries) == (1, 1, 0, 1, 1)
    assert stats.bytes > 0
    assert stats.hit_rate == 0.5


def test_none_is_a_value() -> None:
    store = MemoryStore[Hashable](1000)
    store.get_or_compute("a", constant(None))
    assert store.get_or_compute("a", never) is None


def test_least_recently_used_value_is_evicted_first() -> None:
    store = MemoryStore[Hashable](3, size_of=sized())
    for key in "abc":
        store.get_or_compute(key, constant(key))
    store.get_or_compute("a", never)
    store.stats  # noqa: B018 - reading statistics does not count as use
    store.get_or_compute("d", constant("d"))
    for key in "acd":
        store.get_or_compute(key, never)
    assert (store.stats.evictions, store.stats.entries) == (1, 3)
    store.get_or_compute("b", constant("again"))
    assert store.stats.misses == 5


def test_number_of_entries_is_limited() -> None:
    store = MemoryStore[Hashable](10**6, max_entries=2)
    for key in range(5):
        store.get_or_compute(key, constant(key))
    assert (store.stats.entries, store.stats.evictions) == (2, 3)


@pytest.mark.parametrize(
    "store",
    [MemoryStore[Hashable](0), MemoryStore[Hashable](10**6, max_entries=0), MemoryStore[Hashable](10**6, ttl=0)],
)
def test_a_store_with_a_limit_of_zero_keeps_nothing(store: MemoryStore[Hashable]) -> None:
    assert [store.get_or_compute("a", constant(value)) for value in (1, None, 3)] == [1, None, 3]
    assert (store.stats.hits, store.stats.misses, store.stats.entries) == (0, 3, 0)


def test_a_value_that_is_too_large_is_returned_but_not_kept() -> None:
    store = MemoryStore[Hashable](1000)
    store.get_or_compute("small", lambda: np.zeros(100, np.uint8))
    assert len(store.get_or_compute("large", lambda: np.zeros(2000, np.uint8))) == 2000
    assert (store.stats.entries, store.stats.dropped, store.stats.evictions) == (1, 1, 0)


def test_a_value_expires_after_its_time_to_live() -> None:
    clock = Clock(0.0)
    store = MemoryStore[Hashable](1000, ttl=3600, clock=clock)
    store.get_or_compute("a", constant(1))
    clock.now = 3599.9
    assert store.get_or_compute("a", never) == 1
    assert store.stats.oldest_seconds == 3599.9
    clock.now = 3600.0
    assert store.get_or_compute("a", constant(2)) == 2
    assert (store.stats.expirations, store.stats.hits, store.stats.misses) == (1, 1, 2)
    clock.now = 7199.9  # counted from its computation, not from its last use
    assert store.get_or_compute("a", never) == 2
    clock.now = 7200.0
    assert store.stats.entries == 0


def test_an_error_is_raised_and_not_kept() -> None:
    store = MemoryStore[Hashable](1000)

    error = ValueError("no")

    def fail() -> int:
        raise error

    for _ in range(2):
        with raises_same(error):
            store.get_or_compute("a", fail)
    assert store.get_or_compute("a", lambda: 3) == 3
    assert (store.stats.failed, store.stats.misses, store.stats.stored) == (2, 3, 1)


def test_value_that_needs_itself_raises() -> None:
    store = MemoryStore[Hashable](1000)
    with pytest.raises(RuntimeError, match="computation of 'a' requests its own value"):
        store.get_or_compute("a", lambda: store.get_or_compute("a", lambda: 1))


def _while_computing(store: MemoryStore[Hashable], act: Callable[[], None], value: object = "old") -> list[object]:
    """Start to compute "a" in a thread, call `act`, let the computation end; return what the thread received."""
    begun, go, got = threading.Event(), threading.Event(), []

    def compute() -> object:
        begun.set()
        assert go.wait(10)
        if isinstance(value, BaseException):
            raise value
        return value

    def work() -> None:
        try:
            got.append(store.get_or_compute("a", compute))
        except BaseException as error:  # noqa: BLE001 - any error is a result here
            got.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    try:
        act()
    finally:
        go.set()
        thread.join(10)
    return got


def test_a_value_cleared_during_its_computation_is_not_kept() -> None:
    store = MemoryStore[Hashable](1000)
    assert _while_computing(store, store.clear) == ["old"]
    assert store.get_or_compute("a", constant("new")) == "new"
    assert store.stats.dropped == 1


def test_request_after_clear_does_not_join_a_computation() -> None:
    store = MemoryStore[Hashable](1000)
    found = []

    def act() -> None:
        store.invalidate(lambda key: key == "a")
        found.append(store.get_or_compute("a", constant("new")))

    assert _while_computing(store, act) == ["old"]
    assert found == ["new"]
    assert store.get_or_compute("a", never) == "new"


def test_waiting_threads_get_the_value_or_the_error() -> None:
    for value in ("made", ValueError("no")):
        store = MemoryStore[Hashable](1000)
        with ThreadPoolExecutor(8) as pool:
            waiting: list = []

            def act(
                store: MemoryStore[Hashable] = store, waiting: list = waiting, pool: ThreadPoolExecutor = pool
            ) -> None:
                waiting += [pool.submit(store.get_or_compute, "a", never) for _ in range(8)]
                while store.stats.joined < 8:
                    pass

            got = _while_computing(store, act, value)
            results = [future.exception() or future.result() for future in waiting]
        assert got == [value] == list(dict.fromkeys(results))
        assert (store.stats.misses, store.stats.joined, store.stats.hits) == (1, 8, 0)


def test_a_waiting_thread_computes_after_an_interruption() -> None:
    store = MemoryStore[Hashable](1000)
    with ThreadPoolExecutor(1) as pool:
        waiting = []

        def act() -> None:
            waiting.append(pool.submit(store.get_or_compute, "a", constant("second")))
            while store.stats.joined < 1:
                pass

        got = _while_computing(store, act, KeyboardInterrupt())
        assert isinstance(got[0], KeyboardInterrupt)
        assert waiting[0].result(10) == "second"


def test_threads_compute_each_key_once_and_counts_add_up() -> None:
    store, computed, lock = MemoryStore[Hashable](10**6), [], threading.Lock()

    def compute(key: int) -> int:
        with lock:
            computed.append(key)
        return key * 2

    def work(task: int) -> None:
        for step in range(100):
            key = (task * 7 + step) % 50
            assert store.get_or_compute(key, partial(compute, key)) == key * 2

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(work, range(200)))
    stats = store.stats
    assert sorted(computed) == list(range(50))
    assert (stats.misses, stats.requests, stats.stored) == (50, 200 * 100, 50)
    assert stats.hits + stats.joined == 200 * 100 - 50
    record_count("cache threads", "{} requests, {} missing keys", stats.requests, stats.misses)


def test_threads_never_get_expired_values() -> None:
    clock, lock = Clock(0.0), threading.Lock()
    store = MemoryStore[Hashable](10**6, ttl=10, clock=clock)
    numbers, computing = itertools.count(), set[int]()
    ended: dict[tuple[int, int], float] = {}  # value → a time at which it was stored already
    seen: list[tuple[tuple[int, int], float]] = []  # value, and when it was requested

    def compute(key: int) -> tuple[int, int]:
        assert key not in computing
        computing.add(key)
        value = key, next(numbers)
        computing.remove(key)
        return value

    def work(task: int) -> None:
        for step in range(50):
            key, asked = (task * 7 + step) % 20, clock.now
            value = store.get_or_compute(key, partial(compute, key))
            with lock:
                ended.setdefault(value, clock.now)
                seen.append((value, asked))
                clock.now += 0.01

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(work, range(200)))
    stats = store.stats
    assert [value for value, asked in seen if asked - ended[value] >= 10] == []
    assert len({value for value, _ in seen}) == stats.misses == stats.stored > 20
    assert stats.expirations > 20
    record_count("time to live", "{} requests", len(seen))


@given(
    st.lists(st.tuples(st.sampled_from(["get", "clear", "wait"]), st.integers(0, 5), st.integers(1, 4)), max_size=60)
)
def test_any_sequence_equals_a_reference_model(steps: list[tuple[str, int, int]]) -> None:
    """A store of 8 units and 10 seconds, compared with a dict."""
    clock, held = Clock(0.0), {}
    store = MemoryStore[Hashable](8, ttl=10, clock=clock, size_of=lambda value: Footprint(value % 10))
    requests = 0
    for what, key, size in steps:
        if what == "clear":
            store.clear()
            held = {}
        elif what == "wait":
            clock.now += size * 2
        else:
            requests += 1
            held = {k: v for k, v in held.items() if clock.now - v[1] < 10}
            value = requests * 10 + size
            found = store.get_or_compute(key, lambda value=value: value)
            if key in held:
                assert found == held[key][0]
                held[key] = held.pop(key)
            else:
                assert found == value
                while sum(v[0] % 10 for v in held.values()) + size > 8:
                    del held[next(iter(held))]
                held[key] = (value, clock.now)
        stats = store.stats
        alive = {k: v for k, v in held.items() if clock.now - v[1] < 10}
        assert stats.requests == requests == stats.hits + stats.misses
        assert (stats.entries, stats.bytes) == (len(alive), sum(v[0] % 10 for v in alive.values()))
        assert stats.bytes <= 8


def test_memory_shared_by_several_entries_counts_once() -> None:
    """A limit in bytes allows more entries than the sum of their sizes suggests, and the store keeps the limit."""
    shared, own = np.zeros(10**6, np.uint8), [np.zeros(10**5, np.uint8) for _ in range(8)]
    store = MemoryStore[Hashable](int(1.55e6))
    for place, array in enumerate(own):
        store.get_or_compute(place, constant((shared, array)))
        assert store.stats.bytes <= store.max_bytes
    stats = store.stats
    assert (stats.entries, stats.evictions) == (5, 3)
    assert stats.bytes == pytest.approx(1.5e6, rel=0.001)
    store.invalidate(lambda key: key != 7)
    assert store.stats.bytes == pytest.approx(1.1e6, rel=0.001)
    store.get_or_compute("alone", constant(np.zeros(10**6, np.uint8)))
    assert (store.stats.entries, store.stats.bytes) == (1, pytest.approx(10**6, rel=0.001))
    store.clear()
    assert store.stats.bytes == 0
