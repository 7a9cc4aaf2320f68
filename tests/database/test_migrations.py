"""Databases of scoring 0.1.0 are read as they are, and migrated by the commands that write."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from scoring.cli.app import app
from scoring.database import migrations
from scoring.database.database import Database
from scoring.database.readers import load_users
from scoring.database.schema import METADATA, runs
from scoring.database.writers import save_tables
from scoring.errors import DatabaseError
from scoring.importing import import_file
from scoring.registry.sql_index import ProfileIndex
from scoring.runs.history import find_database_leftovers, list_runs, verify_rows
from scoring.runs.publishers import DatabasePublisher, read_results
from scoring.runs.publishers.database_runs import find_runs
from tests.support.database_version_1 import (
    OTHER_KEY,
    PUBLISHED,
    PUBLISHED_KEY,
    UNFINISHED,
    UNFINISHED_KEY,
    write_version_1,
)
from tests.support.errors import raises_with
from tests.support.forks import start_fork
from tests.support.migrating_process import change_schema
from tests.support.small_tables import small_tables

pytestmark = pytest.mark.integration  # commands, imports, runs and killed processes


@pytest.fixture
def old_url(database_url: str) -> str:
    """A database of version 1, on SQLite and on PostgreSQL."""
    write_version_1(database_url)
    return database_url


@pytest.fixture
def old(old_url: str) -> Iterator[Database]:
    with Database.open(old_url) as database:
        yield database


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    write_version_1(f"sqlite:///{tmp_path / 'old.db'}")
    return tmp_path / "old.db"


def stored_version(url: str) -> int:
    """As a new process reads it."""
    with Database.open(url) as database:
        return database.schema_version()


def keys(database: Database) -> dict[str, str | None]:
    with database.connect() as connection:
        return dict(connection.execute(sa.text("SELECT run_id, run_key FROM runs")).all())  # type: ignore[arg-type]


def structure(database: Database) -> dict[str, Any]:
    """Table → its columns in their order, and its indexes. Read by the engine, which does not look at versions."""
    inspector = sa.inspect(database.engine)
    return {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(name)],
            sorted((index["name"], tuple(index["column_names"])) for index in inspector.get_indexes(name)),
        )
        for name in inspector.get_table_names()
    }


def start(url: str, method: str = "migrate", fault: str = "") -> tuple[BaseProcess, Connection]:
    """A process that has opened the database, and calls the method once it is sent a message."""
    process, pipe = start_fork(change_schema, url, method, fault)
    assert pipe.recv() == "ready"
    return process, pipe


def start_together(started: Sequence[tuple[BaseProcess, Connection]]) -> list[int]:
    """Let all processes continue, and return the versions that they send."""
    for _, pipe in started:
        pipe.send("go")
    versions = [pipe.recv() for _, pipe in started]
    for process, _ in started:
        process.join(60)
    assert [process.exitcode for process, _ in started] == [0] * len(started)
    return versions


# Reading


def test_version_1_is_read_without_a_change(old: Database, tmp_path: Path) -> None:
    before = structure(old)
    assert load_users(old)["user_id"].tolist() == [1, 2]
    assert read_results(old)["job_id"].tolist() == [10, 20]
    listed = list_runs(tmp_path, old).set_index("run_id")["status"]
    assert listed[PUBLISHED] == "in use"
    assert listed[UNFINISHED] == "unfinished"
    assert [left.run_id for left in find_database_leftovers(old)] == [UNFINISHED]
    assert verify_rows(old, PUBLISHED) == []
    assert find_runs(old, PUBLISHED_KEY)
    old.require_tables()
    assert old.schema_version() == 1
    assert structure(old) == before


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_read_only_file_of_version_1_is_read(old_file: Path, tmp_path: Path, journal: str) -> None:
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute(f"PRAGMA journal_mode = {journal}").fetchone() == (journal,)
    old_file.chmod(0o444)
    digest = hashlib.sha256(old_file.read_bytes()).hexdigest()
    with Database.open(f"sqlite:///file:{old_file}?mode=ro&uri=true") as database:
        assert load_users(database)["user_id"].tolist() == [1, 2]
        assert [run.run_id for run in find_runs(database, PUBLISHED_KEY)] == [PUBLISHED]
        assert set(list_runs(tmp_path, database)["run_id"]) >= {PUBLISHED, UNFINISHED}
        with raises_with(DatabaseError, reason="read-only"):
            database.migrate()
    assert hashlib.sha256(old_file.read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("migrated", [False, True])
def test_runs_are_found_by_their_key_on_both_versions(old: Database, migrated: bool) -> None:
    if migrated:
        old.migrate()
    (published,) = find_runs(old, PUBLISHED_KEY)  # the key is also a nested value of another run's settings
    assert (published.run_id, published.is_published, published.shards) == (PUBLISHED, True, 1)
    (unfinished,) = find_runs(old, UNFINISHED_KEY)
    assert (unfinished.run_id, unfinished.is_published, unfinished.shards) == (UNFINISHED, False, 0)
    assert find_runs(old, PUBLISHED_KEY[:-1]) == []
    assert find_runs(old, "%") == []


# Migrating


def test_migrated_and_new_database_have_the_same_structure(old: Database, old_url: str) -> None:
    old.migrate()
    migrated = structure(old)
    METADATA.drop_all(old.engine)
    migrations.schema_version.drop(old.engine)
    with Database.open(old_url) as new:
        new.create()
        assert structure(new) == migrated
        assert new.schema_version() == old.schema_version() == migrations.VERSION


def test_run_keys_are_filled_and_settings_unchanged(old: Database) -> None:
    with old.connect() as connection:
        before = connection.execute(sa.text("SELECT run_id, settings FROM runs ORDER BY run_id")).all()
    old.migrate()
    assert sorted(str(key) for key in keys(old).values()) == [PUBLISHED_KEY, UNFINISHED_KEY, OTHER_KEY]
    with old.connect() as connection:
        after = connection.execute(sa.text("SELECT run_id, settings FROM runs ORDER BY run_id")).all()
    assert after == before
    assert keys(old) == {run_id: json.loads(settings)["key"] for run_id, settings in before}
    assert read_results(old)["job_id"].tolist() == [10, 20]


@pytest.mark.parametrize("settings", ["", "not JSON", "[]", "{}", '{"key": 5}', '"key"', "null"])
def test_settings_without_a_key_give_null(old: Database, settings: str) -> None:
    with old.begin() as connection:
        connection.execute(sa.text("UPDATE runs SET settings = :s WHERE run_id = :r"), {"s": settings, "r": PUBLISHED})
    assert find_runs(old, PUBLISHED_KEY) == []
    old.migrate()
    assert keys(old)[PUBLISHED] is None
    assert find_runs(old, PUBLISHED_KEY) == []


def test_migrating_twice_changes_nothing(old: Database, old_url: str) -> None:
    old.migrate()
    before = structure(old), keys(old)
    old.migrate()
    with Database.open(old_url) as again, again.begin() as connection:
        again.create()
        for migration in migrations.MIGRATIONS:
            migration.apply(connection)
    assert (structure(old), keys(old)) == before
    with old.connect() as connection:
        rows = connection.execute(sa.select(migrations.schema_version)).all()
    assert [row.version for row in rows] == list(range(2, migrations.VERSION + 1))


def test_migrating_when_current_sends_no_statement(old: Database) -> None:
    old.migrate()
    before = old.traffic.statistics().round_trips
    old.migrate()
    assert old.schema_version() == migrations.VERSION
    assert old.traffic.statistics().round_trips == before


def test_migrations_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in migrations.MIGRATIONS] == list(range(2, migrations.VERSION + 1))
    added = {column.info.get("since", 1) for table in METADATA.tables.values() for column in table.columns}
    assert added <= set(range(1, migrations.VERSION + 1))


def import_users(database: Database, folder: Path) -> None:
    (folder / "users.csv").write_text("user_id,prefecture_code\n3,13\n")
    import_file(database, "users", folder / "users.csv")


@pytest.mark.parametrize(
    "write",
    [
        lambda database, _: database.create(),
        lambda database, _: save_tables(database, small_tables(), replace=True),
        lambda database, _: DatabasePublisher(database).check(),
        lambda database, _: ProfileIndex(database).rebuild(list, list),
        import_users,
    ],
    ids=["create", "save_tables", "DatabasePublisher", "Index", "import_file"],
)
def test_writers_migrate_first(old: Database, old_url: str, write: Callable[..., object], tmp_path: Path) -> None:
    write(old, tmp_path)
    assert stored_version(old_url) == migrations.VERSION
    assert keys(old)[PUBLISHED] == PUBLISHED_KEY


def test_init_and_import_commands_migrate(old_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "users.csv").write_text("user_id,prefecture_code\n3,13\n")
    done = CliRunner().invoke(app, ["import", "users", "users.csv", "--db", str(old_file)])
    assert done.exit_code == 0, done.output
    assert stored_version(f"sqlite:///{old_file}") == migrations.VERSION
    old_file.unlink()
    write_version_1(f"sqlite:///{old_file}")
    done = CliRunner().invoke(app, ["init", "--empty", "--replace", "--db", str(old_file)])
    assert done.exit_code == 0, done.output
    assert stored_version(f"sqlite:///{old_file}") == migrations.VERSION


def test_failed_import_of_another_program_database_adds_no_table(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE customers (id INTEGER)")
    with Database.open(tmp_path / "other.db") as database:
        with raises_with(DatabaseError, reason="missing table"):
            import_users(database, tmp_path)
        assert sa.inspect(database.engine).get_table_names() == ["customers"]


def test_migration_in_a_session_is_committed_by_the_caller(old: Database, old_url: str) -> None:
    with Session(old.engine) as session:
        inside = Database.open(session)
        assert inside.schema_version() == 1
        inside.migrate()
        assert inside.schema_version() == migrations.VERSION
        session.rollback()
    assert stored_version(old_url) == 1
    with Session(old.engine) as session:
        Database.open(session).migrate()
        session.commit()
    assert stored_version(old_url) == migrations.VERSION


def test_inserted_run_has_its_key_and_is_found(old: Database) -> None:
    old.migrate()
    settings = json.dumps({"key": "k", "shards": {}})
    row = {"run_id": "new", "status": "writing", "model": "m", "settings": settings, "created_at": 0, "run_key": "k"}
    with old.begin() as connection:
        connection.execute(sa.insert(runs), row)
    assert [run.run_id for run in find_runs(old, "k")] == ["new"]


# Crashes and concurrent processes


def test_killed_migration_leaves_version_1(old_url: str) -> None:
    with Database.open(old_url) as database:
        before = structure(database)
    process, pipe = start(old_url, fault="schema migrated")
    pipe.send("go")
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with Database.open(old_url) as database:
        assert structure(database) == before
        assert database.schema_version() == 1
        assert [run.run_id for run in find_runs(database, PUBLISHED_KEY)] == [PUBLISHED]
        database.migrate()
        assert keys(database)[PUBLISHED] == PUBLISHED_KEY
    assert stored_version(old_url) == migrations.VERSION


def test_processes_that_migrate_at_once_all_succeed(old_url: str) -> None:
    started = [start(old_url, method) for method in ("migrate", "create", "migrate", "create")]
    assert start_together(started) == [migrations.VERSION] * 4
    with Database.open(old_url) as database:
        with database.connect() as connection:
            versions = connection.execute(sa.select(migrations.schema_version.c.version)).scalars().all()
        assert versions == list(range(2, migrations.VERSION + 1))
        assert keys(database)[PUBLISHED] == PUBLISHED_KEY


def test_processes_that_create_at_once_all_succeed(database_url: str) -> None:
    assert start_together([start(database_url, "create") for _ in range(3)]) == [migrations.VERSION] * 3
    with Database.open(database_url) as database:
        database.require_tables()


def test_migration_waits_for_a_running_migration(old: Database, old_url: str) -> None:
    """The second process reads version 1, waits for the lock, and then finds nothing to do."""
    with old.begin() as connection:
        migrations.migrate(connection, old.display)
        process, pipe = start(old_url)
        pipe.send("go")
        assert not pipe.poll(1)
    assert pipe.recv() == migrations.VERSION
    process.join(60)
    assert process.exitcode == 0


# Newer versions


def set_version(url: str, version: int) -> None:
    with Database.open(url) as database:
        database.create()
        with database.begin() as connection:
            row = {"version": version, "description": "of the future", "applied_at": 0}
            connection.execute(sa.insert(migrations.schema_version), row)


@pytest.mark.parametrize(
    "use",
    [load_users, find_runs, Database.create, Database.migrate, Database.is_empty, Database.schema_version],
    ids=lambda function: function.__name__,
)
def test_newer_version_raises(database_url: str, use: Callable[..., object]) -> None:
    set_version(database_url, 99)
    with Database.open(database_url) as database:
        before = structure(database)
        for _ in range(2):
            with raises_with(DatabaseError, reason="newer schema") as said:
                use(database, *(["k"] if use is find_runs else []))
        assert database.display in str(said.value)
        assert structure(database) == before


def test_newer_version_found_under_the_lock_raises(old: Database, old_url: str) -> None:
    """A newer program migrated after this process has read the version."""
    assert old.schema_version() == 1
    set_version(old_url, 99)
    with raises_with(DatabaseError, reason="newer schema"):
        old.migrate()


def test_commands_report_a_newer_version_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    set_version(f"sqlite:///{tmp_path / 'new.db'}", 7)
    (tmp_path / "users.csv").write_text("user_id\n3\n")
    for words in (["run"], ["runs", "list"], ["init", "--replace"], ["import", "users", "users.csv"]):
        done = CliRunner().invoke(app, [*words, "--db", "new.db"])
        assert done.exit_code == 1, done.output
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert "schema version 7" in line
        assert f"versions up to {migrations.VERSION}" in line
        assert "Traceback" not in done.output


async def test_newer_version_behind_an_async_engine_raises() -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine("sqlite+aiosqlite://")
    database = Database.open(engine)
    await database.run(database.create)
    async with engine.begin() as connection:
        row = {"version": 99, "description": "of the future", "applied_at": 0}
        await connection.execute(sa.insert(migrations.schema_version), row)
    again = Database.open(engine)
    with raises_with(DatabaseError, reason="newer schema"):
        await again.run(load_users, again)
    await engine.dispose()


def test_postgres_user_needs_rights_on_the_tables_it_reads(postgres_url: str) -> None:
    write_version_1(postgres_url)
    with Database.open(postgres_url) as owner:
        owner.migrate()
        role = f"reader_{owner.engine.url.database}"
        with owner.begin() as connection:
            connection.execute(sa.text(f"CREATE ROLE {role} LOGIN"))
            connection.execute(sa.text(f"GRANT SELECT ON users, runs TO {role}"))
    try:
        url = sa.make_url(postgres_url).set(username=role).render_as_string(hide_password=False)
        with Database.open(url) as reader, raises_with(DatabaseError, reason="permission", match="own_columns"):
            load_users(reader)  # without the declarations, own columns would be missing silently
        with Database.open(postgres_url) as owner, owner.begin() as connection:
            connection.execute(sa.text(f"GRANT SELECT ON own_columns, board_settings TO {role}"))
        with Database.open(url) as reader:
            assert load_users(reader)["user_id"].tolist() == [1, 2]
            assert [run.run_id for run in find_runs(reader, PUBLISHED_KEY)] == [PUBLISHED]
            with raises_with(DatabaseError, reason="permission"):
                read_results(reader)
    finally:
        with Database.open(postgres_url) as owner, owner.begin() as connection:
            connection.execute(sa.text(f"DROP OWNED BY {role}"))
            connection.execute(sa.text(f"DROP ROLE {role}"))
