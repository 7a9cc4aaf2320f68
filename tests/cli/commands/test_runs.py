"""`scoring runs`, and resumed runs: what the command prints and which files it leaves."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import Result

from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.runs import shards
from scoring.runs.history import RunRecord, RunStatus
from scoring.runs.publishers import list_published_runs
from scoring.synthetic import make_market
from scoring.telemetry import fault_injection
from tests.cli.command import invoke
from tests.support.small_runs import Stopped


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 100)
    with Database.open(tmp_path / "market.db") as database:
        save_tables(database, make_market(60, 300, 1_500, seed=9).tables)
    return tmp_path


def run(*extra: object) -> Result:
    return invoke("run", "--db", "market.db", "--out", "runs", "--top-k", 5, *extra)


def runs(command: str, *extra: object) -> Result:
    return invoke("runs", command, "--db", "market.db", "--out", "runs", *extra)


def test_interrupted_run_is_listed_and_resumed_once(market: Path) -> None:
    with fault_injection.arm("shard noted", 2, Stopped()), pytest.raises(Stopped):
        run("--resume")
    assert "unfinished" in runs("list").stdout
    done = run("--resume")
    assert done.exit_code == 0, done.output
    assert re.search(r"40 of them resumed", done.stdout)
    again = run("--resume")
    assert "is already published. Nothing was done. To rank again, omit --resume." in again.stderr
    listed = runs("list").stdout
    assert "in use" in listed
    assert "unfinished" not in listed
    assert max(map(len, listed.splitlines())) <= 100
    assert len(list_published_runs(market / "runs")) == 1


def test_list_shows_the_newest_runs_up_to_a_limit(market: Path) -> None:
    for _ in range(3):
        assert run("--no-database", "--users", 2).exit_code == 0
    newest, *older = json.loads(runs("list", "--json").stdout)
    assert list(newest) == [
        "run", "status", "model", "as_of", "users", "rows", "bytes", "folder", "database", "gate",
    ]  # fmt: skip
    assert (newest["users"], newest["folder"], newest["database"], len(older)) == (2, True, False, 2)
    listed = runs("list", "--limit", 1).stdout
    assert newest["run"] in listed
    assert not any(row["run"] in listed for row in older)
    assert "2 older runs are not shown. Use --limit 3 to list all." in listed


def test_list_fits_one_screen(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal has 24 lines of 80 columns, of which the prompt takes one. JSON and CSV contain all runs."""
    statuses = [RunStatus.IN_USE, *[RunStatus.HELD_BACK, RunStatus.PUBLISHED] * 30]
    records = [
        RunRecord(f"202506{index:02}-120501-017-0a1b2c", status, "a name of more than thirty characters", folder=True)
        for index, status in enumerate(statuses)
    ]
    monkeypatch.setattr(RunRecord, "gate", "held back: " + "lists rewritten 53.3% (at most 30%), " * 20)
    monkeypatch.setattr(RunRecord, "has_passed", property(lambda run: run.status is not RunStatus.HELD_BACK))
    monkeypatch.setattr("scoring.runs.history.collect_runs", lambda *_: records)
    with monkeypatch.context() as patched:
        terminal = partial(Console, highlight=False, width=80, force_terminal=True, color_system=None)
        patched.setattr("scoring.cli.progress.make_console", terminal)
        lines = runs("list").stdout.splitlines()
    assert sum(-(-len(line) // 80) for line in lines) <= 23
    assert len(json.loads(runs("list", "--json").stdout)) == len(records)
    assert len(runs("list", "--csv").stdout.splitlines()) == 1 + len(records)
    assert len(json.loads(runs("list", "--json", "--limit", 3).stdout)) == 3
    assert runs("list", "--limit", 61).stdout.count("held back: lists") == 30


def test_run_without_resume_warns_of_interrupted_run(market: Path) -> None:
    with fault_injection.arm("shard noted", 2, Stopped()), pytest.raises(Stopped):
        run()
    # without --resume, a run that stops deletes its files, if its process is still able to
    assert list((market / "runs").iterdir()) == []
    with fault_injection.arm("shard noted", 2, Stopped()), pytest.raises(Stopped):
        run("--resume")
    done = run()
    assert "warning: An unfinished run of the same data, model and settings exists" in done.stderr
    assert "To continue an unfinished run instead, use --resume." in done.stderr


def test_verify_reports_damage(market: Path) -> None:
    assert run().exit_code == 0
    whole = runs("verify", "latest")
    assert whole.exit_code == 0
    assert "verified, " in whole.stdout
    part = next((market / "runs/latest").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1])
    broken = runs("verify")
    assert broken.exit_code == 1
    assert f"error: runs/{list_published_runs(market / 'runs')[0].name}: {part.name} has " in broken.stderr
    (part.parent / "_manifest.json").write_text("{}")
    assert "_manifest.json is not the manifest of a run" in runs("verify").stderr
    assert "other is not a published run in runs" in runs("verify", "other").stderr


def test_prune_removes_old_runs(market: Path) -> None:
    for _ in range(3):
        run()
    assert "Runs removed: 2 older than those to keep." in runs("prune", "--keep", 1).stdout
    assert "Runs removed: 1 older than those to keep." in run("--keep", 1).stdout
    assert len(list_published_runs(market / "runs")) == 1
    assert "in use" in runs("list", "--no-database").stdout


def test_list_without_runs(market: Path) -> None:
    assert "contains no runs" in runs("list").stdout
    assert "Usage" in invoke("runs").stdout
