"""Tests of `scoring.database.event_tables`: which events the triggers and the writers of the package write."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import pytest
import sqlalchemy as sa

from scoring.columns.board_definition import DEFAULT_BOARD, make_own_column
from scoring.database import writers
from scoring.database.board_definition_storage import declare_columns, read_board
from scoring.database.database import Database
from scoring.database.event_tables import has_triggers, install_log, record_replacement, remove_log
from scoring.database.writers import save_tables
from scoring.errors import DatabaseError
from tests.support.small_tables import small_tables


@pytest.fixture
def logged(database: Database) -> Database:
    """Return the database with a log and triggers."""
    install(database)
    return database


def install(database: Database, *, triggers: bool = True) -> None:
    with database.begin() as connection:
        install_log(connection, read_board(connection), database.display, triggers=triggers)


def run(database: Database, *statements: str) -> None:
    """Run statements of another program in one transaction."""
    with database.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def read_events(database: Database) -> list[Any]:
    with database.connect() as connection:
        return list(connection.execute(sa.text("SELECT kind, key, body FROM events ORDER BY seq")))


def brief(database: Database) -> list[tuple[str, int | None, bool]]:
    """Return the kind, the key, and whether the event has a body."""
    return [(kind, key, body is not None) for kind, key, body in read_events(database)]


REPLACED = ("table_replaced", None, False)


def test_new_own_columns_are_in_later_bodies(logged: Database) -> None:
    own = [make_own_column("jobs", "seniority", "category"), make_own_column("jobs", "hours", "number")]
    with logged.begin() as connection:
        board = declare_columns(connection, DEFAULT_BOARD.with_columns("jobs", own))
        assert has_triggers(connection, board)
    run(logged, "UPDATE jobs SET seniority = 'lead', hours = 7.5 WHERE job_id = 1")
    events = read_events(logged)
    assert [event.kind for event in events] == ["table_replaced", "job"]
    body = json.loads(events[1].body)
    assert (body["seniority"], body["hours"]) == ("lead", 7.5)


def test_sixty_columns_fit_in_a_body(logged: Database) -> None:
    """One call of SQLite's json_object takes 50 columns."""
    own = [make_own_column("users", f"x{n}", "integer") for n in range(60)]
    with logged.begin() as connection:
        declare_columns(connection, DEFAULT_BOARD.with_columns("users", own))
    run(logged, "UPDATE users SET x59 = 59, x0 = 1 WHERE user_id = 10")
    content = json.loads(read_events(logged)[-1].body)
    merged = {
        name: value for part in (content if isinstance(content, list) else [content]) for name, value in part.items()
    }
    assert (merged["user_id"], merged["x0"], merged["x59"]) == (10, 1, 59)


def test_body_has_the_float64_of_the_row(logged: Database) -> None:
    generator = random.Random(5)
    numbers = [struct.unpack("d", generator.randbytes(8))[0] for _ in range(200)]
    numbers = [number for number in numbers if number == number and abs(number) != float("inf")]
    numbers += [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 2.0**53 + 2, 1e15, -0.0]
    with logged.begin() as connection:
        rows = [{"id": 100 + place, "fee": number} for place, number in enumerate(numbers)]
        statement = "INSERT INTO jobs (job_id, fee, is_active) VALUES (:id, :fee, true)"
        connection.execute(sa.text(statement), rows)
    assert [float(json.loads(event.body)["fee"]) for event in read_events(logged)] == numbers


def test_deleted_user_leaves_no_body(logged: Database) -> None:
    run(
        logged,
        "UPDATE users SET age_group = 'old' WHERE user_id = 20",
        "INSERT INTO actions VALUES (20, 1, 'view', 5)",
        "UPDATE users SET age_group = 'old' WHERE user_id = 10",
        "DELETE FROM users WHERE user_id = 20",
        "DELETE FROM actions WHERE user_id = 20",
    )
    assert brief(logged) == [("user", 20, False), ("action", 20, False), ("user", 10, True), ("user", 20, False)]


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM actions WHERE user_id = 10 AND job_id = 3"],
        ["UPDATE actions SET occurred_at = 5 WHERE user_id = 10 AND job_id = 3"],
        ["UPDATE jobs SET job_id = 99 WHERE job_id = 1"],
        ["UPDATE users SET user_id = 99 WHERE user_id = 10"],
    ],
)
def test_other_changes_are_table_replaced(logged: Database, statements: list[str]) -> None:
    run(logged, *statements)
    assert brief(logged) == [REPLACED]


def test_returning_user_with_stored_actions_is_replaced(logged: Database) -> None:
    run(logged, "DELETE FROM users WHERE user_id = 10")
    run(logged, "INSERT INTO users (user_id, is_active) VALUES (10, true)")
    assert sorted(brief(logged), key=str) == sorted([("user", 10, False), ("user", 10, True), REPLACED], key=str)


def test_action_of_deleted_user_is_not_erased(logged: Database) -> None:
    """It arrived after the deletion, so live lists keep it. Its deletion must be an event."""
    run(logged, "DELETE FROM users WHERE user_id = 20", "INSERT INTO actions VALUES (20, 1, 'view', 5)")
    run(logged, "DELETE FROM actions WHERE user_id = 20")
    assert brief(logged)[-1] == REPLACED


def test_replacement_is_one_event_and_keeps_triggers(logged: Database) -> None:
    save_tables(logged, small_tables(), replace=True)
    with logged.connect() as connection:
        assert has_triggers(connection, DEFAULT_BOARD)
    kinds = [kind for kind, _, _ in brief(logged)]
    assert kinds[0] == "table_replaced"
    before = len(kinds)
    run(logged, "UPDATE jobs SET title = 'x' WHERE job_id = 1")
    assert brief(logged)[before:] == [("job", 1, True)]


def test_failed_replacement_keeps_triggers(logged: Database) -> None:
    def fail() -> None:
        with logged.begin() as connection, record_replacement(connection, ["jobs"], DEFAULT_BOARD):
            connection.execute(sa.text("DELETE FROM jobs"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    run(logged, "UPDATE jobs SET title = 'x' WHERE job_id = 1")
    assert brief(logged) == [("job", 1, True)]


@pytest.mark.parametrize("triggers", [True, False])
def test_writers_log_rows_once(database: Database, triggers: bool) -> None:
    install(database, triggers=triggers)
    tables = small_tables()
    job, user = tables.jobs.assign(job_id=tables.jobs["job_id"] + 100).head(1), tables.users.assign(user_id=[30, 31])
    with database.begin() as connection:
        writers.write_frame(connection, "jobs", job)
        writers.write_frame(connection, "users", user)
        writers.update_rows(connection, "jobs", {"job_id": [1, 3], "title": ["a", "b"]})
        actions = tables.actions.assign(user_id=30)
        assert writers.insert_new_rows(connection, "actions", actions) == 4
        assert writers.insert_new_rows(connection, "actions", actions) == 0
    found = brief(database)
    assert sorted(found) == sorted(
        [("job", int(job["job_id"].iloc[0]), True), ("job", 1, True), ("job", 3, True)]
        + [("user", 30, True), ("user", 31, True)]
        + 4 * [("action", 30, True)]
    )
    titles = {event.key: json.loads(event.body)["title"] for event in read_events(database) if event.kind == "job"}
    assert (titles[1], titles[3]) == ("a", "b")


def test_change_of_reference_table_is_replaced(logged: Database) -> None:
    with logged.begin() as connection:
        writers.update_rows(connection, "occupations", {"occupation_code": [101], "name": ["cook"]})
    assert brief(logged) == [REPLACED]


def test_removed_log_leaves_nothing(logged: Database) -> None:
    with logged.begin() as connection:
        remove_log(connection)
        names = set(sa.inspect(connection).get_table_names())
        assert not {"events", "event_log_settings", "event_readers", "event_writes", "rejected_events"} & names
        if logged.dialect == "sqlite":
            query = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"
        else:
            query = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'scoring%'"
        assert connection.execute(sa.text(query)).scalar() == 0
    run(logged, "UPDATE jobs SET title = 'x'")


def test_dropped_table_has_no_triggers(logged: Database) -> None:
    run(
        logged,
        "DROP TABLE actions",
        "CREATE TABLE actions (user_id BIGINT, job_id BIGINT, action TEXT, occurred_at BIGINT)",
    )
    with logged.connect() as connection:
        assert not has_triggers(connection, DEFAULT_BOARD)


def test_odd_values_do_not_stop_a_sqlite_writer(small_url: str) -> None:
    with Database.open(small_url) as database:
        install(database)
        run(
            database,
            "UPDATE jobs SET title = x'00ff', fee = 9e999, min_salary = 'abc', posted_at = 1.5, "
            "company_id = CAST(x'ff' AS TEXT), occupation_code = 'x' || char(0) WHERE job_id = 1",
        )
        with database.connect() as connection:
            (body,) = connection.execute(sa.text("SELECT CAST(body AS BLOB) FROM events")).scalars()
        values = json.loads(body.decode("utf-8", "surrogateescape"))
        assert values["title"] == {"blob": "00FF"}
        assert (values["fee"], values["min_salary"], values["posted_at"]) == ("Infinity", "abc", 1.5)


def test_postgres_writer_needs_no_right_on_the_log(postgres_url: str) -> None:
    with Database.open(postgres_url) as database:
        save_tables(database, small_tables())
        install(database)
        run(
            database,
            "DROP ROLE IF EXISTS plain_writer",
            "CREATE ROLE plain_writer",
            "GRANT ALL ON jobs, users, actions TO plain_writer",
        )
        try:
            run(
                database,
                "SET LOCAL ROLE plain_writer",
                "CREATE TEMPORARY TABLE events (seq int, kind text, key int, body text, at int)",
                "UPDATE jobs SET title = 'x' WHERE job_id = 1",
                "RESET ROLE",
                "DROP TABLE pg_temp.events",
            )
            assert brief(database) == [("job", 1, True)]
        finally:
            run(database, "DROP OWNED BY plain_writer", "DROP ROLE plain_writer")


def test_postgres_user_without_trigger_right_is_refused(postgres_url: str) -> None:
    with Database.open(postgres_url) as database:
        save_tables(database, small_tables())
        run(
            database,
            "DROP ROLE IF EXISTS reader_only",
            "CREATE ROLE reader_only",
            "GRANT SELECT ON jobs, users, actions, own_columns, board_settings TO reader_only",
        )
        try:
            with database.begin() as connection:
                connection.execute(sa.text("SET LOCAL ROLE reader_only"))
                with pytest.raises(DatabaseError) as caught:
                    install_log(connection, DEFAULT_BOARD, database.display, triggers=True)
            assert caught.value.reason == "permission"
        finally:
            run(database, "DROP OWNED BY reader_only", "DROP ROLE reader_only")


def test_postgres_truncate_is_table_replaced(postgres_url: str) -> None:
    with Database.open(postgres_url) as database:
        save_tables(database, small_tables())
        install(database)
        run(database, "UPDATE users SET age_group = 'a'", "TRUNCATE users")
        assert sorted(brief(database), key=str) == sorted([("user", 10, False), ("user", 20, False), REPLACED], key=str)


def test_postgres_tables_with_text_ids_are_refused(postgres_url: str) -> None:
    """The triggers would make each statement on the table fail."""
    with Database.open(postgres_url) as database:
        save_tables(database, small_tables())
        run(database, "ALTER TABLE jobs ALTER COLUMN job_id TYPE text")
        with pytest.raises(DatabaseError) as caught:
            install(database)
        assert caught.value.reason == "not supported"
