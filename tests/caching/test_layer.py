"""One cache: what it keeps, for how long, how it counts, and that each value is computed once."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.caching import GROUPS, LAYERS, Layer, Layers, LayerStats
from scoring.caching.sizes import Footprint, footprint
from scoring.errors import ConfigurationError
from tests.counting import IN_TIME, counted


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def constant(value: object) -> Callable[[], object]:
    return lambda: value


def sized(size: int = 1) -> Callable[[object], Footprint]:
    return lambda value: Footprint(size)


def never() -> object:
    raise AssertionError("it is there")


def test_a_value_is_computed_once_and_found_again() -> None:
    layer = Layer[object](1000)
    first = layer.get("a", lambda: [1, 2])
    assert layer.get("a", never) is first
    stats = layer.stats
    assert (stats.hits, stats.misses, stats.joined, stats.stored, stats.entries) == (1, 1, 0, 1, 1)
    assert stats.bytes > 0
    assert stats.hit_rate == 0.5


def test_none_is_a_value() -> None:
    layer = Layer[None](1000)
    layer.get("a", constant(None))  # type: ignore[arg-type]
    assert layer.get("a", never) is None  # type: ignore[arg-type]


def test_the_least_recently_used_goes_first() -> None:
    layer = Layer[object](3, size_of=sized())
    for key in "abc":
        layer.get(key, constant(key))
    layer.get("a", never)
    layer.stats  # noqa: B018 - looking does not count as use
    layer.get("d", constant("d"))
    for key in "acd":
        layer.get(key, never)
    assert (layer.stats.evictions, layer.stats.entries) == (1, 3)
    layer.get("b", constant("again"))
    assert layer.stats.misses == 5


def test_entries_are_bounded_too() -> None:
    layer = Layer[object](10**6, max_entries=2)
    for key in range(5):
        layer.get(key, constant(key))
    assert (layer.stats.entries, layer.stats.evictions) == (2, 3)


@pytest.mark.parametrize("layer", [Layer[object](0), Layer[object](10**6, max_entries=0), Layer[object](10**6, ttl=0)])
def test_a_layer_without_room_keeps_nothing(layer: Layer[object]) -> None:
    assert [layer.get("a", constant(value)) for value in (1, None, 3)] == [1, None, 3]
    assert (layer.stats.hits, layer.stats.misses, layer.stats.entries) == (0, 3, 0)


def test_what_is_too_large_is_given_but_not_kept() -> None:
    layer = Layer[np.ndarray](1000)
    layer.get("small", lambda: np.zeros(100, np.uint8))
    assert len(layer.get("large", lambda: np.zeros(2000, np.uint8))) == 2000
    assert (layer.stats.entries, layer.stats.dropped, layer.stats.evictions) == (1, 1, 0)


def test_a_value_lives_as_long_as_it_may_and_no_longer() -> None:
    clock = Clock()
    layer = Layer[int](1000, ttl=3600, clock=clock)
    layer.get("a", constant(1))  # type: ignore[arg-type]
    clock.now = 3599.9
    assert layer.get("a", never) == 1  # type: ignore[arg-type]
    assert layer.stats.oldest_seconds == 3599.9
    clock.now = 3600.0
    assert layer.get("a", constant(2)) == 2  # type: ignore[arg-type]
    assert (layer.stats.expirations, layer.stats.hits, layer.stats.misses) == (1, 1, 2)
    clock.now = 7199.9  # counted from when it was computed, not from when it was used
    assert layer.get("a", never) == 2  # type: ignore[arg-type]
    clock.now = 7200.0
    assert layer.stats.entries == 0


def test_an_error_is_raised_and_not_kept() -> None:
    layer = Layer[int](1000)

    def fail() -> int:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            layer.get("a", fail)
    assert layer.get("a", lambda: 3) == 3
    assert (layer.stats.failed, layer.stats.misses, layer.stats.stored) == (2, 3, 1)


def test_a_value_that_needs_itself_is_an_error_not_a_standstill() -> None:
    layer = Layer[int](1000)
    with pytest.raises(RuntimeError, match="'a' needs itself"):
        layer.get("a", lambda: layer.get("a", lambda: 1))


def _while_computing(layer: Layer[object], act: Callable[[], None], value: object = "old") -> list[object]:
    """Begins to compute "a" in a thread, acts, lets it end; what the thread got."""
    begun, go, got = threading.Event(), threading.Event(), []

    def compute() -> object:
        begun.set()
        assert go.wait(10)
        if isinstance(value, BaseException):
            raise value
        return value

    def work() -> None:
        try:
            got.append(layer.get("a", compute))
        except BaseException as error:  # noqa: BLE001 - whatever it was that the thread got
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


def test_what_was_cleared_while_it_was_computed_is_not_kept() -> None:
    layer = Layer[object](1000)
    assert _while_computing(layer, layer.clear) == ["old"]
    assert layer.get("a", constant("new")) == "new"
    assert layer.stats.dropped == 1


def test_who_asks_after_a_clear_does_not_get_what_was_begun_before_it() -> None:
    layer = Layer[object](1000)
    found = []

    def act() -> None:
        layer.discard(lambda key: key == "a")
        found.append(layer.get("a", constant("new")))

    assert _while_computing(layer, act) == ["old"]
    assert found == ["new"]
    assert layer.get("a", never) == "new"


def test_waiting_threads_get_the_value_or_the_error() -> None:
    for value in ("made", ValueError("no")):
        layer = Layer[object](1000)
        with ThreadPoolExecutor(8) as pool:
            waiting: list = []

            def act(layer: Layer[object] = layer, waiting: list = waiting, pool: ThreadPoolExecutor = pool) -> None:
                waiting += [pool.submit(layer.get, "a", never) for _ in range(8)]
                while layer.stats.joined < 8:
                    pass

            got = _while_computing(layer, act, value)
            results = [future.exception() or future.result() for future in waiting]
        assert got == [value] == list(dict.fromkeys(results))
        assert (layer.stats.misses, layer.stats.joined, layer.stats.hits) == (1, 8, 0)


def test_where_the_first_is_interrupted_another_computes() -> None:
    layer = Layer[object](1000)
    with ThreadPoolExecutor(1) as pool:
        waiting = []

        def act() -> None:
            waiting.append(pool.submit(layer.get, "a", constant("second")))
            while layer.stats.joined < 1:
                pass

        got = _while_computing(layer, act, KeyboardInterrupt())
        assert isinstance(got[0], KeyboardInterrupt)
        assert waiting[0].result(10) == "second"


def test_many_threads_one_computation_per_key_and_counts_that_add_up() -> None:
    layer, computed, lock = Layer[int](10**6), [], threading.Lock()

    def compute(key: int) -> int:
        with lock:
            computed.append(key)
        return key * 2

    def work(task: int) -> None:
        for step in range(100):
            key = (task * 7 + step) % 50
            assert layer.get(key, partial(compute, key)) == key * 2

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(work, range(200)))
    stats = layer.stats
    assert sorted(computed) == list(range(50))
    assert (stats.misses, stats.requests, stats.stored) == (50, 200 * 100, 50)
    assert stats.hits + stats.joined == 200 * 100 - 50
    sentence = "200 tasks of 64 threads on one cache, {} requests: {} missing keys computed once each"
    counted("shared", sentence, stats.requests, stats.misses)


def test_many_threads_never_get_a_value_that_is_older_than_it_may_be() -> None:
    clock, lock = Clock(), threading.Lock()
    layer = Layer[tuple[int, int]](10**6, ttl=10, clock=clock)
    numbers, computing = itertools.count(), set[int]()
    ended: dict[tuple[int, int], float] = {}  # value → a moment at which it was kept already
    seen: list[tuple[tuple[int, int], float]] = []  # value, and when it was asked for

    def compute(key: int) -> tuple[int, int]:
        assert key not in computing
        computing.add(key)
        value = key, next(numbers)
        computing.remove(key)
        return value

    def work(task: int) -> None:
        for step in range(50):
            key, asked = (task * 7 + step) % 20, clock.now
            value = layer.get(key, partial(compute, key))
            with lock:
                ended.setdefault(value, clock.now)
                seen.append((value, asked))
                clock.now += 0.01

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(work, range(200)))
    stats = layer.stats
    assert [value for value, asked in seen if asked - ended[value] >= 10] == []
    assert len({value for value, _ in seen}) == stats.misses == stats.stored > 20
    assert stats.expirations > 20
    counted("shared", IN_TIME, len(seen))


@given(
    st.lists(st.tuples(st.sampled_from(["get", "clear", "wait"]), st.integers(0, 5), st.integers(1, 4)), max_size=60)
)
def test_any_sequence_is_that_of_a_plain_model(steps: list[tuple[str, int, int]]) -> None:
    """A layer of 8 units and 10 seconds beside a dict that is kept by hand."""
    clock, held = Clock(), {}
    layer = Layer[int](8, ttl=10, clock=clock, size_of=lambda value: Footprint(value % 10))
    requests = 0
    for what, key, size in steps:
        if what == "clear":
            layer.clear()
            held = {}
        elif what == "wait":
            clock.now += size * 2
        else:
            requests += 1
            held = {k: v for k, v in held.items() if clock.now - v[1] < 10}
            value = requests * 10 + size
            found = layer.get(key, lambda value=value: value)
            if key in held:
                assert found == held[key][0]
                held[key] = held.pop(key)
            else:
                assert found == value
                while sum(v[0] % 10 for v in held.values()) + size > 8:
                    del held[next(iter(held))]
                held[key] = (value, clock.now)
        stats = layer.stats
        alive = {k: v for k, v in held.items() if clock.now - v[1] < 10}
        assert stats.requests == requests == stats.hits + stats.misses
        assert (stats.entries, stats.bytes) == (len(alive), sum(v[0] % 10 for v in alive.values()))
        assert stats.bytes <= 8


def test_what_several_entries_hold_counts_once() -> None:
    """So a bound in bytes has room for what a sum over the entries would throw out; and it is kept."""
    shared, own = np.zeros(10**6, np.uint8), [np.zeros(10**5, np.uint8) for _ in range(8)]
    layer = Layer[object](int(1.55e6))
    for place, array in enumerate(own):
        layer.get(place, constant((shared, array)))
        assert layer.stats.bytes <= layer.max_bytes
    stats = layer.stats
    assert (stats.entries, stats.evictions) == (5, 3)
    assert stats.bytes == pytest.approx(1.5e6, rel=0.001)
    layer.discard(lambda key: key != 7)
    assert layer.stats.bytes == pytest.approx(1.1e6, rel=0.001)
    layer.get("alone", constant(np.zeros(10**6, np.uint8)))
    assert (layer.stats.entries, layer.stats.bytes) == (1, pytest.approx(10**6, rel=0.001))
    layer.clear()
    assert layer.stats.bytes == 0


def test_what_several_layers_hold_counts_for_the_first() -> None:
    layers, shared = Layers(), np.zeros(10**6, np.uint8)
    layers.encoded.get("a", constant((shared, np.zeros(10**5, np.uint8))))
    layers.plans.get("a", constant((shared, np.zeros(10**4, np.uint8))))
    counted = layers.bytes_once({"data": footprint([shared])})
    assert list(counted) == ["data", *LAYERS]
    assert counted["data"] == pytest.approx(10**6, rel=0.001)
    assert counted["encoded"] == pytest.approx(10**5, rel=0.01)
    assert counted["plans"] == pytest.approx(10**4, rel=0.1)
    assert layers.stats["plans"].bytes == pytest.approx(1.01e6, rel=0.001)


def test_layers_are_cleared_by_name_and_by_group() -> None:
    layers = Layers()
    for name, layer in layers:
        layer.get(name, constant(1))

    def held() -> list[str]:
        return [name for name, stats in layers.stats.items() if stats.entries]

    layers.clear("company")
    assert "company" not in held()
    layers.clear(["session", "users"])
    assert held() == ["prefecture", "scores", "explanations"]
    layers.clear()
    assert held() == []
    assert all(stats == LayerStats(misses=1, stored=1) for stats in layers.stats.values())
    assert set().union(*GROUPS.values()) | {"company"} == set(LAYERS)
    with pytest.raises(ConfigurationError, match="there is no cache 'strange'; there are prefecture, "):
        layers.clear(["company", "strange"])


def test_company_popularity_alone_grows_old() -> None:
    clock = Clock()
    layers = Layers(company_hours=0.5, clock=clock)
    for name, layer in layers:
        layer.get(name, constant(1))
    clock.now = 1800.0
    assert [name for name, stats in layers.stats.items() if not stats.entries] == ["company"]
    layers.set_company(hours=2)
    layers.company.get("a", constant(1))
    clock.now += 7199.0
    assert layers.company.stats.entries == 1
