"""Data, models and components that commands load."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.command import (
    LUCKY_COMPONENT,
    LUCKY_MODEL,
    Call,
    error_line,
)


@pytest.mark.parametrize("clock", ["now", "10:00", "01/02/2025", "2025", "-5", "0001-01-01T00:00:00+14:00"])
def test_invalid_clock_is_rejected(scoring: Call, market: Path, clock: str) -> None:
    message = error_line(scoring("run", "--db", market, "--no-database", f"--as-of={clock}"), 1)
    assert message.startswith(f"error: --as-of: {clock!r} is not a time. ")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ALTER TABLE jobs DROP COLUMN fee", "does not contain the column jobs.fee"),
        ("DROP TABLE actions", "does not contain the table actions"),
    ],
)
def test_missing_table_or_column_is_named(scoring: Call, database: Path, statement: str, message: str) -> None:
    connection = sqlite3.connect(database)
    connection.execute(statement)
    connection.close()
    assert message in error_line(scoring("run", "--db", database, "--no-database"), 1)


def test_too_little_memory_is_reported_before_loading(
    scoring: Call, market: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scoring.runs.memory_forecast.measure_available", lambda: 1_000_000)
    message = error_line(scoring("run", "--db", market, "--no-database"), 1)
    assert "Loading 150 users, 800 jobs" in message
    assert "only 1.0 MB (1,000,000 bytes) are available" in message


@pytest.mark.parametrize("code", ["import sys; sys.exit(0)", "raise BaseException('x')"])
def test_component_file_cannot_exit_with_success(scoring: Call, market: Path, tmp_path: Path, code: str) -> None:
    (tmp_path / "own.py").write_text(code)
    message = error_line(scoring("run", "--db", market, "--no-database", "--component", "own.py"), 1)
    assert message.startswith("error: --component own.py, line 1: ")


def test_component_cannot_exit_with_success(scoring: Call, market: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        LUCKY_COMPONENT.replace("return Value(", "raise SystemExit(0)\n        return Value(")
    )
    (tmp_path / "own.yaml").write_text(LUCKY_MODEL)
    done = scoring("run", "--db", market, "--no-database", "--component", "own.py", "--model", "own.yaml")
    assert done.exit_code == 1
    assert "component lucky: its `terms` raised SystemExit" in done.stderr
