"""`scoring explain`."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest

from tests.cli.command import (
    Call,
    error_line,
)


def test_explained_points_add_up_to_total(scoring: Call, market: Path) -> None:
    done = scoring("explain", 2, 7, "--db", market)
    assert done.exit_code == 0, done.output
    rows = [re.match(r"( *)(\w+) +[\d.]+ +([\d.]+) +([\d.]+)", line) for line in done.stdout.splitlines()]
    parts = [float(row[4]) for row in rows if row and row[1]]
    total = next(float(row[4]) for row in rows if row and row[2] == "total")
    assert len(parts) == 11
    assert sum(parts) == pytest.approx(total, abs=0.06)
    assert re.search(r"This job is (not )?ranked for this user", done.stdout)


def test_explain_without_job_counts_jobs_by_rule(scoring: Call, market: Path) -> None:
    done = scoring("explain", 2, "--db", market, "--json")
    assert done.exit_code == 0, done.output
    counts = {row["reason"]: row["jobs"] for row in json.loads(done.stdout)}
    assert list(counts)[:4] == ["ranked", "posted later", "expired", "inactive"]
    with sqlite3.connect(market) as connection:
        (n_jobs,) = connection.execute("SELECT count(*) FROM jobs").fetchone()
    connection.close()
    assert sum(counts.values()) == n_jobs
    assert f"{counts['ranked']:,}  ranked for this user" in scoring("explain", 2, "--db", market).stdout


def test_explain_accepts_text_ids(scoring: Call, tmp_path: Path) -> None:
    scoring("init", "--db", "own.db", "--empty")
    (tmp_path / "jobs.csv").write_text("job_id,fee\njob-a,500\n")
    (tmp_path / "users.csv").write_text("user_id,age_group\nanna,20s\n")
    for table in ("jobs", "users"):
        assert scoring("import", table, f"{table}.csv", "--db", "own.db").exit_code == 0
    done = scoring("explain", "anna", "job-a", "--db", "own.db")
    assert done.exit_code == 0, done.output
    assert "user berta does not exist" in error_line(scoring("explain", "berta", "job-a", "--db", "own.db"), 1)


def test_control_characters_in_data_are_not_printed(scoring: Call, database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE jobs SET title = ?, company_name = ?", ("[/] \x1b[2J\u2028", "x" * 100_000))
    connection.close()
    done = scoring("explain", 1, 1, "--db", database)
    assert done.exit_code == 0, done.stderr
    assert "[/]" in done.stdout
    assert "\x1b" not in done.stdout
    assert len(done.stdout) < 10_000
    assert scoring("run", "--db", database, "--no-database").exit_code == 0


def test_explain_does_not_rank(scoring: Call, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a kernel was asked")

    monkeypatch.setattr("scoring.ranking.scorer.Scorer.top_k", refuse)
    assert scoring("explain", "1", "1", "--db", database).exit_code == 0
