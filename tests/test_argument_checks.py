"""Checks of integers, days, seeds, shares and other numbers that callers give."""

from __future__ import annotations

import argparse
from datetime import timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.argument_checks import (
    MAX_DAYS,
    MAX_SEED,
    check_days,
    check_integer,
    check_interval,
    check_level,
    check_number,
    check_positive,
    check_positive_integer,
    check_seed,
    check_share,
    check_workers,
    parse_positive_integer,
)
from scoring.errors import ConfigurationError, shorten_repr
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


NOT_NUMBERS = [
    True,
    False,
    "14",
    "x",
    None,
    float("nan"),
    float("inf"),
    -float("inf"),
    pd.NaT,
    pd.NA,
    [14],
    np.array([1, 2]),
]
"""Values that no argument accepts where a number is expected."""
NOT_WHOLE = [*NOT_NUMBERS, 1.5, Fraction(3, 2), timedelta(hours=12), np.timedelta64(36, "h")]


@pytest.mark.parametrize("value", [3, 3.0, np.int8(3), np.uint64(3), np.float32(3), Fraction(3)])
def test_whole_numbers_of_any_type_are_integers(value: Any) -> None:
    found = check_integer("n", value, 1)
    assert (type(found), found) == (int, 3)


def test_integers_beyond_64_bits_are_integers() -> None:
    assert check_integer("n", 10**400, 1) == 10**400
    assert check_positive_integer("n", 1e30) == int(1e30)


@pytest.mark.parametrize("value", [*NOT_WHOLE, 0, -1, timedelta(days=3)], ids=repr)
def test_other_values_are_not_positive_integers(value: Any) -> None:
    with raises_at(ConfigurationError, "n"):
        check_positive_integer("n", value)
    with raises_at(ConfigurationError, "workers"):
        check_workers(value) if value is not None else check_positive_integer("workers", value)


@pytest.mark.parametrize("value", [*NOT_WHOLE, -1, MAX_SEED + 1, 10**400], ids=shorten_repr)
def test_other_values_are_not_seeds(value: Any) -> None:
    with raises_at(ConfigurationError, "seed"):
        check_seed(value)


@pytest.mark.parametrize(
    "value", [14, 14.0, np.int64(14), timedelta(14), pd.Timedelta("14D"), np.timedelta64(336, "h")]
)
def test_days_are_whole_numbers_or_time_differences(value: Any) -> None:
    found = check_days("days", value, 1)
    assert (type(found), found) == (int, 14)


@pytest.mark.parametrize("value", [*NOT_WHOLE, -1, MAX_DAYS + 1, 10**400, timedelta(days=-1)], ids=shorten_repr)
def test_other_values_are_not_days(value: Any) -> None:
    with raises_at(ConfigurationError, "days"):
        check_days("days", value)


@pytest.mark.parametrize("value", [0.5, timedelta(hours=12), np.timedelta64(12, "h")])
def test_intervals_may_have_a_fraction(value: Any) -> None:
    assert check_interval("every", value) == 0.5


@pytest.mark.parametrize("value", [*NOT_NUMBERS, 10**400, timedelta(days=-1)], ids=shorten_repr)
def test_other_values_are_not_numbers(value: Any) -> None:
    for check in (check_interval, check_number, check_positive, check_share):
        with raises_at(ConfigurationError, "x"):
            check("x", value)
    with raises_at(ConfigurationError, "level"):
        check_level(value)


def test_limits_of_shares_and_levels() -> None:
    assert (check_share("x", 1), check_level(0.95)) == (1.0, 0.95)
    for value in (0, 1.1, -0.1):
        with raises_at(ConfigurationError, "x"):
            check_share("x", value)
    for value in (0, 1, -0.1):
        with raises_at(ConfigurationError, "level"):
            check_level(value)
