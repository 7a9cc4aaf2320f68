"""When a circuit breaker opens, and for how long."""

from __future__ import annotations

import pytest

from scoring.caching.circuit_breaker import FAILURES, JITTER, OPEN_SECONDS, TIMEOUT_OPEN_SECONDS, CircuitBreaker
from tests.support.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


def wait_until_allowed(breaker: CircuitBreaker, clock: Clock) -> float:
    """Return the seconds until the next probe."""
    began = clock.now
    while not breaker.allows():
        clock.now += 0.01
    return clock.now - began


def test_some_failures_in_a_row_open_it(clock: Clock) -> None:
    breaker = CircuitBreaker(clock)
    for _ in range(5):
        assert [breaker.fail() for _ in range(FAILURES - 1)] == [False] * (FAILURES - 1)
        breaker.succeed()
    assert [breaker.fail() for _ in range(FAILURES)][-1]
    assert breaker.is_open
    assert not breaker.allows()
    assert wait_until_allowed(breaker, clock) == pytest.approx(OPEN_SECONDS, abs=JITTER * OPEN_SECONDS + 0.02)


def test_one_timeout_opens_it_for_a_short_time(clock: Clock) -> None:
    breaker = CircuitBreaker(clock)
    assert breaker.fail(timed_out=True)
    expected = TIMEOUT_OPEN_SECONDS
    for _ in range(6):
        assert wait_until_allowed(breaker, clock) == pytest.approx(expected, abs=JITTER * expected + 0.02)
        assert not breaker.fail(timed_out=True)  # it was open
        expected = min(2 * expected, OPEN_SECONDS)
    assert breaker.openings == 1
    assert breaker.open_seconds == pytest.approx(clock.now)
    wait_until_allowed(breaker, clock)
    breaker.succeed()
    assert not breaker.is_open
    assert breaker.fail(timed_out=True)
    assert wait_until_allowed(breaker, clock) == pytest.approx(
        TIMEOUT_OPEN_SECONDS, abs=JITTER * TIMEOUT_OPEN_SECONDS + 0.02
    )


def test_one_request_probes(clock: Clock) -> None:
    breaker = CircuitBreaker(clock)
    breaker.fail(timed_out=True)
    wait_until_allowed(breaker, clock)
    assert [breaker.allows() for _ in range(3)] == [False] * 3
