"""The stopwatch, with a clock that the tests set."""

from __future__ import annotations

import pytest

from scoring.telemetry import Phase, Stopwatch
from tests.support.clocks import Clock


def test_phases_nest_and_add_up(clock: Clock) -> None:
    watch = Stopwatch(clock)
    for _ in range(2):
        with watch.phase("run"):
            clock.now += 1
            with watch.phase("rank"):
                clock.now += 2
            with watch.phase("write"):
                clock.now += 4
    assert watch.phases == [Phase("run", 0, 14.0, 2), Phase("rank", 1, 4.0, 2), Phase("write", 1, 8.0, 2)]
    assert watch.seconds("run", "write") == 8.0
    assert watch.seconds("write") == 0.0
    assert watch.elapsed == 14.0


def test_equal_names_under_two_parents_are_two_phases(clock: Clock) -> None:
    watch = Stopwatch(clock)
    for parent, seconds in (("a", 1), ("b", 2), ("a", 3)):
        with watch.phase(parent), watch.phase("inner"):
            clock.now += seconds
    assert [(phase.name, phase.depth, phase.seconds) for phase in watch.phases] == [
        ("a", 0, 4.0),
        ("inner", 1, 4.0),
        ("b", 0, 2.0),
        ("inner", 1, 2.0),
    ]


def test_phase_that_raises_is_timed_and_ended(clock: Clock) -> None:
    watch = Stopwatch(clock)

    def work() -> None:
        with watch.phase("outer"), watch.phase("inner"):
            clock.now += 3
            raise KeyError

    with pytest.raises(KeyError):
        work()
    with watch.phase("next"):
        clock.now += 1
    assert [(phase.name, phase.depth, phase.seconds) for phase in watch.phases] == [
        ("outer", 0, 3.0),
        ("inner", 1, 3.0),
        ("next", 0, 1.0),
    ]
