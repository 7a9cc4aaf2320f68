"""Tests of `scoring.live.live_metrics` in Prometheus' text."""

from __future__ import annotations

from scoring.live.live_metrics import Histogram, LiveMetrics
from scoring.telemetry import Operations, Sources, prometheus_text


def test_histogram_counts_values_up_to_each_bound() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)
    assert histogram.read() == ([2, 3, 4], 7.65)


def test_text_contains_counters_and_no_ids() -> None:
    metrics = LiveMetrics(lambda: {"seq": 12})
    metrics.count_event("job", 3)
    metrics.count_read("found")
    metrics.count("ticks")
    metrics.observe("event_seconds", 0.0003)
    text = prometheus_text(Sources(Operations(), others=(metrics,)))
    lines = text.splitlines()
    for line in (
        'scoring_live_events_total{kind="job"} 3.0',
        'scoring_live_reads_total{result="found"} 1.0',
        "scoring_live_ticks_total 1.0",
        'scoring_live_event_seconds_bucket{le="0.0005"} 1.0',
        "scoring_live_event_seconds_count 1.0",
        "scoring_live_seq 12.0",
    ):
        assert line in lines
    assert metrics.counters()["events_job"] == 3
