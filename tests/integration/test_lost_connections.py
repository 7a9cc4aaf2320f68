"""Lost connections: reads and writes restart from the beginning, and a command gives up with one sentence."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from scoring import Dataset, Prepared, load_model, make_market
from scoring.columns.dataset_frames import Tables
from scoring.database import engines, retry, silent_server_watchdog
from scoring.database.database import Database
from scoring.database.readers import load_jobs, load_tables
from scoring.database.writers import save_tables
from scoring.errors import DatabaseError
from scoring.runs import runner, shards
from scoring.runs.publishers import DatabasePublisher, ParquetPublisher, Publisher, list_published_runs, read_results
from scoring.runs.publishers.database_lock import hold_key
from tests.support.errors import raises_with
from tests.support.postgres_server import PostgresServer, Proxy
from tests.support.proof_counts import record_count
from tests.support.small_tables import small_tables

EPOCHS = (("jobs", "fee"), ("users", "preferred_salary_min"), ("occupations", "name"), ("prefectures", "name"))
"""(table, column) pairs that all hold the number of the last transaction."""


@pytest.fixture
def data(fragile: PostgresServer) -> Iterator[Database]:
    with Database.open(fragile.url) as database:
        save_tables(database, small_tables(factors=True))
        move_on(fragile, 0)
        yield database


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time limits of retries and locks."""
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 2.0)
    monkeypatch.setattr(retry, "FIRST_PATIENCE_SECONDS", 1.0)
    monkeypatch.setitem(hold_key.__kwdefaults__, "patience", 0.3)
    monkeypatch.setattr(silent_server_watchdog, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(silent_server_watchdog, "PROBE_CONNECT_SECONDS", 2)  # the minimum of libpq
    monkeypatch.setattr(engines, "POSTGRES", engines.POSTGRES | {"connect_timeout": 2})


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses between retries to a tenth."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds, sleep=time.sleep: sleep(seconds / 10))


def move_on(server: PostgresServer, epoch: int) -> None:
    """Write the next state of the data in one transaction."""
    changes = "; ".join(f"UPDATE {table} SET {column} = '{epoch}'" for table, column in EPOCHS)
    server.execute(f"DO $$ BEGIN {changes.replace('; ', ';')}; END $$")


def epochs(tables: Tables) -> set[int]:
    return {int(value) for table, column in EPOCHS for value in getattr(tables, table)[column]}


@contextmanager
def at_statement(database: Database, number: int, act: Callable[[], object]) -> Iterator[list[int]]:
    """Call `act` just before the n-th statement of the engine; yield a list that grows with each statement."""
    passed: list[int] = []

    def before(*_: object) -> None:
        passed.append(1)
        if len(passed) == number:
            act()

    sa.event.listen(database.engine, "before_cursor_execute", before)
    try:
        yield passed
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", before)


# Reading


@pytest.mark.usefixtures("short_pauses")
def test_load_restarts_when_connection_ends_at_any_statement(fragile: PostgresServer, data: Database) -> None:
    with at_statement(data, 0, lambda: None) as passed:
        load_tables(data)
    attempts = []
    for number in range(1, len(passed) + 1):

        def act(epoch: int = number) -> None:
            move_on(fragile, epoch)
            assert fragile.cut_off()

        with at_statement(data, number, act) as again:
            assert epochs(load_tables(data)) == {number}
        attempts.append(len(again))
    assert attempts == [len(passed) + number for number in range(1, len(passed) + 1)]
    record_count("restarted loads", "{} loads, {} connections ended", len(passed), len(passed))


@pytest.mark.parametrize("loads", [4, pytest.param(150, marks=pytest.mark.long)])
@pytest.mark.usefixtures("short_pauses")
def test_load_is_consistent_while_connections_end_randomly(fragile: PostgresServer, data: Database, loads: int) -> None:
    stop, ended, rng = threading.Event(), [0], random.Random(1)

    def disturb() -> None:
        epoch = 0
        while not stop.is_set():
            epoch += 1
            with suppress(sa.exc.OperationalError):
                move_on(fragile, epoch)
                if epoch % 4 == 0:
                    ended[0] += fragile.cut_off()
            stop.wait(rng.random() / 100)

    beside = threading.Thread(target=disturb)
    beside.start()
    try:
        seen = [epochs(load_tables(data)) for _ in range(loads)]
    finally:
        stop.set()
        beside.join()
    assert {len(found) for found in seen} == {1}
    assert len({min(found) for found in seen}) > 1
    assert ended[0]
    record_count("restarted loads", "{} loads, {} connections ended", loads, ended[0])


def test_load_waits_for_restarting_server(fragile: PostgresServer, data: Database) -> None:
    def act() -> None:
        fragile.kill()
        threading.Timer(0.2, fragile.start).start()

    with at_statement(data, 4, act) as passed:
        assert epochs(load_tables(data)) == {0}
    assert len(passed) > 8


def test_stopped_server_is_reported(fragile: PostgresServer, data: Database, hasty: None) -> None:
    with (
        at_statement(data, 4, fragile.kill),
        raises_with(DatabaseError, reason="not reachable") as caught,
    ):
        load_tables(data)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.long
@pytest.mark.parametrize("how", ["killed", "silent"])
def test_retries_end_within_a_minute(proxy: Proxy, data: Database, fragile: PostgresServer, how: str) -> None:
    def act() -> None:
        if how == "killed":
            fragile.kill()
        proxy.held = how == "silent"

    with Database.open(proxy.url) as database, at_statement(database, 3, act):
        begun = time.monotonic()
        with raises_with(DatabaseError, reason="not reachable"):
            load_tables(database)
        seconds = time.monotonic() - begun
        assert seconds < 60  # the documented limit
    record_count("retry limit", f"{how}: {seconds:.0f} s")


def test_silent_connection_restarts_the_load(
    proxy: Proxy, data: Database, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 8.0)

    def act() -> None:
        proxy.held = True
        threading.Timer(1.0, lambda: (proxy.cut(), setattr(proxy, "held", False))).start()

    with Database.open(proxy.url) as database, at_statement(database, 5, act) as passed:
        assert epochs(load_tables(database)) == {0}
    assert len(passed) > 8


def test_permanently_silent_connection_is_reported(proxy: Proxy, data: Database, hasty: None) -> None:
    def act() -> None:
        proxy.held = True

    with (
        Database.open(proxy.url) as database,
        at_statement(database, 5, act),
        raises_with(DatabaseError, reason="not reachable"),
    ):
        load_tables(database)


def test_silent_host_is_reported(proxy: Proxy, hasty: None) -> None:
    proxy.held = True
    with Database.open(proxy.url) as database, raises_with(DatabaseError, reason="not reachable"):
        load_tables(database)


def test_busy_server_is_waited_for(data: Database, hasty: None) -> None:
    assert data.read(lambda connection: connection.execute(sa.text("SELECT pg_sleep(1.6), 7")).one()[1]) == 7


# Timeouts


def test_timeouts_equal_documented_defaults(data: Database, fragile: PostgresServer) -> None:
    def settings(database: Database) -> list[str]:
        show = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
        return list(database.read(lambda connection: connection.exec_driver_sql(show).one()))

    assert settings(data) == ["10s", "10min"]
    with Database.open(fragile.url.update_query_dict({"options": "-c statement_timeout=1h"})) as other:
        assert settings(other) == ["10s", "1h"]


def test_statement_timeout_names_the_setting(data: Database, fragile: PostgresServer) -> None:
    url = fragile.url.update_query_dict({"options": "-c statement_timeout=50ms"})
    with (
        Database.open(url) as database,
        raises_with(DatabaseError, reason="cancelled"),
    ):
        database.read(lambda connection: connection.execute(sa.text("SELECT pg_sleep(5)")))


def test_locked_table_is_waited_for(data: Database, fragile: PostgresServer, hasty: None) -> None:
    url = fragile.url.update_query_dict({"options": "-c lock_timeout=100ms"})
    with Database.open(url) as database, data.engine.begin() as holder:
        holder.exec_driver_sql("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        with raises_with(DatabaseError, reason="locked"):
            load_jobs(database)
        threading.Timer(0.3, holder.rollback).start()
        assert len(load_jobs(database)) == 3


def test_exhausted_pool_is_reported(
    data: Database, fragile: PostgresServer, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0.6)
    monkeypatch.setattr(engines, "POOL", engines.POOL | {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1})
    with (
        Database.open(fragile.url) as database,
        database.engine.connect(),
        raises_with(DatabaseError, reason="all connections in use"),
    ):
        load_jobs(database)


# Writing


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return Prepared.of(Dataset(make_market(30, 60, 300, seed=3).tables), load_model("standard"))


@pytest.fixture
def place(fragile: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 40)
    with Database.open(fragile.url) as database:
        database.create()
        yield database


def publish(prepared: Prepared, database: Database, k: int = 4, **more: object) -> None:
    runner.run(prepared, k=k, chunk_size=10, workers=1, publishers=[DatabasePublisher(database)], **more)  # type: ignore[arg-type]


def empty(server: PostgresServer) -> None:
    server.execute("TRUNCATE runs, current_runs, results")


def state(server: PostgresServer) -> tuple[list[str], int]:
    statuses = [row[0] for row in server.execute("SELECT status FROM runs ORDER BY run_id")]
    return statuses, server.execute("SELECT count(*) FROM results WHERE run_id NOT IN (SELECT run_id FROM runs)")[0][0]


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.usefixtures("short_pauses")
def test_run_is_identical_when_connections_end_at_any_statement(
    prepared: Prepared, place: Database, fragile: PostgresServer, every: int
) -> None:
    with at_statement(place, 0, lambda: None) as passed:
        publish(prepared, place)
    wanted, n = read_results(place), 0
    for number in range(1, len(passed) + 1, every):
        empty(fragile)
        with at_statement(place, number, fragile.cut_off):
            publish(prepared, place)
        pd.testing.assert_frame_equal(read_results(place), wanted)
        assert state(fragile) == (["published"], 0)
        n += 1
    record_count("restarted writes", "{} runs", n)


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.usefixtures("short_pauses")
def test_commit_with_lost_answer_is_repeated(
    prepared: Prepared, proxy: Proxy, place: Database, fragile: PostgresServer, every: int
) -> None:
    publish(prepared, place)
    wanted, commits = read_results(place), 0
    number = 0
    while True:
        empty(fragile)
        with Database.open(proxy.url) as database:
            seen = [0]

            def before(_: object, number: int = number, seen: list[int] = seen) -> None:
                proxy.swallow = b"COMMIT" if seen[0] == number else b""
                seen[0] += 1

            sa.event.listen(database.engine, "commit", before)
            publish(prepared, database)
        pd.testing.assert_frame_equal(read_results(place), wanted)
        assert state(fragile) == (["published"], 0)
        number += every
        commits += 1
        if number >= seen[0]:
            break
    assert commits >= 3
    record_count("restarted writes", "{} runs", commits)


@pytest.mark.parametrize("number", [9, *(pytest.param(number, marks=pytest.mark.long) for number in (6, 12))])
def test_run_without_database_is_resumed_later(
    prepared: Prepared, place: Database, fragile: PostgresServer, tmp_path: Path, hasty: None, number: int
) -> None:
    def both() -> list[Publisher]:
        return [DatabasePublisher(place), ParquetPublisher(tmp_path / "runs", by_run_id=True)]

    publish(prepared, place, k=2)
    yesterday = read_results(place)
    with (
        at_statement(place, number, fragile.kill),
        raises_with(DatabaseError, reason="not reachable"),
    ):
        runner.run(prepared, k=4, chunk_size=10, workers=1, publishers=both(), resume=True)
    assert list_published_runs(tmp_path / "runs") == []
    fragile.start()
    pd.testing.assert_frame_equal(read_results(place), yesterday)
    done = runner.run(prepared, k=4, chunk_size=10, workers=1, publishers=both(), resume=True)
    assert read_results(place).groupby("user_id").size().eq(4).all()
    assert [path.name for path in list_published_runs(tmp_path / "runs")] == [done.metadata.run_id]
    assert state(fragile) == (["published"] * 2, 0)
    record_count("restarted writes", "{} runs", 1)


def test_writer_without_its_lock_does_not_publish(
    prepared: Prepared, place: Database, fragile: PostgresServer, hasty: None
) -> None:
    def act() -> None:
        fragile.cut_off()
        key = fragile.execute("SELECT settings::json->>'key' FROM runs")[0][0]
        number = int.from_bytes(bytes.fromhex(key)[:8], signed=True)
        holder.exec_driver_sql(f"SELECT pg_advisory_lock({number})")

    other = sa.create_engine(fragile.url, isolation_level="AUTOCOMMIT")
    holder = other.connect()
    holder.invalidate()  # reconnects after the other connections were ended
    with at_statement(place, 9, act), raises_with(DatabaseError, reason="locked"):
        publish(prepared, place)
    holder.close()
    other.dispose()
    assert "published" not in state(fragile)[0]
