"""Committing shards in threads while the next shards are ranked."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from scoring.bundle.ranked_lists import Ranking
from scoring.database.database import Database
from scoring.errors import DatabaseError, OutputError
from scoring.runs.publishers import OpenRun
from scoring.runs.shard_writer import ShardWriter
from scoring.runs.shards import Shard, ShardResult
from tests.support.errors import raises_with


class RecordingRun(OpenRun):
    """Records the number and the thread of each shard. It waits for `may_commit`, and can fail."""

    def __init__(self, *, is_thread_safe: bool, committed: Mapping[int, int] | None = None) -> None:
        self.is_thread_safe, self.committed = is_thread_safe, committed or {}
        self.shards: list[int] = []
        self.parts: list[tuple[int, int]] = []  # number, and how many shards were committed before
        self.threads: set[int] = set()
        self.may_commit = threading.Event()
        self.may_commit.set()
        self.error: Exception | None = None
        self.part_error: Exception | None = None

    def write_part(self, shard: Shard, lists: Ranking) -> None:
        if self.part_error is not None:
            raise self.part_error
        self.threads.add(threading.get_ident())
        self.parts.append((shard.number, len(self.shards)))

    def commit_shard(self, result: ShardResult) -> None:
        assert self.may_commit.wait(60)
        if self.error is not None:
            raise self.error
        self.threads.add(threading.get_ident())
        self.shards.append(result.shard.number)


def make_shard(number: int) -> ShardResult:
    return ShardResult(Shard(number, number, number, 1), Ranking.empty())


def test_shards_are_committed_in_order_to_every_run() -> None:
    runs = [
        RecordingRun(is_thread_safe=True),
        RecordingRun(is_thread_safe=False),
        RecordingRun(is_thread_safe=True, committed={1: 40}),
    ]
    writer = ShardWriter(runs)
    for number in range(3):
        writer.commit(make_shard(number))
    writer.wait()
    writer.close()
    assert [run.shards for run in runs] == [[0, 1, 2], [0, 1, 2], [0, 2]]
    assert runs[1].threads == {threading.get_ident()}
    assert threading.get_ident() not in runs[0].threads | runs[2].threads


def test_next_shard_waits_for_the_previous_one() -> None:
    run = RecordingRun(is_thread_safe=True)
    run.may_commit.clear()
    writer = ShardWriter([run])
    writer.commit(make_shard(0))  # returns before the shard is committed
    assert run.shards == []
    threading.Timer(0.05, run.may_commit.set).start()
    writer.commit(make_shard(1))
    assert run.shards[0] == 0
    writer.wait()
    writer.close()
    assert run.shards == [0, 1]


def test_error_of_a_shard_is_raised_by_the_next_call() -> None:
    run = RecordingRun(is_thread_safe=True)
    run.error = OutputError("The disk is full.")
    writer = ShardWriter([run])
    writer.commit(make_shard(0))
    with pytest.raises(OutputError):
        writer.commit(make_shard(1))
    writer.close()
    assert run.shards == []


def test_parts_are_written_in_threads_before_their_shard() -> None:
    runs = [
        RecordingRun(is_thread_safe=True),
        RecordingRun(is_thread_safe=False),
        RecordingRun(is_thread_safe=True, committed={1: 40}),
    ]
    writer = ShardWriter(runs)
    for number in range(3):
        for _ in range(2):
            writer.write_part(make_shard(number).shard, Ranking.empty())
        writer.commit(make_shard(number))
    writer.wait()
    writer.close()
    assert [run.parts for run in runs] == [[(n, n) for n in (0, 0, 1, 1, 2, 2)], [], [(0, 0), (0, 0), (2, 1), (2, 1)]]
    assert threading.get_ident() not in runs[0].threads | runs[2].threads


def test_error_of_a_part_is_raised_instead_of_a_commit() -> None:
    run = RecordingRun(is_thread_safe=True)
    run.part_error = OutputError("The disk is full.")
    writer = ShardWriter([run])
    writer.write_part(make_shard(0).shard, Ranking.empty())
    writer.commit(make_shard(0))
    with pytest.raises(OutputError):
        writer.wait()
    writer.close()
    assert run.shards == []


def test_closing_ends_the_pauses_of_a_retry(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that stays locked delays the end of a stopped run by less than its 30 seconds of patience."""
    failed = threading.Event()

    def fail(connection: Connection) -> None:
        error = Exception("database is locked")
        error.sqlite_errorname = "SQLITE_BUSY"  # type: ignore[attr-defined]
        failed.set()
        raise OperationalError("INSERT", None, error)

    with Database.open(sqlite_url) as database:
        database.create()
        run = RecordingRun(is_thread_safe=True)
        monkeypatch.setattr(run, "commit_shard", lambda result: database.write(fail))
        writer = ShardWriter([run])
        writer.commit(make_shard(0))
        assert failed.wait(60)
        started = time.monotonic()
        writer.close()
        assert time.monotonic() - started < 20
        with raises_with(DatabaseError, reason="locked"):
            writer.wait()
