"""`scoring check`, and the warnings that `scoring run` repeats."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.command import Call


def expire_all_jobs(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE jobs SET expires_at = 0")
        connection.commit()


def test_findings_are_printed_and_exported(scoring: Call, market: Path) -> None:
    done = scoring("check", "--db", market)
    assert done.exit_code == 0, done.output
    assert "The data can be ranked." in done.stdout
    rows = json.loads(scoring("check", "--db", market, "--json").stdout)
    assert {"level", "check", "finding", "advice"} == set(rows[0])
    assert "run" in {row["check"] for row in rows}


def test_pointless_run_has_exit_code_1(scoring: Call, database: Path) -> None:
    expire_all_jobs(database)
    done = scoring("check", "--db", database, "--csv")
    assert done.exit_code == 1
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["check"] for row in rows if row["level"] == "problem"] == ["jobs"]


def test_run_repeats_findings_and_holds_the_empty_run_back(scoring: Call, database: Path, tmp_path: Path) -> None:
    expire_all_jobs(database)
    done = scoring("run", "--db", database, "--no-database", "--out", tmp_path / "runs")
    assert done.exit_code == 3
    assert "warning: no job is open" in done.stderr
