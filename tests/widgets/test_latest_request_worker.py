"""The latest request wins at any timing. No test depends on wall-clock time."""

from __future__ import annotations

import gc
import threading
import weakref
from contextlib import suppress

import pytest

from scoring.errors import ConfigurationError, RunCancelledError
from scoring.widgets.latest_request_worker import Status, Worker
from tests.support.errors import raises_same

LONG = 30.0
"""Timeout of a test in seconds."""


class Bench:
    """A worker whose slow computations wait for `resume`."""

    def __init__(self, **options) -> None:
        self.published: list[str] = []
        self.statuses: list[Status] = []
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.threads: list[threading.Thread] = []
        self.started, self.resume = threading.Event(), threading.Event()
        self.worker: Worker[str, str] = Worker(
            self.stages, self.published.append, self.statuses.append, **({"debounce": 0.0} | options)
        )

    def stages(self, request, cancelled):
        self.begun.append(request)
        self.threads.append(threading.current_thread())
        self.started.set()
        if request.startswith("slow"):
            assert self.resume.wait(LONG)
        if request == "bad":
            raise ConfigurationError("bad is not a request.")
        if request == "worse":
            raise ZeroDivisionError("by nothing")
        yield f"{request} 1"
        if cancelled():
            raise RunCancelledError("a newer request exists.")
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
        one.resume.set()
        one.worker.close()


def test_stages_are_published_in_order(bench):
    one = bench()
    one.worker.submit("a")
    one.worker.wait_idle(LONG)
    assert one.published == ["a 1", "a 2"]
    assert [status.kind for status in one.statuses] == ["computing", "settled"]
    assert one.worker.status.kind == "settled"


def test_outdated_results_are_not_published(bench):
    one = bench()
    one.worker.submit("slow old")
    assert one.started.wait(LONG)
    one.worker.submit("new")
    one.resume.set()
    one.worker.wait_idle(LONG)
    assert one.published == ["new 1", "new 2"]
    assert one.ended == ["new"]
    assert one.statuses[-1].kind == "settled"


def test_submit_does_not_wait_for_a_computation(bench):
    one = bench()
    one.worker.submit("slow")
    assert one.started.wait(LONG)
    for place in range(1000):
        one.worker.submit(f"b{place}")  # returns while the computation waits
    assert one.begun == ["slow"]
    one.resume.set()
    one.worker.wait_idle(LONG)
    assert one.begun == ["slow", "b999"]


def test_only_the_last_request_starts_after_the_debounce(bench):
    now, waits, handed = [0.0], [], []

    def wait(condition: threading.Condition, seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds / 2
        if not handed:  # a newer request during the debounce restarts it
            handed.append(True)
            one.worker.submit("second")

    one = bench(debounce=8.0, clock=lambda: now[0], wait=wait)
    one.worker.submit("alone")
    one.worker.wait_idle(LONG)
    assert waits == []  # no other request was made shortly before it
    one.worker.submit("first")
    one.worker.wait_idle(LONG)
    assert one.begun == ["alone", "second"]
    assert waits[:3] == [8.0, 8.0, 4.0]
    now[0] += 8.0
    waits.clear()
    one.worker.submit("later")
    one.worker.wait_idle(LONG)
    assert waits == []


def test_worker_reports_a_failure_and_continues(bench):
    one = bench()
    one.worker.submit("bad")
    with pytest.raises(ConfigurationError):
        one.worker.wait_idle(LONG)
    assert one.worker.status.kind == "failed"
    assert one.worker.status.reason == "bad is not a request."
    one.worker.submit("worse")
    with pytest.raises(ZeroDivisionError):
        one.worker.wait_idle(LONG)
    assert one.worker.status.reason == "ZeroDivisionError: by nothing"
    one.worker.submit("good")
    one.worker.wait_idle(LONG)
    assert one.worker.status.kind == "settled"


def test_failure_to_publish_is_reported(bench):
    one = bench()
    one.worker._publish = lambda result: 1 / 0
    one.worker.submit("a")
    with pytest.raises(ZeroDivisionError):
        one.worker.wait_idle(LONG)
    assert one.worker.status.kind == "failed"


def test_failing_listener_does_not_end_the_worker(bench):
    one = bench()
    error = RuntimeError("the page is gone")

    def fail(status: Status) -> None:
        raise error

    one.worker._on_status = fail
    for _ in range(2):
        one.worker.submit("a")
        with raises_same(error):
            one.worker.wait_idle(LONG)


def test_close_ends_the_thread_and_publishes_nothing(bench):
    one = bench()
    one.worker.submit("slow")
    assert one.started.wait(LONG)
    threading.Timer(0.05, one.resume.set).start()
    one.worker.close(LONG)
    assert not one.threads[0].is_alive()
    assert one.published == []
    one.worker.submit("after")
    one.worker.wait_idle(LONG)
    assert one.begun == ["slow"]


def test_idle_thread_ends_and_a_request_starts_another(bench):
    one = bench()
    for place, request in enumerate(("a", "b", "bad", "c")):
        one.worker.submit(request)
        with suppress(ConfigurationError):
            one.worker.wait_idle(LONG)
        one.threads[place].join(LONG)
        assert not one.threads[place].is_alive()
    assert one.published == ["a 1", "a 2", "b 1", "b 2", "c 1", "c 2"]
    assert len({id(thread) for thread in one.threads}) == 4


def test_unreferenced_worker_is_garbage_collected(bench):
    """A cell that is run again leaves its old panel unclosed."""
    one = bench()
    one.worker.submit("a")
    one.worker.wait_idle(LONG)
    one.threads[0].join(LONG)
    worker = weakref.ref(one.worker)
    one.worker = Worker(one.stages, one.published.append)
    gc.collect()
    assert worker() is None


def test_wait_beyond_the_timeout_raises(bench):
    one = bench()
    one.worker.submit("slow")
    with pytest.raises(TimeoutError):
        one.worker.wait_idle(0.01)


def test_last_request_of_many_threads_is_computed(bench):
    one = bench()
    lock, last = threading.Lock(), [""]

    def submit_requests(thread: int) -> None:
        for turn in range(50):
            with lock:
                last[0] = f"{thread}.{turn}"
                one.worker.submit(last[0])

    threads = [threading.Thread(target=submit_requests, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.worker.wait_idle(LONG)
    assert one.published[-1] == f"{last[0]} 2"
