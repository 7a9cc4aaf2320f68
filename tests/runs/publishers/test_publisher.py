"""Publishers write the same rows, publish in one step, and remove all traces of a failed run."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy import text

from scoring.columns import RESULT_COLUMNS
from scoring.database.database import Database
from scoring.errors import DatabaseError, OutputError
from scoring.ranking import Prepared
from scoring.runs import shards
from scoring.runs.gate import Gate, Verdict
from scoring.runs.gate.gate import CandidateRun
from scoring.runs.publishers import (
    DatabasePublisher,
    FramePublisher,
    ParquetPublisher,
    Publisher,
    read_manifest,
    read_results,
)
from scoring.runs.shards import ShardResult
from tests.support.errors import raises_with
from tests.support.proof_counts import record_count
from tests.support.small_runs import run


class Broken(Exception):
    """The error that the publishers of these tests raise."""


class FailingPublisher(FramePublisher):
    """Publisher that fails at the second shard."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def commit_shard(self, result: ShardResult) -> None:
        self._count += 1
        if self._count == 2:
            raise Broken


@pytest.fixture(scope="module")
def expected(prepared: Prepared) -> pd.DataFrame:
    return prepared.top_k(5).frame()


def count(database: Database, table: str) -> int:
    with database.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def read(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder)


# Same rows in every place


def test_publishers_store_equal_rows(
    prepared: Prepared, database: Database, tmp_path: Path, expected: pd.DataFrame
) -> None:
    frame = FramePublisher()
    run(prepared, frame, ParquetPublisher(tmp_path / "run"), DatabasePublisher(database))
    assert_frame_equal(frame.frame, expected)
    assert_frame_equal(read(tmp_path / "run"), expected)
    assert_frame_equal(read_results(database), expected)


@pytest.mark.parametrize("rows_per_part", [1, 100, 10_000])
def test_shard_size_does_not_change_the_rows(
    prepared: Prepared, tmp_path: Path, expected: pd.DataFrame, rows_per_part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", rows_per_part)
    run(prepared, ParquetPublisher(tmp_path / "run"))
    assert_frame_equal(read(tmp_path / "run"), expected)
    files = read_manifest(tmp_path / "run")["files"]
    assert len(files) == len(list((tmp_path / "run").glob("*.parquet")))
    assert sum(file["rows"] for file in files) == len(expected)
    assert all(file["bytes"] == (tmp_path / "run" / file["name"]).stat().st_size for file in files)


def test_run_without_rows_can_be_read(prepared: Prepared, database: Database, tmp_path: Path) -> None:
    inactive = int(prepared.plan.user_id[~prepared.inputs.users.active][0])
    result = run(prepared, ParquetPublisher(tmp_path / "run"), DatabasePublisher(database), users=[inactive])
    assert tuple(read(tmp_path / "run").columns) == RESULT_COLUMNS
    assert len(read(tmp_path / "run")) == len(read_results(database, result.metadata.run_id)) == 0


def test_manifest_contains_the_settings_and_counts(prepared: Prepared, tmp_path: Path) -> None:
    result = run(prepared, ParquetPublisher(tmp_path / "run"))
    manifest = read_manifest(tmp_path / "run")
    assert manifest["run_id"] == result.metadata.run_id
    assert manifest["model"] == "standard"
    assert manifest["model_digest"] == prepared.model.digest
    assert manifest["dataset_fingerprint"] == prepared.dataset.fingerprint
    assert manifest["counts"]["users_scored"] == len(prepared.active_users)
    assert pd.Timestamp(manifest["as_of"]) == prepared.dataset.as_of


# Publishing in one step


class ReadingPublisher(FramePublisher):
    """Publisher that records at each shard what readers see."""

    def __init__(self, look: Any) -> None:
        super().__init__()
        self._look, self.reads = look, []

    def commit_shard(self, result: ShardResult) -> None:
        super().commit_shard(result)
        self.reads.append(self._look())


def test_readers_get_the_previous_run_until_publishing(
    prepared: Prepared, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 150)
    out = tmp_path / "runs"

    def make_publishers() -> list[Publisher]:
        return [ParquetPublisher(out, latest="latest", by_run_id=True), DatabasePublisher(database)]

    first = run(prepared, *make_publishers(), k=2).metadata.run_id
    spy = ReadingPublisher(
        lambda: (os.readlink(out / "latest"), len(read(out / "latest")), len(read_results(database)))
    )
    second = run(prepared, *make_publishers(), spy, k=5).metadata.run_id
    n_users = len(prepared.active_users)
    assert len(spy.reads) > 2
    assert set(spy.reads) == {(first, 2 * n_users, 2 * n_users)}
    record_count("whole runs", "{} reads", len(spy.reads))
    assert os.readlink(out / "latest") == second
    assert len(read(out / "latest")) == len(read_results(database)) == 5 * n_users
    assert len(read(out / first)) == len(read_results(database, first)) == 2 * n_users


def test_run_over_selected_users_does_not_become_current(
    prepared: Prepared, database: Database, tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    whole = run(
        prepared, ParquetPublisher(out, latest="latest", by_run_id=True), DatabasePublisher(database)
    ).metadata.run_id
    user = int(prepared.plan.user_id[prepared.active_users[0]])
    part = run(
        prepared, ParquetPublisher(out, latest="latest", by_run_id=True), DatabasePublisher(database), users=[user]
    )
    assert os.readlink(out / "latest") == whole
    assert len(read_results(database)) > 5
    assert len(read_results(database, part.metadata.run_id)) == len(read(out / part.metadata.run_id)) == 5


def test_failed_run_leaves_no_files_and_rows(
    prepared: Prepared, database: Database, tmp_path: Path, expected: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 150)
    out = tmp_path / "runs"
    with pytest.raises(Broken):
        run(
            prepared,
            ParquetPublisher(out, by_run_id=True, latest="latest"),
            DatabasePublisher(database),
            FailingPublisher(),
        )
    assert list(out.iterdir()) == []
    assert count(database, "results") == count(database, "runs") == count(database, "current_runs") == 0
    run(prepared, DatabasePublisher(database))
    assert_frame_equal(read_results(database), expected)


def test_published_run_is_never_overwritten(prepared: Prepared, tmp_path: Path, expected: pd.DataFrame) -> None:
    run(prepared, ParquetPublisher(tmp_path / "run"))
    with raises_with(OutputError, errno=errno.EEXIST):
        run(prepared, ParquetPublisher(tmp_path / "run"), k=1)
    assert_frame_equal(read(tmp_path / "run"), expected)


# Errors


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_disk_error_names_the_folder_and_leaves_nothing(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, nth: int
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 300)
    calls, sync = [0], os.fsync

    def fail_sync(handle: int) -> None:
        calls[0] += 1
        if calls[0] == nth:
            raise OSError(number, os.strerror(number))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fail_sync)
    with raises_with(OutputError, path=str(tmp_path / "run"), errno=number):
        run(prepared, ParquetPublisher(tmp_path / "run"))
    assert list(tmp_path.iterdir()) == []
    record_count("write errors", "{} errors", 1)


def test_invalid_folder_is_rejected_before_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with raises_with(OutputError, errno=errno.ENOTDIR):
        ParquetPublisher(tmp_path / "file", by_run_id=True).check()
    with raises_with(OutputError, errno=errno.ENOENT):
        ParquetPublisher("/proc/no/where").check()


def test_database_without_tables_is_rejected_before_work(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with (
        Database.open(tmp_path / "empty.db") as database,
        raises_with(DatabaseError, reason="missing table"),
    ):
        DatabasePublisher(database).check()


def test_missing_run_cannot_be_read(database: Database, tmp_path: Path) -> None:
    with raises_with(DatabaseError, reason="no published run"):
        read_results(database)
    with raises_with(OutputError, path=str(tmp_path), errno=errno.ENOENT):
        read_manifest(tmp_path)


def test_frame_is_available_after_publishing() -> None:
    with pytest.raises(RuntimeError):
        FramePublisher().frame  # noqa: B018 - it raises


def test_database_stores_the_settings_of_a_run(prepared: Prepared, database: Database) -> None:
    result = run(prepared, DatabasePublisher(database))
    with database.connect() as connection:
        row = connection.execute(text("SELECT * FROM runs")).one()
    assert (row.run_id, row.status, row.model) == (result.metadata.run_id, "published", "standard")
    assert row.rows == result.counts.rows
    assert row.as_of == prepared.dataset.clock.now
    assert json.loads(row.settings)["k"] == 5


def test_process_that_lost_its_lock_cannot_publish(
    prepared: Prepared, tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process resumes the run meanwhile. The fencing number keeps the first one from writing and publishing."""
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 100)
    with Database.open(sqlite_url) as database:
        database.create()

        class TakenOver(Gate):
            """Gate that lets another process continue the run, after the lock file was removed."""

            def judge(self, run_to_judge: CandidateRun) -> Verdict:
                for path in tmp_path.glob(".*.lock"):
                    path.unlink()
                second = run(prepared, DatabasePublisher(database), resume=True)
                assert second.users_resumed == len(prepared.active_users)
                return super().judge(run_to_judge)

        with raises_with(DatabaseError, reason="other writer"):
            run(prepared, DatabasePublisher(database), resume=True, gate=TakenOver())
        with database.connect() as connection:
            rows = connection.execute(text("SELECT status, settings FROM runs")).all()
        assert [row.status for row in rows] == ["published"]
        assert "fence" not in json.loads(rows[0].settings)
        assert_frame_equal(read_results(database), prepared.top_k(5).frame())
