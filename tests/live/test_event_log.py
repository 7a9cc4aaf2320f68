"""Tests of `scoring.live.event_log`: pages of the log, and rows written with their events."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.errors import DatabaseError, DataError
from scoring.importing import import_file
from scoring.live import event_log
from scoring.live.event_log import EventLog, LogEvent, LogPosition, LogRestoredError
from tests.support.proof_counts import record_count
from tests.support.random_statements import LogReplica, RandomPrograms
from tests.support.small_tables import small_tables

pytestmark = pytest.mark.integration

MAY = "2025-05-01T00:00:00Z"
JUNE = 1748736000000000


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Yield a database with the small tables."""
    with Database.open(database_url) as found:
        save_tables(found, small_tables())
        yield found


@pytest.fixture
def log(database: Database) -> EventLog:
    """Return the installed log of the database."""
    found = EventLog(database)
    found.install()
    return found


def run(database: Database, *statements: str) -> None:
    """Run statements of another program in one transaction."""
    with database.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def read(log: EventLog, after: LogPosition | None = None) -> tuple[LogEvent, ...]:
    return log.read(after or log.start()).events


def brief(events: tuple[LogEvent, ...]) -> list[tuple[str, int | None, bool]]:
    """Return the kind, the key, and whether the event has a row."""
    return [(event.kind, event.key, event.body is not None) for event in events]


def view(user: int | str, job: int | str) -> dict[str, Any]:
    return {"kind": "action", "row": {"user_id": user, "job_id": job, "action": "view", "occurred_at": MAY}}


def test_install_and_uninstall_can_be_repeated(database: Database) -> None:
    log = EventLog(database)
    assert not log.is_installed
    for _ in range(2):
        log.install()
        assert log.is_installed
        assert log.has_triggers
    epoch = log.end().epoch
    log.install(triggers=False)
    assert not log.has_triggers
    assert log.end().epoch == epoch
    for _ in range(2):
        log.uninstall()
        assert not log.is_installed


def test_table_of_another_program_is_kept(database: Database) -> None:
    run(database, "CREATE TABLE events (id INTEGER, name TEXT)")
    with pytest.raises(DatabaseError) as caught:
        EventLog(database).install()
    assert caught.value.reason == "not supported"
    assert not EventLog(database).is_installed


def test_missing_log_is_an_error(database: Database) -> None:
    with pytest.raises(DatabaseError) as caught:
        EventLog(database).end()
    assert caught.value.reason == "missing table"


def test_changes_of_other_programs_are_events(database: Database, log: EventLog) -> None:
    start = log.end()
    run(
        database,
        f"INSERT INTO jobs (job_id, fee, posted_at, has_daily_payment, is_active) VALUES (7, 0.1, {JUNE}, true, true)",
        "UPDATE jobs SET title = 'new' WHERE job_id = 7",
        "DELETE FROM jobs WHERE job_id = 7",
        "UPDATE users SET preferred_occupations = '1|2' WHERE user_id = 10",
        f"INSERT INTO actions VALUES (10, 3, 'view', {JUNE})",
    )
    page = log.read(start)
    assert brief(page.events) == [
        ("job", 7, True), ("job", 7, True), ("job", 7, False), ("user", 10, True), ("action", 10, True)
    ]  # fmt: skip
    job = page.events[1].event()
    assert job.body is not None
    assert job.body["fee"] == 0.1
    assert job.body["title"] == "new"
    assert job.body["has_daily_payment"] is True
    assert job.body["posted_at"] == datetime(2025, 6, 1, tzinfo=UTC)
    assert page.events[3].body is not None
    assert page.events[3].body["preferred_occupations"] == [1, 2]
    assert log.read(page.position).events == ()


def test_rolled_back_changes_are_not_events(database: Database, log: EventLog) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE jobs SET title = 'x'")
        connection.rollback()
    assert read(log) == ()


@pytest.mark.parametrize("triggers", [True, False])
def test_written_rows_are_stored_and_logged(database: Database, triggers: bool) -> None:
    log = EventLog(database)
    log.install(triggers=triggers)
    written = log.write_rows(
        [
            {"kind": "job", "row": {"job_id": 7, "fee": "800", "posted_at": MAY}},
            {"kind": "job", "row": {"job_id": 8, "fee": "abc"}},
            {"kind": "user", "row": {"user_id": "A-1"}},
            view(10, 3),
            view(10, 3),
            {"kind": "user", "id": 20, "deleted": True},
        ]
    )
    page = log.read(log.start())
    text_user = -5804732552626725
    assert sorted(brief(page.events)) == sorted(
        [("job", 7, True), ("user", text_user, True), ("action", 10, True), ("user", 20, False)]
    )
    assert written.seq == page.position.seq
    assert written.n_written == 5
    assert [at for at, _ in written.rejected] == [1]
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT fee FROM jobs WHERE job_id = 7")).scalar() == 800
        assert connection.execute(sa.text("SELECT external_id FROM users WHERE user_id < 0")).scalar() == "A-1"
        assert connection.execute(sa.text("SELECT count(*) FROM actions WHERE user_id = 20")).scalar() == 0


def test_key_of_earlier_rows_writes_nothing(log: EventLog) -> None:
    rows = [{"kind": "job", "row": {"job_id": 7, "fee": 1}}, {"kind": "job", "row": {"job_id": 8, "fee": "x"}}]
    first = log.write_rows(rows, "key")
    end = log.end()
    assert log.write_rows(rows, "key") == first
    assert log.end() == end
    with pytest.raises(DataError) as caught:
        log.write_rows(rows[:1], "key")
    assert caught.value.column == "idempotency_key"


def test_pages_contain_each_event_once(log: EventLog) -> None:
    log.write_rows([{"kind": "job", "row": {"job_id": n, "fee": n}} for n in range(100, 125)])
    position, keys, left = log.start(), list[Any](), list[int]()
    while (page := log.read(position, limit=10)).events:
        keys += [event.key for event in page.events]
        left.append(page.n_left)
        position = LogPosition.parse(str(page.position))
    assert keys == list(range(100, 125))
    assert left == [15, 5, 0]


def test_restored_database_is_an_error(database: Database, log: EventLog, tmp_path: Path) -> None:
    log.write_rows([view(10, 1)])
    position = log.end()
    run(database, "DELETE FROM events")
    with pytest.raises(LogRestoredError):
        log.read(position)
    log.uninstall()
    log.install()
    with pytest.raises(LogRestoredError):
        log.read(position)


def check_random_programs(database: Database, seeds: range) -> int:
    """Run random statements for each seed, and compare the log with the tables; return the number of events."""
    log = EventLog(database)
    log.install()
    n_events = 0
    for seed in seeds:
        replica, programs = LogReplica(database, log), RandomPrograms(database, seed)
        try:
            for _ in range(40):
                programs.step()
                if programs.random.random() < 0.15:
                    replica.catch_up(programs.random.choice((1, 3, 5000)))
            programs.finish()
        finally:
            programs.abandon()
        replica.catch_up(5000)
        replica.require_equal()
        n_events += replica.n_events
    return n_events


def test_log_equals_tables_after_random_statements(database: Database) -> None:
    n_events = check_random_programs(database, range(4))
    assert n_events > 40
    record_count("live log", "{} events of {} random programs", n_events, 4)


@pytest.mark.long
def test_log_equals_tables_after_500_random_programs(database: Database) -> None:
    n_events = check_random_programs(database, range(4, 504))
    assert n_events > 5000
    record_count("live log", "{} events of {} random programs", n_events, 500)


def test_late_commit_with_lower_number_is_read_once(postgres_url: str) -> None:
    with Database.open(postgres_url) as database:
        save_tables(database, small_tables())
        log = EventLog(database)
        log.install()
        position, seen = log.end(), list[int]()
        with database.engine.connect() as first, database.engine.connect() as second:
            first.exec_driver_sql("UPDATE jobs SET title = 'first' WHERE job_id = 1")
            second.exec_driver_sql("UPDATE jobs SET title = 'second' WHERE job_id = 3")
            second.commit()
            page = log.read(position)
            seen += [event.seq for event in page.events]
            run(database, "UPDATE users SET age_group = 'x' WHERE user_id = 10")
            page = log.read(page.position)
            seen += [event.seq for event in page.events]
            first.commit()
            page = log.read(page.position)
            seen += [event.seq for event in page.events]
            assert [event.key for event in page.events] == [1]
        assert log.read(page.position).events == ()
        assert seen == [2, 3, 1]
        assert page.position.seq == 3


def test_pages_of_two_snapshots_contain_each_event_once(postgres_url: str) -> None:
    """Between the pages of one snapshot, transactions with lower and higher numbers commit."""
    with Database.open(postgres_url) as database:
        save_tables(database, small_tables())
        log = EventLog(database)
        log.install()
        position, seen = log.end(), list[int]()
        with database.engine.connect() as late:
            late.exec_driver_sql("UPDATE jobs SET title = 'late' WHERE job_id = 1")
            run(database, "UPDATE users SET age_group = 'x'", "UPDATE jobs SET title = 'a' WHERE job_id = 3")
            for _ in range(2):
                page = log.read(position, limit=1)
                position = LogPosition.parse(str(page.position))
                seen += [event.seq for event in page.events]
            late.commit()
            run(database, "UPDATE jobs SET title = 'b' WHERE job_id = 3")
        while (page := log.read(position, limit=1)).events:
            seen += [event.seq for event in page.events]
            position = page.position
        assert sorted(seen) == [1, 2, 3, 4, 5]
        assert log.end().seq == position.seq == 5


def test_long_transaction_is_named(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "HELD_SECONDS", 0)
    with Database.open(postgres_url) as database:
        save_tables(database, small_tables())
        log = EventLog(database)
        log.install()
        position = log.end()
        with database.engine.connect() as writer:
            writer.exec_driver_sql("SET application_name = 'nightly batch'")
            writer.exec_driver_sql("UPDATE jobs SET title = 'x'")
            held = EventLog(database).read(position).held_back_by
            assert held is not None
            assert "nightly batch" in held
            writer.rollback()
        assert EventLog(database).read(position).held_back_by is None


def test_notification_ends_the_wait(postgres_url: str) -> None:
    with Database.open(postgres_url) as database:
        save_tables(database, small_tables())
        log = EventLog(database)
        log.install()
        log.wait(0.0)  # connects
        writer = threading.Timer(0.2, run, (database, "UPDATE jobs SET title = 'x'"))
        writer.start()
        start = time.monotonic()
        log.wait(30)
        writer.join()
        assert time.monotonic() - start < 20
        assert len(read(log)) == 3
        log.close()


def test_wait_survives_a_lost_connection(postgres_url: str) -> None:
    with Database.open(postgres_url) as database:
        save_tables(database, small_tables())
        log = EventLog(database)
        log.wait(0.0)
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        run(database, f"{kill} AND query LIKE 'LISTEN%%'")
        start = time.monotonic()
        log.wait(0.2)
        assert time.monotonic() - start >= 0.2
        log.close()


def test_log_of_a_dump_is_refused_until_installed(postgres_url: str) -> None:
    """A dump has the transaction numbers of another server."""
    with Database.open(postgres_url) as database:
        save_tables(database, small_tables())
        log = EventLog(database)
        log.install()
        run(database, "UPDATE jobs SET title = 'x'", "UPDATE events SET xid = '99999999999'")
        with pytest.raises(LogRestoredError):
            log.end()
        log.install()
        run(database, "UPDATE jobs SET title = 'y' WHERE job_id = 1")
        position = log.end()
        run(database, "UPDATE jobs SET title = 'z' WHERE job_id = 1")
        assert len(read(log, position)) == 1


def test_invalid_rows_are_absent_with_a_reason(database: Database, log: EventLog) -> None:
    position = log.end()
    run(
        database,
        "UPDATE jobs SET fee = 1e13 WHERE job_id = 1",
        "UPDATE users SET preferred_salary_min = -1e13 WHERE user_id = 10",
        f"INSERT INTO actions VALUES (10, 1, 'view', {2**62})",
        "INSERT INTO events (kind, key, body, at) VALUES ('job', 3, 'not JSON', 0), ('job', 3, '[1]', 0)",
        "INSERT INTO events (kind, key, body, at) VALUES ('job', 3, '{\"job_id\": [[1]]}', 0)",
    )
    page = log.read(position)
    assert brief(page.events) == [("job", 1, False), ("table_replaced", None, False), ("job", 3, False)]
    assert page.rejected == 6
    assert page.rejected_seqs == (3, 4, 5)
    log.note_reader("a", page.position)
    with database.connect() as connection:
        reasons = connection.execute(sa.text("SELECT seq, reason FROM rejected_events ORDER BY seq")).all()
    assert [seq for seq, _ in reasons] == [1, 2, 3, 4, 5, 6]
    assert reasons[0].reason.startswith("fee ")


def test_row_of_two_mebibytes_is_read(database: Database, log: EventLog) -> None:
    """A run uses it. `write_rows` refuses it."""
    title = "x" * 2**21
    run(database, *(f"UPDATE jobs SET title = '{title}{n}' WHERE job_id = 1" for n in range(20)))
    position, found = log.start(), list[Any]()
    while (page := log.read(position)).events:
        assert sum(len(event.body["title"]) for event in page.events if event.body) <= event_log.MAX_BYTES + 2**22
        found += page.events
        position = page.position
    assert [event.body["title"][2**21 :] for event in found] == [str(n) for n in range(20)]
    written = log.write_rows([{"kind": "job", "row": {"job_id": 1, "title": title}}])
    assert [at for at, _ in written.rejected] == [0]


@pytest.mark.parametrize(
    "entry",
    [
        None, 5, {}, {"kind": "tick", "row": {}}, {"kind": "job"}, {"kind": "job", "row": []},
        {"kind": "job", "row": {}},
        {"kind": "job", "row": {"job_id": None}}, {"kind": "job", "row": {"job_id": True}},
        {"kind": "job", "row": {"job_id": 1.5}}, {"kind": "job", "row": {"job_id": "n/a"}},
        {"kind": "job", "row": {"job_id": 1, "fee": {"a": 1}}}, {"kind": "job", "row": {"job_id": 1, "title": ["a"]}},
        {"kind": "job", "row": {"job_id": 1, "posted_at": 20250101}}, {"kind": "job", "row": {"job_id": 1, "x": 1}},
        {"kind": "job", "row": {"job_id": 1, "title": "a\0b"}},
        {"kind": "job", "row": {"job_id": 1, "title": "\ud800"}},
        {"kind": "job", "row": {"job_id": 1, "pref_cd": "13", "prefecture_code": "13"}},
        {"kind": "job", "id": 1, "deleted": False}, {"kind": "job", "deleted": True},
        {"kind": "job", "id": [1], "deleted": True},
        {"kind": "job", "id": 1, "changes": {}}, {"kind": "job", "id": 1, "changes": None},
        {"kind": "job", "changes": {"fee": 1}}, {"kind": "job", "id": 999, "changes": {"fee": 1}},
        {"kind": "job", "id": 1, "changes": {"job_id": 2}}, {"kind": "job", "id": 1, "changes": {"external_id": "a"}},
        {"kind": "job", "id": 1, "changes": {"x": 1}}, {"kind": "job", "id": 1, "changes": {"fee": 1}, "deleted": True},
        {"kind": "job", "id": 1, "changes": {"fee": 1}, "row": {"job_id": 1}},
        {"kind": "action", "id": 1, "changes": {"action": "view"}},
        {"kind": "action", "id": 1, "deleted": True}, {"kind": "action", "row": {"user_id": 1, "job_id": 1}},
        {"kind": "action", "row": {"user_id": 1, "job_id": 1, "action": "like", "occurred_at": MAY}},
    ],
)  # fmt: skip
def test_invalid_entry_is_rejected_alone(database: Database, log: EventLog, entry: Any) -> None:
    written = log.write_rows([entry, {"kind": "job", "row": {"job_id": 50}}])
    assert [at for at, _ in written.rejected] == [0]
    assert written.n_written == 1
    assert brief(read(log)) == [("job", 50, True)]


def test_changes_keep_the_other_columns(database: Database, log: EventLog) -> None:
    row = {"job_id": "J-7", "fee": 5000.0, "title": "a", "posted_at": MAY, "has_remote_work": True}
    written = log.write_rows(
        [
            {"kind": "job", "row": row},
            {"kind": "job", "id": "J-7", "changes": {"is_active": False}},
            {"kind": "job", "id": "J-7", "changes": {"fee": "6500", "title": None}},
            {"kind": "job", "id": "J-7", "changes": {"fee": {"a": 1}}},
            {"kind": "user", "row": {"user_id": 3, "preferred_occupations": [1, 2], "is_active": True}},
            {"kind": "user", "id": 3, "changes": {"prefecture_code": "13"}},
        ]
    )
    assert [at for at, _ in written.rejected] == [3]
    jobs = [event.body or {} for event in read(log) if event.kind == "job"]
    users = [event.body or {} for event in read(log) if event.kind == "user"]
    assert jobs[-2]["is_active"] is False
    assert jobs[-2]["fee"] == 5000.0
    kept = {name: jobs[-1][name] for name in ("external_id", "fee", "title", "is_active", "has_remote_work")}
    assert kept == {"external_id": "J-7", "fee": 6500.0, "title": None, "is_active": False, "has_remote_work": True}
    assert jobs[-1]["posted_at"] == jobs[0]["posted_at"]
    assert (users[-1]["prefecture_code"], users[-1]["preferred_occupations"]) == ("13", [1, 2])


def test_actions_may_come_before_their_user(database: Database, log: EventLog) -> None:
    log.write_rows([view(77, 1), view("new one", "job x")])
    log.write_rows([{"kind": "user", "row": {"user_id": "new one"}}, {"kind": "job", "row": {"job_id": "job x"}}])
    first, second, user, job = read(log)
    assert first.key == 77
    assert second.body is not None
    assert (second.key, second.body["job_id"]) == (user.key, job.key)


def test_later_rows_of_a_batch_win(database: Database, log: EventLog) -> None:
    log.write_rows(
        [
            {"kind": "job", "row": {"job_id": 7, "title": "a"}},
            {"kind": "job", "id": 7, "deleted": True},
            {"kind": "job", "row": {"job_id": 7, "title": "b"}},
            {"kind": "job", "row": {"job_id": 7, "title": "c"}},
        ]
    )
    events = read(log)
    assert brief(events) == [("job", 7, True), ("job", 7, False), ("job", 7, True)]
    assert events[-1].body is not None
    assert events[-1].body["title"] == "c"


def test_text_id_of_a_row_stays(database: Database, log: EventLog) -> None:
    log.write_rows([{"kind": "job", "row": {"job_id": 7, "external_id": "J-7"}}])
    log.write_rows([{"kind": "job", "row": {"job_id": "J-7", "title": "a"}}, {"kind": "job", "row": {"job_id": 7}}])
    assert {event.key for event in read(log)} == {7}
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT external_id FROM jobs WHERE job_id = 7")).scalar() == "J-7"


def test_log_is_cut_behind_the_slowest_reader(database: Database, log: EventLog) -> None:
    log.write_rows([{"kind": "job", "row": {"job_id": n}} for n in range(100, 110)])
    run(database, "UPDATE events SET at = 1000 + seq")
    fast, slow = log.end(), log.read(log.start(), limit=4).position
    log.note_reader("fast", fast)
    log.note_reader("slow", slow)
    assert log.cut() == 3
    assert len(read(log, slow)) == 6
    log.note_reader("slow", fast)
    assert log.cut() == 6
    assert log.read(fast).events == ()
    with pytest.raises(LogRestoredError):
        log.read(slow)
    log.write_rows([{"kind": "job", "row": {"job_id": 200}}])
    assert len(read(log, fast)) == 1


def test_recent_events_are_not_cut(log: EventLog) -> None:
    log.write_rows([{"kind": "job", "row": {"job_id": n}} for n in (100, 101)])
    log.note_reader("a", log.end())
    assert log.cut() == 0


def test_ten_thousand_jobs_in_one_transaction(database: Database, log: EventLog) -> None:
    position = log.end()
    with database.begin() as connection:
        rows = [{"id": n} for n in range(1000, 11000)]
        connection.execute(sa.text("INSERT INTO jobs (job_id, is_active) VALUES (:id, true)"), rows)
    keys = list[Any]()
    while (page := log.read(position)).events:
        keys += [event.key for event in page.events]
        position = page.position
    assert sorted(keys) == list(range(1000, 11000))


@pytest.mark.parametrize("triggers", [True, False])
@pytest.mark.parametrize("mode", ["insert", "update", "replace"])
def test_imported_rows_are_events(database: Database, tmp_path: Path, triggers: bool, mode: str) -> None:
    log = EventLog(database)
    log.install(triggers=triggers)
    replica = LogReplica(database, log)
    ids = [50, 51] if mode == "insert" else [1, 3, 50]
    frame = pd.DataFrame({"job_id": ids, "title": [f"new {n}" for n in ids], "prefecture_code": ["13"] * len(ids)})
    frame.to_csv(tmp_path / "jobs.csv", index=False)
    options: dict[str, Any] = {"insert": {}, "update": {"update": True, "missing_columns": "clear"}}
    given = options.get(mode, {"replace": True, "orphans": "delete"})
    import_file(database, "jobs", tmp_path / "jobs.csv", close_missing=mode == "update", close_most=True, **given)
    kinds = [event.kind for event in read(log)]
    expected = {"insert": ["job"] * 2, "update": ["job"] * 4, "replace": ["table_replaced"]}
    assert kinds == expected[mode]
    replica.catch_up(5000)
    replica.require_equal()
    assert log.has_triggers is triggers


def test_concurrent_calls_with_one_key_write_once(database: Database, log: EventLog) -> None:
    rows = [{"kind": "job", "row": {"job_id": 7}}]
    with ThreadPoolExecutor(4) as threads:
        results = set(threads.map(lambda _: log.write_rows(rows, "key"), range(8)))
    assert len(results) == 1
    assert brief(read(log)) == [("job", 7, True)]


@pytest.mark.long
def test_burst_of_100_000_events_is_read_once(database: Database, log: EventLog) -> None:
    position = log.end()
    with database.begin() as connection:
        rows = [{"id": n} for n in range(1000, 101_000)]
        connection.execute(sa.text("INSERT INTO jobs (job_id, title, is_active) VALUES (:id, 'a job', true)"), rows)
    start, n_events = time.process_time(), 0
    while (page := log.read(position)).events:
        n_events += len(page.events)
        position = page.position
    assert n_events == 100_000
    assert n_events / (time.process_time() - start) > 2_000  # events per second of processor time
