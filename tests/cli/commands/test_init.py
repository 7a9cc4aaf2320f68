"""`scoring init`."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from scoring.dataset import Dataset
from tests.cli.command import (
    Call,
    error_line,
)


def test_init_writes_requested_users_and_jobs(market: Path) -> None:
    with sqlite3.connect(market) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("users", "jobs")]
    connection.close()
    assert counts == [150, 800]


def test_init_empty_writes_reference_tables_only(scoring: Call, tmp_path: Path) -> None:
    done = scoring("init", "--db", "empty.db", "--empty")
    assert done.exit_code == 0
    assert "172 occupations, 47 prefectures" in done.stdout
    assert "contains no users or no jobs" in error_line(scoring("run", "--db", "empty.db"), 1)
    assert scoring("init", "--db", "empty.db", "--users", 20, "--jobs", 50).exit_code == 0


def test_init_with_preset_none_has_no_rows_and_no_currency(scoring: Call, tmp_path: Path) -> None:
    assert scoring("init", "--db", "none.db", "--preset", "none").exit_code == 0
    dataset = Dataset.from_database(tmp_path / "none.db")
    assert (dataset.board.preset, dataset.board.currency) == ("none", "")
    assert not any(len(frame) for _, frame in dataset.tables.items())
    assert "--users" in error_line(scoring("init", "--db", "other.db", "--preset", "none", "--users", 5), 2)
    assert scoring("init", "--db", "none.db", "--users", 2, "--jobs", 5).exit_code == 0
    assert Dataset.from_database(tmp_path / "none.db").board.currency == "yen"


def test_init_replaces_data_only_with_replace(scoring: Call, database: Path) -> None:
    message = error_line(scoring("init", "--db", database, "--users", 5, "--jobs", 5), 1)
    assert "150 users, 800 jobs" in message
    assert "--replace" in message
    done = scoring("init", "--db", database, "--users", 5, "--jobs", 6, "--replace")
    assert "6 jobs, 5 users" in done.stdout


def test_init_creates_default_folder(scoring: Call, tmp_path: Path) -> None:
    assert scoring("init", "--empty").exit_code == 0
    assert (tmp_path / "data/market.db").exists()


def test_one_user_and_job_have_singular_nouns(scoring: Call, tmp_path: Path) -> None:
    made = scoring("init", "--db", tmp_path / "one.db", "--users", 1, "--jobs", 1, "--actions", 0)
    assert "generating a market of 1 user and 1 job:" in made.stderr
    done = scoring("run", "--db", tmp_path / "one.db", "--no-database", "--top-k", 1)
    assert done.exit_code == 0, done.output
    assert "loading 1 user, 1 job, 0 actions:" in done.stderr
    assert not re.search(r"(?<![\d.,])(?<!of )1 (users|jobs|rows|actions)\b", done.stderr)
