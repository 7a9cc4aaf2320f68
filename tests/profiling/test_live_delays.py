"""Delays of live lists, measured on a small market."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from scoring.errors import ConfigurationError
from scoring.live import LiveEngine
from scoring.profiling import measure_burst, measure_event_delays, plot_burst, plot_event_delays
from tests.support.live_market import save_market


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LiveEngine]:
    save_market(str(tmp_path / "market.db"))
    with LiveEngine(tmp_path / "market.db", "standard", k=5) as started:
        yield started


def test_each_event_is_committed_before_it_is_readable(engine: LiveEngine) -> None:
    before = engine.status()
    frame = measure_event_delays(engine, n=3)
    assert frame["event"].value_counts().to_dict() == {"new job": 3, "changed job": 3, "closed job": 3, "click": 3}
    assert (frame["commit_ms"] > 0).all()
    assert (frame["readable_ms"] >= frame["commit_ms"]).all()
    after = engine.status()
    assert after.n_jobs == before.n_jobs + 3
    assert after.seq >= before.seq + 9  # a job that is closed twice is one event
    assert engine.verify().is_exact
    titles = [axis.get_title(loc="left") for axis in plot_event_delays(frame).axes]
    assert titles == ["new job", "changed job", "closed job", "click"]


def test_burst_ends_when_all_events_are_applied(engine: LiveEngine) -> None:
    frame = measure_burst(engine, n=1_200)
    assert frame["seconds"].is_monotonic_increasing
    assert frame["written"].is_monotonic_increasing
    assert (frame["applied"] <= 1_200).all()
    assert frame.iloc[-1][["written", "applied"]].tolist() == [1_200, 1_200]
    assert [line.get_label() for line in plot_burst(frame).axes[0].lines] == ["written", "applied to all lists"]


@pytest.mark.parametrize("measure", [measure_event_delays, measure_burst])
def test_number_of_events_must_be_positive(engine: LiveEngine, measure: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        measure(engine, n=0)  # type: ignore[operator]
    assert caught.value.key == ("n",)


def test_histogram_of_one_kind_has_one_panel() -> None:
    frame = pd.DataFrame({"event": ["click"] * 4, "commit_ms": 1.0, "readable_ms": [2.0, 3.0, 4.0, 90.0]})
    (axis,) = plot_event_delays(frame).axes
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["median: 3.5 ms", "99 %: 87.4 ms"]
