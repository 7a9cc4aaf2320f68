"""Integers in command-line arguments, and numbers of days."""

from __future__ import annotations

import argparse
from datetime import timedelta

import pytest

from scoring.argument_checks import MAX_DAYS, check_days, parse_positive_integer
from scoring.errors import ConfigurationError
from tests.support.errors import raises_at


def test_positive_integers_are_parsed() -> None:
    assert parse_positive_integer("1") == 1
    assert parse_positive_integer("100_000") == 100_000


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many", ""])
def test_other_text_is_a_usage_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=parse_positive_integer)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--jobs={text}"])
    message = capsys.readouterr().err
    assert "argument --jobs" in message
    assert "integer of 1 or more" in message
    assert "Traceback" not in message


@pytest.mark.parametrize("value", [14, 0.5, timedelta(days=14), timedelta(hours=12)])
def test_days_are_numbers_or_time_deltas(value: float | timedelta) -> None:
    expected = value / timedelta(days=1) if isinstance(value, timedelta) else value
    assert check_days("days", value) == expected


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1, True, "14", None, MAX_DAYS + 1, timedelta(days=-1)])
def test_other_days_raise(value: object) -> None:
    with raises_at(ConfigurationError, "days"):
        check_days("days", value)
