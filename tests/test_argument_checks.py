"""Integers in command-line arguments."""

from __future__ import annotations

import argparse

import pytest

from scoring.argument_checks import parse_positive_integer


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
