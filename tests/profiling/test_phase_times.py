"""Seconds of phases add up for every nesting."""

from __future__ import annotations

import pytest

from scoring.profiling import phase_frame, plot_phases
from scoring.profiling.phase_times import OUTSIDE
from scoring.telemetry import Stopwatch
from tests.support.clocks import Clock
from tests.support.figure_checks import assert_readable, bar_widths


@pytest.fixture
def watch() -> Stopwatch:
    clock = Clock(0.0)
    watch = Stopwatch(clock)
    clock.now += 1
    for _ in range(2):
        with watch.phase("run"):
            clock.now += 2
            with watch.phase("rank"):
                clock.now += 3
                with watch.phase("bound"):
                    clock.now += 4
            with watch.phase("write"):
                clock.now += 5
    with watch.phase("publish"):
        clock.now += 6
    return watch


def test_own_seconds_add_up_to_the_total(watch: Stopwatch) -> None:
    frame = phase_frame(watch)
    assert frame["phase"].tolist() == ["run", "rank", "bound", "write", "publish", OUTSIDE]
    assert frame["depth"].tolist() == [0, 1, 2, 1, 0, 0]
    assert frame["times"].tolist() == [2, 2, 2, 2, 1, 1]
    assert frame["seconds"].tolist() == [28, 14, 8, 10, 6, 1]
    assert frame["own"].tolist() == [4, 6, 8, 10, 6, 1]
    assert frame["own"].sum() == watch.elapsed
    assert frame["share"].sum() == pytest.approx(1)


def test_unused_stopwatch_has_no_phases() -> None:
    frame = phase_frame(Stopwatch(Clock()))
    assert frame["phase"].tolist() == [OUTSIDE]
    assert frame["share"].tolist() == [0]


def test_plot_has_a_bar_per_phase(watch: Stopwatch) -> None:
    frame = phase_frame(watch)
    figure = plot_phases(frame)
    assert_readable(figure)
    assert bar_widths(figure) == frame["own"].tolist()
