"""Interrupted runs are resumed or reported. A lock prevents two concurrent writers."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy import text

from scoring.database.database import Database
from scoring.errors import DatabaseError, OutputError
from scoring.ranking import Prepared
from scoring.runs import shards
from scoring.runs.publishers import (
    DatabasePublisher,
    FramePublisher,
    ParquetPublisher,
    Publisher,
    list_published_runs,
    parquet_publisher,
    read_results,
)
from scoring.runs.publishers.database_lock import hold_key
from scoring.telemetry import fault_injection
from tests.support.errors import raises_with
from tests.support.proof_counts import record_count
from tests.support.small_runs import Stopped, make_publishers, read_parts, run

pytestmark = pytest.mark.usefixtures("small_shards")


def stop(prepared: Prepared, point: str, nth: int, *publishers: Publisher, **settings: Any) -> None:
    with fault_injection.arm(point, nth, Stopped()), pytest.raises(Stopped):
        run(prepared, *publishers, resume=True, **settings)


@pytest.fixture
def complete_files(prepared: Prepared, tmp_path: Path) -> dict[str, bytes]:
    run(prepared, ParquetPublisher(tmp_path / "whole"))
    return read_parts(tmp_path / "whole")


def test_resume_ranks_only_missing_users(prepared: Prepared, tmp_path: Path, complete_files: dict[str, bytes]) -> None:
    stop(prepared, "shard noted", 3, ParquetPublisher(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    calls: list[int] = []
    result = run(
        prepared, ParquetPublisher(tmp_path / "run"), resume=True, progress=lambda done, total: calls.append(done)
    )
    assert result.users_resumed == calls[0] == 60
    assert result.pairs_ranked == (len(prepared.active_users) - 60) * 600
    assert read_parts(tmp_path / "run") == complete_files
    assert result.counts.rows == 5 * len(prepared.active_users)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("chunk_size", [1, 20, 33, 1000])
def test_files_do_not_depend_on_chunks(
    prepared: Prepared, tmp_path: Path, complete_files: dict[str, bytes], chunk_size: int
) -> None:
    stop(prepared, "shard noted", 2, ParquetPublisher(tmp_path / "run"), chunk_size=7)
    run(prepared, ParquetPublisher(tmp_path / "run"), resume=True, chunk_size=chunk_size)
    assert read_parts(tmp_path / "run") == complete_files


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_resume_repeats_a_damaged_shard(
    prepared: Prepared, tmp_path: Path, complete_files: dict[str, bytes], damage: str
) -> None:
    stop(prepared, "shard noted", 4, ParquetPublisher(tmp_path / "run"))
    part = next(tmp_path.glob(".*.writing")) / "part-00001.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content if damage == "changed" else content[:50])
    if damage == "gone":
        part.unlink()
    assert run(prepared, ParquetPublisher(tmp_path / "run"), resume=True).users_resumed == 60
    assert read_parts(tmp_path / "run") == complete_files
    record_count("damaged parts", "{} interrupted runs: {} computed a part again", 1, 1)


@pytest.mark.parametrize("seeds", [range(12), pytest.param(range(1_000, 1_300), marks=pytest.mark.long)])
def test_resume_repeats_every_damaged_file(
    prepared: Prepared, tmp_path: Path, complete_files: dict[str, bytes], seeds: range
) -> None:
    """Any file, also the journal, is changed by one byte, truncated, or deleted."""
    again = 0
    for seed in seeds:
        rng, target = random.Random(seed), tmp_path / f"run-{seed}"
        n_parts = rng.randint(2, 5)
        stop(prepared, "shard noted", n_parts, ParquetPublisher(target))
        remaining = [path for path in tmp_path.rglob("*") if path.is_file() and f".run-{seed}." in str(path)]
        victim = rng.choice(sorted(remaining))
        content = bytearray(victim.read_bytes())
        if rng.random() < 0.6:
            content[rng.randrange(len(content))] ^= rng.randint(1, 255)
            victim.write_bytes(content)
        elif rng.random() < 0.5:
            victim.write_bytes(content[: rng.randrange(len(content))])
        else:
            victim.unlink()
        again += run(prepared, ParquetPublisher(target), resume=True).users_resumed < 20 * n_parts
        assert read_parts(target) == complete_files
    record_count("damaged parts", "{} interrupted runs: {} computed a part again", len(seeds), again)


def test_resume_ignores_an_incomplete_journal_line(
    prepared: Prepared, tmp_path: Path, complete_files: dict[str, bytes]
) -> None:
    stop(prepared, "shard noted", 2, ParquetPublisher(tmp_path / "run"))
    journal = next(tmp_path.glob(".*.journal"))
    journal.write_bytes(journal.read_bytes()[:-9])
    assert run(prepared, ParquetPublisher(tmp_path / "run"), resume=True).users_resumed == 20
    assert read_parts(tmp_path / "run") == complete_files


def test_other_settings_start_another_run(prepared: Prepared, tmp_path: Path) -> None:
    stop(prepared, "shard noted", 2, ParquetPublisher(tmp_path / "run"))
    assert run(prepared, ParquetPublisher(tmp_path / "run"), resume=True, k=4).users_resumed == 0


def test_resume_does_not_change_a_current_run(prepared: Prepared, database: Database, tmp_path: Path) -> None:
    first = run(prepared, *make_publishers(tmp_path, database), resume=True)
    again = run(prepared, *make_publishers(tmp_path, database), resume=True)
    assert not first.was_published
    assert again.was_published
    assert again.metadata.run_id == first.metadata.run_id
    assert again.counts == first.counts
    assert len(list_published_runs(tmp_path)) == 1
    second = run(prepared, *make_publishers(tmp_path, database))
    assert [path.name for path in list_published_runs(tmp_path)] == [first.metadata.run_id, second.metadata.run_id]
    other = run(prepared, *make_publishers(tmp_path, database), k=2)
    back = run(prepared, *make_publishers(tmp_path, database), resume=True)
    assert not back.was_published  # the run with k=2 had replaced it
    assert os.readlink(tmp_path / "latest") == back.metadata.run_id > other.metadata.run_id


@pytest.mark.parametrize(
    "point",
    ["all sealed", "database publishing", "database published", "folder publishing", "folder published", "link moved"],
)
def test_resume_publishes_at_the_missing_place(
    prepared: Prepared, database: Database, tmp_path: Path, complete_files: dict[str, bytes], point: str
) -> None:
    out = tmp_path / "runs"
    run(prepared, *make_publishers(out, database), k=2)
    stop(prepared, point, 1, *make_publishers(out, database))
    result = run(prepared, *make_publishers(out, database), resume=True)
    assert result.users_resumed == len(prepared.active_users)
    assert read_parts(out / "latest") == complete_files
    assert os.readlink(out / "latest") == result.metadata.run_id
    assert len(list_published_runs(out)) == 2
    assert_frame_equal(read_results(database), prepared.top_k(5).frame())
    with database.connect() as connection:
        assert connection.execute(text("SELECT status FROM runs")).scalars().all() == ["published"] * 2


@pytest.mark.parametrize("point", ["rows inserted", "rows committed", "shard committed", "shard noted"])
@pytest.mark.parametrize("nth", [1, 3])
def test_resume_deletes_rows_of_incomplete_shards(
    prepared: Prepared, database: Database, tmp_path: Path, point: str, nth: int
) -> None:
    stop(prepared, point, nth, *make_publishers(tmp_path, database), chunk_size=7)
    with raises_with(DatabaseError, reason="no published run"):
        read_results(database)
    run(prepared, *make_publishers(tmp_path, database), resume=True)
    assert_frame_equal(read_results(database), prepared.top_k(5).frame())
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM results")).scalar_one() == 5 * len(prepared.active_users)


def test_resume_sends_all_shards_to_a_frame(prepared: Prepared, tmp_path: Path) -> None:
    stop(prepared, "shard noted", 3, ParquetPublisher(tmp_path / "run"))
    frame = FramePublisher()
    result = run(prepared, ParquetPublisher(tmp_path / "run"), frame, resume=True)
    assert result.users_resumed == 0
    assert_frame_equal(frame.frame, prepared.top_k(5).frame())


def test_run_without_resume_reports_and_deletes_killed_run(
    prepared: Prepared, database: Database, tmp_path: Path
) -> None:
    stop(prepared, "shard noted", 3, *make_publishers(tmp_path, database))
    with pytest.warns(
        UserWarning, match=r"An unfinished run .* shards written\) and is deleted. To continue .*, use --resume"
    ):
        result = run(prepared, *make_publishers(tmp_path, database))
    assert result.users_resumed == 0
    assert sorted(path.name for path in tmp_path.iterdir() if ".db" not in path.name) == [
        result.metadata.run_id,
        "latest",
    ]
    with database.connect() as connection:
        assert connection.execute(text("SELECT run_id FROM runs")).scalars().all() == [result.metadata.run_id]


def test_second_writer_of_a_run_is_rejected(
    prepared: Prepared, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_publisher, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setitem(hold_key.__kwdefaults__, "patience", 0.2)
    messages: list[str] = []

    def start_second(done: int, total: int) -> None:
        if messages:
            return
        with raises_with(OutputError, path=str(tmp_path), errno=errno.EBUSY) as in_folder:
            run(prepared, ParquetPublisher(tmp_path, by_run_id=True), resume=True)
        with raises_with(DatabaseError, reason="locked") as in_database:
            run(prepared, DatabasePublisher(database), resume=True)
        messages.extend([str(in_folder.value), str(in_database.value)])

    result = run(prepared, *make_publishers(tmp_path, database), progress=start_second)
    assert len(messages) == 2
    assert [path.name for path in list_published_runs(tmp_path)] == [result.metadata.run_id]
    assert_frame_equal(read_results(database), prepared.top_k(5).frame())


@pytest.mark.parametrize(("resume", "number"), [(False, errno.EIO), (True, errno.ENOSPC)])
def test_disk_error_at_any_write_publishes_nothing(
    prepared: Prepared, tmp_path: Path, resume: bool, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 400)
    with fault_injection.record_reached() as points:
        run(prepared, ParquetPublisher(tmp_path / "undisturbed", latest="latest"))
    complete_files = read_parts(tmp_path / "undisturbed")
    (tmp_path / "latest").unlink()
    count = points.index("folder published") + 1
    for nth in range(1, count):
        target = tmp_path / f"run-{nth}"
        error = OSError(number, os.strerror(number))
        with (
            fault_injection.arm(fault_injection.ANY, nth, error),
            raises_with(OSError, errno=number),
        ):
            run(prepared, ParquetPublisher(target, latest="latest"), resume=resume)
        assert not target.exists()
        assert not (tmp_path / "latest").is_symlink()
        if resume:
            run(prepared, ParquetPublisher(target), resume=True)
            assert read_parts(target) == complete_files
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
        record_count("write errors", "{} errors", 1)


def test_stop_after_insert_leaves_no_row(prepared: Prepared, database: Database) -> None:
    with fault_injection.arm("run inserted", 1, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        run(prepared, DatabasePublisher(database))
    with database.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM runs")).scalar_one() == 0


def test_stop_during_locking_leaves_no_file(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare, calls = os.path.samestat, iter(range(1, 10))

    def raise_once(*states: os.stat_result) -> bool:
        if next(calls) == 1:  # the lock is held, but not yet returned to the caller
            raise KeyboardInterrupt
        return compare(*states)

    with monkeypatch.context() as patch:
        patch.setattr(os.path, "samestat", raise_once)
        with pytest.raises(KeyboardInterrupt):
            run(prepared, ParquetPublisher(tmp_path / "run"))
    assert next(calls) > 2
    assert list(tmp_path.iterdir()) == []
