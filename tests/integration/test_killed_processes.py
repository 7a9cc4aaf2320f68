"""Separate processes: kills, also on PostgreSQL, and two runs of one key."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from scoring.cli.app import app
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.runs.publishers import list_published_runs, read_results
from scoring.runs.publishers.database_lock import hold_key
from scoring.storage.file_lock import LockHeldError
from scoring.synthetic import make_market
from tests.support.forks import start_fork
from tests.support.killed_run import run_until_killed
from tests.support.lock_holder import hold
from tests.support.proof_counts import record_count


@pytest.fixture
def market(database_url: str) -> Iterator[Database]:
    with Database.open(database_url) as database:
        save_tables(database, make_market(40, 120, 500, seed=9).tables)
        yield database


def words(url: str) -> list[str]:
    return ["run", "--db", url, "--out", "runs", "--top-k", "4", "--resume"]


def kill(url: str, folder: Path, point: str) -> int:
    """Run the command in a process that kills itself at a point; return how it ended."""
    process, pipe = start_fork(run_until_killed, words(url), str(folder), point)
    process.join()
    pipe.close()
    assert process.exitcode is not None
    return process.exitcode


def test_killed_process_is_resumed(
    market: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last run is not killed, so it runs in this process: a new process starts slowly."""
    assert kill(database_url, tmp_path, "rows inserted") == -signal.SIGKILL
    assert kill(database_url, tmp_path, "database published") == -signal.SIGKILL
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = CliRunner().invoke(app, words(database_url))
    assert done.exit_code == 0, done.output
    assert len(list_published_runs(tmp_path / "runs")) == 1
    pd.testing.assert_frame_equal(read_results(market), pd.read_parquet(tmp_path / "runs/latest"))
    with market.connect() as connection:
        assert connection.exec_driver_sql("SELECT status FROM runs").scalars().all() == ["published"]
    record_count("killed processes", "{} processes on {} kinds of database", 2, 1)


def test_lock_ends_with_its_process(market: Database, database_url: str) -> None:
    key = "0123456789abcdef" * 2
    process, pipe = start_fork(hold, database_url, key)
    assert pipe.recv() == "held"
    with pytest.raises(LockHeldError):
        hold_key(market, key, patience=0.0)
    hold_key(market, key[::-1])()
    process.kill()
    process.join()
    hold_key(market, key)()
