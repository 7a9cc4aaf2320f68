"""Numbers in command-line arguments."""

from __future__ import annotations

import argparse

import pytest

from scoring.profiling.arguments import positive


def test_a_number_of_1_or_more() -> None:
    assert positive("1") == 1
    assert positive("100_000") == 100_000


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many", ""])
def test_anything_else_is_said_in_a_sentence(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=positive)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--jobs={text}"])
    said = capsys.readouterr().err
    assert "argument --jobs" in said
    assert "Traceback" not in said
