"""The latest request wins at any timing. No test depends on wall-clock time."""

from __future__ import annotations

import gc
import threading
import weakref
from contextlib import suppress

import pytest

from scoring.errors import ConfigurationError, RunCancelledError
from scoring.widgets.worker import Status, Worker

LONG = 30.0
"""Timeout of a test in seconds."""


class Bench:
    """A worker whose slow computations wait for `go_on`."""

    def __init__(self, **options) -> None:
        self.published: list[str] = []
        self.told: list[Status] = []
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.threads: list[threading.Thread] = []
        self.started, self.go_on = threading.Event(), threading.Event()
        self.worker: Worker[str, str] = Worker(
            self.stages, self.published.append, self.told.append, **({"debounce": 0.0} | options)
        )

    def stages(self, request, cancelled):
        self.begun.append(request)
        self.threads.append(threading.current_thread())
        self.started.set()
        if request.startswith("slow"):
            assert self.go_on.wait(LONG)
        if request == "bad":
            raise ConfigurationError("bad is no request.")
        if request == "worse":
            raise ZeroDivisionError("by nothing")
        yield f"{request} 1"
        if cancelled():
            raise RunCancelledError("a newer one came.")
        yield f"{request} 2"
        self.ended.append(request)


@pytest.fixture
def bench():
    made: list[Bench] = []

    def make(**options) -> Bench:
        made.append(Bench(**options))
        return made[-1]

    yield make
    for one in made:
        one.go_on.set()
        one.worker.close()


def test_every_stage_is_published_in_order(bench):
    one = bench()
    one.worker.submit("a")
    one.worker.wait_idle(LONG)
    assert one.published == ["a 1", "a 2"]
    assert [status.kind for status in one.told] == ["computing", "settled"]
    assert one.worker.status.kind == "settled"


def test_nothing_of_what_is_stale_is_published(bench):
    one = bench()
    one.worker.submit("slow old")
    assert one.started.wait(LONG)
    one.worker.submit("new")
    one.go_on.set()
    one.worker.wait_idle(LONG)
    assert one.published == ["new 1", "new 2"]
    assert one.ended == ["new"]
    assert one.told[-1].kind == "settled"


def test_submit_does_not_wait_for_what_is_computed(bench):
    one = bench()
    one.worker.submit("slow")
    assert one.started.wait(LONG)
    for place in range(1000):
        one.worker.submit(f"b{place}")  # returns while the computation waits
    assert one.begun == ["slow"]
    one.go_on.set()
    one.worker.wait_idle(LONG)
    assert one.begun == ["slow", "b999"]


def test_the_debounce_is_waited_out_and_only_the_last_is_begun(bench):
    now, waits, handed = [0.0], [], []

    def wait(condition: threading.Condition, seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds / 2
        if not handed:  # a newer request during the debounce restarts it
            handed.append(True)
            one.worker.submit("second")

    one = bench(debounce=8.0, clock=lambda: now[0], wait=wait)
    one.worker.submit("first")
    one.worker.wait_idle(LONG)
    assert one.begun == ["second"]
    assert waits[:3] == [8.0, 8.0, 4.0]


def test_what_fails_is_told_raised_and_survived(bench):
    one = bench()
    one.worker.submit("bad")
    with pytest.raises(ConfigurationError, match="bad is no request"):
        one.worker.wait_idle(LONG)
    assert one.worker.status.kind == "failed"
    assert one.worker.status.why == "bad is no request."
    one.worker.submit("worse")
    with pytest.raises(ZeroDivisionError):
        one.worker.wait_idle(LONG)
    assert one.worker.status.why == "ZeroDivisionError: by nothing"
    one.worker.submit("good")
    one.worker.wait_idle(LONG)
    assert one.worker.status.kind == "settled"


def test_a_failure_to_publish_is_a_failure(bench):
    one = bench()
    one.worker._publish = lambda result: 1 / 0
    one.worker.submit("a")
    with pytest.raises(ZeroDivisionError):
        one.worker.wait_idle(LONG)
    assert one.worker.status.kind == "failed"


def test_a_listener_that_fails_does_not_end_the_thread(bench):
    one = bench()

    def told(status: Status) -> None:
        raise RuntimeError("the page is gone")

    one.worker._told = told
    for _ in range(2):
        one.worker.submit("a")
        with pytest.raises(RuntimeError, match="the page is gone"):
            one.worker.wait_idle(LONG)


def test_closing_ends_the_thread_and_publishes_nothing_more(bench):
    one = bench()
    one.worker.submit("slow")
    assert one.started.wait(LONG)
    threading.Timer(0.05, one.go_on.set).start()
    one.worker.close(LONG)
    assert not one.threads[0].is_alive()
    assert one.published == []
    one.worker.submit("after")
    one.worker.wait_idle(LONG)
    assert one.begun == ["slow"]


def test_the_thread_ends_when_nothing_is_left_to_do_and_another_takes_the_next_request(bench):
    one = bench()
    for place, request in enumerate(("a", "b", "bad", "c")):
        one.worker.submit(request)
        with suppress(ConfigurationError):
            one.worker.wait_idle(LONG)
        one.threads[place].join(LONG)
        assert not one.threads[place].is_alive()
    assert one.published == ["a 1", "a 2", "b 1", "b 2", "c 1", "c 2"]
    assert len({id(thread) for thread in one.threads}) == 4


def test_a_worker_that_nobody_holds_any_more_leaves_nothing_behind(bench):
    """A cell that is run again leaves its old panel unclosed."""
    one = bench()
    one.worker.submit("a")
    one.worker.wait_idle(LONG)
    one.threads[0].join(LONG)
    worker = weakref.ref(one.worker)
    one.worker = Worker(one.stages, one.published.append)
    gc.collect()
    assert worker() is None


def test_waiting_for_too_long(bench):
    one = bench()
    one.worker.submit("slow")
    with pytest.raises(TimeoutError, match="did not end within"):
        one.worker.wait_idle(0.01)


def test_many_threads_hand_over_and_the_last_one_wins(bench):
    one = bench()
    lock, last = threading.Lock(), [""]

    def hand_over(thread: int) -> None:
        for turn in range(50):
            with lock:
                last[0] = f"{thread}.{turn}"
                one.worker.submit(last[0])

    threads = [threading.Thread(target=hand_over, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.worker.wait_idle(LONG)
    assert one.published[-1] == f"{last[0]} 2"
