"""Round trips and seconds add up. How databases report them: tests/database/test_query_tracing.py."""

from __future__ import annotations

import threading

import pytest

from scoring.telemetry import Traffic, TrafficStatistics
from tests.support.clocks import Clock, Halting


def test_statements_are_counted_and_timed(clock: Clock) -> None:
    traffic = Traffic(clock)
    traffic.add(round_trips=2)
    with traffic.measure(round_trips=1):
        clock.now += 2
    with traffic.measure():
        clock.now += 1
    assert traffic.statistics() == TrafficStatistics(3, 3.0)
    assert traffic.statistics().as_dict() == {"round_trips": 3, "seconds": 3.0}


def test_failed_statement_is_counted_and_timed(clock: Clock) -> None:
    traffic = Traffic(clock)
    with pytest.raises(ValueError), traffic.measure(round_trips=1):  # noqa: PT012 - time passes, then it fails
        clock.now += 5
        raise ValueError
    assert traffic.statistics() == TrafficStatistics(1, 5.0)


def test_64_threads_add_up_exactly() -> None:
    traffic = Traffic()
    together = threading.Barrier(64)

    def work() -> None:
        together.wait()
        for _ in range(50):
            traffic.add(round_trips=1, seconds=Halting(0.25))

    threads = [threading.Thread(target=work) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert traffic.statistics() == TrafficStatistics(3_200, 800.0)
