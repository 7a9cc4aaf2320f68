"""Log lines: one JSON object each, for every content."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from scoring.errors import ConfigurationError
from scoring.telemetry import JsonFormatter, OperationRecord, Operations, TargetAlert, configure
from tests.support.clocks import Clock
from tests.support.errors import raises_at

LOG = logging.getLogger("scoring.tests")


@pytest.fixture(autouse=True)
def _restore_logger() -> Iterator[None]:
    """Restore what `configure` changes."""
    logger = logging.getLogger("scoring")
    level, handlers, propagate = logger.level, list(logger.handlers), logger.propagate
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers
    logger.propagate = propagate


def format_record(**fields: Any) -> dict[str, Any]:
    record = logging.makeLogRecord({"name": "scoring.x", "levelname": "INFO", "msg": "hello", "created": 0.5} | fields)
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    found: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return found


def test_line_has_the_standard_and_extra_fields() -> None:
    assert format_record(users=3, place="東京") == {
        "time": "1970-01-01T00:00:00.500Z",
        "level": "INFO",
        "logger": "scoring.x",
        "message": "hello",
        "users": 3,
        "place": "東京",
    }


def test_message_contains_its_arguments() -> None:
    assert format_record(msg="%d of %s", args=(3, "ten"))["message"] == "3 of ten"


@pytest.mark.parametrize("text", ["two\nlines", "a\u2028b\x85c", 'quo"te\\', "\ud800"])
def test_text_never_breaks_a_line(text: str) -> None:
    assert format_record(msg="%s", args=(text,), field=text)["field"] == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (np.int64(7), 7),
        (np.bool_(True), True),
        ({1: [np.int8(1), float("inf")]}, {"1": [1, None]}),
        ((1, "a", None, True), [1, "a", None, True]),
        (ValueError("no"), "no"),
    ],
)
def test_values_are_converted_to_json(value: Any, expected: Any) -> None:
    assert format_record(field=value)["field"] == expected


def test_conflicting_field_gets_an_underscore() -> None:
    found = format_record(level="basement", time="noon")
    assert (found["level"], found["level_"], found["time_"]) == ("INFO", "basement", "noon")


def test_traceback_is_one_field() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        found = format_record(exc_info=sys.exc_info())
    assert found["exception"].startswith("Traceback")
    assert found["exception"].endswith("ValueError: no")


def test_json_lines_of_operations_and_alerts(clock: Clock) -> None:
    stream = io.StringIO()
    configure("debug", json=True, stream=stream)
    alert = TargetAlert(100)
    operations = Operations(clock, listeners=[alert.observe])
    with operations.measure("top_k", users=2, pairs=20):
        clock.now += 1
    first, second = map(json.loads, stream.getvalue().splitlines())
    del first["time"], second["time"]
    assert first == {
        "level": "DEBUG",
        "logger": "scoring.operations",
        "message": "top_k finished: 2 users, 20 pairs, 1000.000 ms",
        "operation": "top_k",
        "outcome": "finished",
        "users": 2,
        "pairs": 20,
        "ms": 1000.0,
    }
    assert second == {
        "level": "WARNING",
        "logger": "scoring.alerts",
        "message": "500.000 ms per user over the last 1 operations exceeds the target of 100.",
        "ms_per_user": 500.0,
        "target_ms_per_user": 100,
        "operations": 1,
        "users": 2,
    }


def test_lower_levels_are_not_written() -> None:
    stream = io.StringIO()
    configure(logging.WARNING, stream=stream)
    LOG.info("quiet")
    LOG.warning("loud")
    assert stream.getvalue().endswith(" WARNING scoring.tests loud\n")
    assert "quiet" not in stream.getvalue()


def test_repeated_configuration_writes_each_line_once() -> None:
    streams = [io.StringIO() for _ in range(3)]
    root = logging.StreamHandler(streams[2])
    logging.root.addHandler(root)
    try:
        configure(stream=streams[0])
        configure(stream=streams[1], json=True)
        LOG.warning("loud")
    finally:
        logging.root.removeHandler(root)
    assert [stream.getvalue().count("loud") for stream in streams] == [0, 1, 0]


def test_other_handlers_are_kept() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger("scoring").addHandler(handler)
    configure(stream=io.StringIO())
    TargetAlert(1).observe(OperationRecord("run", 1, 0, 1.0))
    assert "exceeds the target" in stream.getvalue()


@pytest.mark.parametrize("level", ["LOUD", 1.5, None])
def test_unknown_level_is_rejected(level: Any) -> None:
    with raises_at(ConfigurationError, "level"):
        configure(level)
