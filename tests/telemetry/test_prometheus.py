"""The text for Prometheus, read with the parser of its client."""

from __future__ import annotations

import http.client
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from scoring.errors import ConfigurationError, MissingDependencyError
from scoring.telemetry import Operations, ScoringCollector, Sources, TargetAlert, Traffic, prometheus_text, serve
from tests.support.clocks import Clock
from tests.support.errors import raises_at, raises_with


@dataclass(frozen=True)
class Layer:
    """A layer of caches with fixed statistics."""

    hits: int
    misses: int
    joined: int = 0
    entries: int = 0
    bytes: int = 0
    evictions: int = 0
    expirations: int = 0


@pytest.fixture
def sources(clock: Clock) -> Sources:
    """Return two completed operations, one failed operation, 3 round trips and two caches."""
    alert, traffic = TargetAlert(180), Traffic(clock)
    operations = Operations(clock, listeners=[alert.observe])
    for seconds in (1, 2):
        with operations.measure("top_k", users=4, pairs=40), traffic.measure(round_trips=1):
            clock.now += seconds
    with pytest.raises(ValueError), operations.measure("load"):
        raise ValueError
    traffic.add(round_trips=1)
    return Sources(operations, alert, traffic, {"plan": Layer(5, 2, 1, 4, 4096, 3, 6), 'a"b\n': Layer(1, 0)})


def parse_samples(text: str) -> dict[tuple[str, str], float]:
    """Return (name, values of its labels, if any) → value."""
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_text_contains_every_metric(sources: Sources) -> None:
    found = parse_samples(prometheus_text(sources))
    assert {key: value for key, value in found.items() if key[0].startswith("scoring_") and key[1] != 'a"b\n'} == {
        ("scoring_operation_seconds_count", "top_k"): 2,
        ("scoring_operation_seconds_sum", "top_k"): 3.0,
        ("scoring_operation_seconds_count", "load"): 0,
        ("scoring_operation_seconds_sum", "load"): 0,
        ("scoring_operation_failures_total", "top_k"): 0,
        ("scoring_operation_failures_total", "load"): 1,
        ("scoring_operation_users_total", "top_k"): 8,
        ("scoring_operation_users_total", "load"): 0,
        ("scoring_operation_pairs_total", "top_k"): 80,
        ("scoring_operation_pairs_total", "load"): 0,
        ("scoring_operation_latest_seconds", "top_k 0.5"): 1.5,
        ("scoring_operation_latest_seconds", "top_k 0.95"): 2.0,
        ("scoring_ms_per_user", ""): 375.0,
        ("scoring_target_ms_per_user", ""): 180,
        ("scoring_target_alerts_total", ""): 1,
        ("scoring_database_round_trips_total", ""): 3,
        ("scoring_database_seconds_total", ""): 3.0,
        ("scoring_cache_hits_total", "plan"): 5,
        ("scoring_cache_misses_total", "plan"): 2,
        ("scoring_cache_joined_total", "plan"): 1,
        ("scoring_cache_evictions_total", "plan"): 3,
        ("scoring_cache_expirations_total", "plan"): 6,
        ("scoring_cache_entries", "plan"): 4,
        ("scoring_cache_bytes", "plan"): 4096,
    }
    assert found["scoring_cache_hits_total", 'a"b\n'] == 1


def test_text_contains_types_and_descriptions(sources: Sources) -> None:
    text = prometheus_text(sources)
    kinds = dict(re.findall(r"^# TYPE (scoring_\w+) (\w+)$", text, re.MULTILINE))
    assert kinds["scoring_operation_seconds"] == "summary"
    assert {name for name, kind in kinds.items() if kind == "gauge"} == {
        "scoring_operation_latest_seconds",
        "scoring_ms_per_user",
        "scoring_target_ms_per_user",
        "scoring_cache_entries",
        "scoring_cache_bytes",
    }
    assert all(name.endswith("_total") for name, kind in kinds.items() if kind == "counter")
    assert set(re.findall(r"^# HELP (\w+) \S", text, re.MULTILINE)) >= set(kinds)


def test_quantiles_are_of_the_latest_operations(clock: Clock) -> None:
    """The median and the p95 of the latest 20 operations ignore one slow operation; then all 20 are slow."""
    operations = Operations(clock, window=20)
    for seconds in [0.25] * 19 + [8.0]:
        with operations.measure("top_k"):
            clock.now += seconds
    key = "scoring_operation_latest_seconds"
    found = parse_samples(prometheus_text(Sources(operations)))
    assert (found[key, "top_k 0.5"], found[key, "top_k 0.95"]) == (0.25, 0.25)
    for _ in range(19):
        with operations.measure("top_k"):
            clock.now += 8.0
    found = parse_samples(prometheus_text(Sources(operations)))
    assert (found[key, "top_k 0.5"], found[key, "top_k 0.95"]) == (8.0, 8.0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the client reads the process's memory from /proc")
def test_text_contains_the_memory_of_the_process(sources: Sources) -> None:
    assert parse_samples(prometheus_text(sources))["process_resident_memory_bytes", ""] > 1_000_000


def test_missing_sources_are_omitted() -> None:
    found = parse_samples(prometheus_text(Sources(Operations(), TargetAlert(180))))
    ours = {name for name, _ in found if name.startswith("scoring_")}
    assert ours == {"scoring_target_ms_per_user", "scoring_target_alerts_total"}


def test_caches_may_be_a_function() -> None:
    layer = Layer(0, 0)

    def caches() -> Mapping[str, Layer]:
        return {"plan": layer}

    sources = Sources(Operations(), caches=caches)
    assert parse_samples(prometheus_text(sources))["scoring_cache_hits_total", "plan"] == 0
    layer = Layer(9, 0)
    assert parse_samples(prometheus_text(sources))["scoring_cache_hits_total", "plan"] == 9


def test_two_engines_may_share_a_process(sources: Sources) -> None:
    other = Sources(Operations())
    assert ("scoring_operation_seconds_count", "top_k") not in parse_samples(prometheus_text(other))
    registry = CollectorRegistry(auto_describe=True)
    registry.register(ScoringCollector(sources))
    assert registry.get_sample_value("scoring_operation_users_total", {"operation": "top_k"}) == 8


def fetch(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        assert response.status == 200
        return response.read().decode()
    finally:
        connection.close()


def test_server_answers_until_it_is_closed(sources: Sources, clock: Clock) -> None:
    key = ("scoring_operation_seconds_count", "top_k")
    with serve(sources, 0) as server:
        assert parse_samples(fetch(server.port))[key] == 2
        with sources.operations.measure("top_k", users=1):
            clock.now += 1
        assert parse_samples(fetch(server.port))[key] == 3
    with pytest.raises(ConnectionRefusedError):
        fetch(server.port)


def test_unavailable_port_is_one_message(sources: Sources) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with raises_at(ConfigurationError, "port"):
            serve(sources, port)
    with raises_at(ConfigurationError, "port"):
        serve(sources, 70_000)


def test_missing_client_names_the_extra(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)  # Python then finds no such package
    for use in (prometheus_text, lambda sources: serve(sources, 0)):
        with raises_with(MissingDependencyError, package="prometheus_client", extra="monitoring"):
            use(sources)
