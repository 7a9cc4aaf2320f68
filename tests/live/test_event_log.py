"""Tests of `scoring.live.event_log`: pages of the log, and rows written with their events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.errors import DatabaseError, DataError
from scoring.live.event_log import EventLog, LogEvent, LogPosition, LogRestoredError
from tests.support.random_statements import LogReplica, RandomPrograms
from tests.support.small_tables import small_tables

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


def view(user: int, job: int) -> dict[str, Any]:
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
    assert check_random_programs(database, range(10)) > 100


@pytest.mark.long
def test_log_equals_tables_after_500_random_programs(database: Database) -> None:
    assert check_random_programs(database, range(10, 510)) > 5000
