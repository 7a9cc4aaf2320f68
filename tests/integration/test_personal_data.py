"""Names and addresses of users do not enter results, caches, logs, profiles or the database of an import."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from scoring.cli.app import app
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.facade import ScoringEngine
from scoring.importing import import_file
from scoring.synthetic import make_market
from tests.support.proof_counts import record_count

NAME, ADDRESS = "Hanako Kanariya", "hanako.kanariya@example.com"
CANARIES = [form for text in (NAME, ADDRESS) for form in (text.encode(), text.encode("utf-16-le"))]
Call = Callable[..., Result]


@pytest.fixture
def scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*words: object) -> Result:
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output + done.stderr
        assert_no_personal_data(done.output + done.stderr, str(words[0]))
        return done

    return call


def assert_no_personal_data(content: str | bytes, where: str) -> None:
    found = content if isinstance(content, bytes) else content.encode()
    assert not any(canary in found for canary in CANARIES), where


def files_without(folder: Path, *known: str) -> int:
    """Check every file except the known ones; return the number of files checked."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in known]
    for path in paths:
        assert_no_personal_data(path.read_bytes(), str(path))
        assert_no_personal_data(str(path), "a file's name")
    return len(paths)


def everything(scoring: Call, database: str) -> None:
    """Run all commands that write files or tables."""
    scoring("run", "--db", database, "--out", "runs", "--top-k", 3)
    scoring("explain", "--db", database, 1, 1)
    scoring("evaluate", "--db", database, "--out", "evaluated", "--no-ablation", "--no-slices")
    scoring("profiles", "save", "mine", "--db", database)
    scoring("tune", "--db", database, "--trials", 3, "--random-trials", 2, "--storage", "trials.jsonl")
    scoring("runs", "list", "--db", database, "--out", "runs")
    with ScoringEngine(database, keep_factors=False) as engine:  # logs its operations
        asyncio.run(engine.calculate_scores_for_all_users(top_k=3))


def test_unrequested_columns_are_not_imported(scoring: Call, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "scoring")
    market = make_market(80, 120, 4_000, seed=5).tables
    users = market.users[["user_id", "prefecture_code"]].assign(name=NAME, email=ADDRESS)
    refused = pd.DataFrame({"user_id": ["", "x y"], "name": NAME, "email": ADDRESS})
    source = tmp_path / "source"
    source.mkdir()
    pd.concat([users, refused]).to_csv(source / "users.csv", index=False)
    market.jobs.to_parquet(source / "jobs.parquet")
    market.actions.to_parquet(source / "actions.parquet")
    scoring("init", "--db", "own.db", "--empty")
    for name in ("jobs.parquet", "users.csv", "actions.parquet"):
        scoring("import", name.partition(".")[0], source / name, "--db", "own.db")
    everything(scoring, "own.db")
    looked = files_without(tmp_path, "users.csv", "refused_users.csv")
    assert ADDRESS.encode() in (tmp_path / "data/refused/refused_users.csv").read_bytes()
    assert caplog.records
    for record in caplog.records:
        assert_no_personal_data(record.getMessage() + repr(vars(record)), "a log record")
    record_count("personal data", "{} files and {} log records", looked, len(caplog.records))


def test_extra_database_columns_are_not_read(scoring: Call, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "scoring")
    with Database.open(tmp_path / "own.db") as database:
        save_tables(database, make_market(80, 120, 4_000, seed=5).tables)
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection:
        for column, text in (("name", NAME), ("email", ADDRESS)):
            connection.execute(f"ALTER TABLE users ADD COLUMN {column} TEXT")
            connection.execute(f"UPDATE users SET {column} = ?", [text])
        connection.commit()
    everything(scoring, "own.db")
    looked = files_without(tmp_path, "own.db", "own.db-wal", "own.db-shm")
    assert caplog.records
    for record in caplog.records:
        assert_no_personal_data(record.getMessage() + repr(vars(record)), "a log record")
    record_count("personal data", "{} files and {} log records", looked, len(caplog.records))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_file_of_rejected_rows_is_private(tmp_path: Path, umask: int) -> None:
    (tmp_path / "users.csv").write_text(f"user_id,email\n1,a\n,{ADDRESS}\n")
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "refused_users.csv").symlink_to(victim)
    before = os.umask(umask)
    try:
        with Database.open(tmp_path / "own.db") as database:
            database.create()
            ledger = import_file(database, "users", tmp_path / "users.csv", refused_to=tmp_path)
    finally:
        os.umask(before)
    assert ledger.refused_path is not None
    assert stat.S_IMODE(ledger.refused_path.lstat().st_mode) == 0o600
    assert ADDRESS in ledger.refused_path.read_text()
    assert "readable only by the owner" in ledger.lines()[-1]
    assert_no_personal_data("\n".join(ledger.lines()) + repr(ledger), "the ledger")
    assert victim.read_text() == "untouched"
