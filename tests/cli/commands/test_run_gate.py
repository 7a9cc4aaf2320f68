"""`scoring run` and its gate: what the command prints, its exit codes, and what readers find."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import Result

from scoring.cli.commands.run import HELD_BACK_EXIT_CODE
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.dataset import Tables
from scoring.errors import DatabaseError
from scoring.runs.publishers import read_results
from scoring.synthetic import make_market
from tests.cli.command import invoke
from tests.support.errors import raises_with

TABLES = make_market(60, 300, 1_500, seed=9).tables

LUCKY = """
import numpy as np
from scoring import Component
from scoring.model import Reason
from scoring.model.terms import JobTerm, Value


class Lucky(Component):
    kind = "lucky"

    def terms(self, inputs):
        return Value((JobTerm(inputs.jobs.frame["job_id"].to_numpy() % 97.0),))

    def explain(self, pair):
        return Reason(pair.job.row["job_id"] % 97.0)
"""


def store(folder: Path, name: str, tables: Tables) -> None:
    with Database.open(folder / name) as database:
        save_tables(database, tables)


@pytest.fixture
def market(tmp_path: Path, factor_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(factor_cache))
    store(tmp_path, "whole.db", TABLES)
    half = TABLES.users.iloc[::2]
    actions = TABLES.actions[TABLES.actions["user_id"].isin(half["user_id"])]
    store(tmp_path, "half.db", TABLES.with_tables(users=half, actions=actions))
    return tmp_path


def run(name: str, *extra: object) -> Result:
    return invoke("run", "--db", name, "--out", "runs", "--top-k", 5, *extra)


def promote(name: str, note: str, db: str = "whole.db") -> None:
    done = invoke("profiles", "promote", name, "--db", db, "--note", note, "--force", "untested", "--yes")
    assert done.exit_code == 0, done.output


def test_run_beyond_limit_is_held_back_until_forced(market: Path) -> None:
    first = run("whole.db")
    assert "passed: no run to compare with" in first.stdout
    before = os.readlink("runs/latest")
    held_back = run("half.db")
    assert held_back.exit_code == HELD_BACK_EXIT_CODE == 3
    dropped = next(line for line in held_back.stdout.splitlines() if line.startswith("users dropped"))
    assert "EXCEEDED" in dropped
    assert held_back.stderr.splitlines()[-1].startswith("error: Run ")
    assert f"Readers still get run {before}" in held_back.stderr
    assert os.readlink("runs/latest") == before
    with (
        Database.open(market / "half.db") as database,
        raises_with(DatabaseError, reason="no published run"),
    ):
        read_results(database)
    listed = invoke("runs", "list", "--db", "half.db", "--out", "runs").stdout
    assert "held back" in listed
    assert "users dropped 48.2% (at most 10%)" in listed

    forced = run("half.db", "--resume", "--force", "the region was sold")
    assert forced.exit_code == 0, forced.output
    assert "forced (the region was sold)" in " ".join(forced.stdout.split())
    assert "of them resumed" in forced.stdout
    assert os.readlink("runs/latest") != before
    assert "forced (the region was sold)" in invoke("runs", "list", "--db", "half.db", "--out", "runs").stdout


def test_held_back_run_is_published_after_data_change(market: Path) -> None:
    run("whole.db")
    assert run("half.db").exit_code == HELD_BACK_EXIT_CODE
    kept = next((market / "runs").glob(".*.journal")).read_text().split('"run_id":"')[1][:26]
    with Database.open(market / "half.db") as database, database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM actions WHERE action = 'view'")
    publish = ("runs", "publish", kept, "--db", "half.db", "--out", "runs")
    assert "Missing option" in invoke(*publish).stderr
    done = invoke(*publish, "--force", "the region was sold")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == f"Parquet: runs/{kept}"
    assert os.readlink("runs/latest") == kept
    assert "does not contain a run" in invoke(*publish, "--force", "again").stderr


def test_gate_file_sets_limits(market: Path) -> None:
    run("whole.db")
    (market / "limits.yaml").write_text("users_dropped: 0.6\ncoverage: 0.9\nactions: 0.9\njobs_kept: 0.1\n")
    assert run("half.db", "--gate", "limits.yaml").exit_code == 0
    (market / "limits.yaml").write_text("users_gone: 0.6\n")
    wrong = run("half.db", "--gate", "limits.yaml")
    assert wrong.exit_code == 1
    assert "limits.yaml, line 1: unknown key `users_gone`" in wrong.stderr
    assert "force is blank. Give the reason" in run("half.db", "--force", " ").stderr


def test_run_of_same_data_passes_the_gate(market: Path) -> None:
    run("whole.db")
    again = run("whole.db")
    assert again.exit_code == 0
    assert "jobs kept, mean of users 100.0%" in " ".join(again.stdout.split())


def test_gate_after_promotion_measures_data_changes(market: Path) -> None:
    """The published model has a component from a file. The next run is called without that file."""
    (market / "lucky.py").write_text(LUCKY)
    (market / "lucky.yaml").write_text(
        "name: lucky\ngroups:\n  base:\n    weight: 1\n    components:\n      lucky: {weight: 1}\n"
    )
    own = ("--component", "lucky.py")
    assert run("whole.db", *own, "--model", "lucky.yaml").exit_code == 0
    assert invoke("profiles", "save", "night").exit_code == 0
    assert run("whole.db", "--profile", "night").exit_code == HELD_BACK_EXIT_CODE  # held back without a promotion
    promote("night", "luck was enough")
    alone = run("whole.db")  # without the file, the published model cannot rank
    assert alone.exit_code == HELD_BACK_EXIT_CODE
    assert "the published model cannot be used" in " ".join(alone.stdout.split())
    promote("night", "luck was enough", "half.db")
    bad = run("half.db", *own)
    assert bad.exit_code == HELD_BACK_EXIT_CODE
    assert "New data ranked by the published model" in bad.stdout
    done = run("whole.db", *own)
    assert done.exit_code == 0, done.output
    assert "luck was enough" in done.stderr
    assert "night@1 was promoted on" in done.stdout
    assert "jobs kept, mean of users by the published model 100.0%" in " ".join(done.stdout.split())
    invoke("profiles", "save", "night", "--model", "classic")
    promote("night", "try classic")
    assert run("whole.db").exit_code == 0
    assert invoke("profiles", "rollback", "--db", "whole.db", "--note", "complaints").exit_code == 0
    back = run("whole.db", "--profile", "night@1")
    assert back.exit_code == 0
    assert "night@1 was restored on" in " ".join(back.stdout.split())


def test_published_lists_of_another_model_are_reported(market: Path) -> None:
    run("half.db")
    invoke("profiles", "save", "night")
    promote("night", "as before", "half.db")
    invoke("init", "--db", "half.db", "--replace", "--users", 40, "--jobs", 300, "--seed", 3)
    held_back = run("half.db", "--model", "classic", "--instead", "a trial")
    assert held_back.exit_code == HELD_BACK_EXIT_CODE
    kept = next((market / "runs").glob(".*.journal")).read_text().split('"run_id":"')[1][:26]
    done = invoke("runs", "publish", kept, "--db", "half.db", "--out", "runs", "--force", "a trial")
    assert done.exit_code == 0, done.output
    assert "warning: night@1 is promoted, but the published lists are of another model" in done.stderr
