"""Versions of the schema, and the migrations from one to the next.

A database records each migration as a row of `scoring_schema_version`; the largest number is its version. A database
without that table was written by scoring 0.1.0 and has version 1.

- Reading does not migrate. Version 1 can be read without changes, also from read-only files.
- Commands that write (`scoring init`, `import`, `run --db`, the registry's index) migrate first.
- All pending migrations run in one transaction, so a killed process leaves the old version. If two processes migrate
  at once, the second waits for the first and then has nothing to migrate.
- An unknown newer version is an error for readers and writers.

To change the schema, change `scoring.database.schema`, give a new column its version as `info`, and add a migration.
A migration contains its SQL as text, because `schema` describes only the newest version. It must do nothing if its
change has already been made or its table does not exist.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text, insert, inspect, text

from scoring.database.driver_transactions import wrap_driver_errors
from scoring.database.query_counter import count_driver_call
from scoring.errors import DatabaseError
from scoring.telemetry import fault_injection

__all__ = [
    "MIGRATIONS",
    "VERSION",
    "Migration",
    "has_table",
    "lock_writers",
    "migrate",
    "parse_run_key",
    "read_version",
    "require_known",
]

FIRST_VERSION: Final = 1
"""Version of a database without a version table."""

schema_version: Final = Table(
    "scoring_schema_version",  # prefixed, because other programs may have a version table in the same database
    MetaData(),  # separate, so that readers do not require this table
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("description", Text, nullable=False),
    Column("applied_at", BigInteger, nullable=False),  # microseconds
)

SELECT_VERSION: Final = "SELECT max(version) FROM scoring_schema_version"

IN_MYSQL: Final = """
    SELECT true FROM information_schema.tables
    WHERE table_schema = database() AND table_name = '{table}'
"""
IS_READABLE: Final = {
    "sqlite": "SELECT true FROM sqlite_master WHERE type = 'table' AND name = '{table}'",
    # not to_regclass(): after one failed lookup, a transaction does not see that another one has created the table
    "postgresql": """
        SELECT has_table_privilege(oid, 'SELECT') FROM pg_catalog.pg_class
        WHERE relname = '{table}' AND pg_catalog.pg_table_is_visible(oid)
    """,
    "mysql": IN_MYSQL,
    "mariadb": IN_MYSQL,
}
"""Queries for whether a table can be read; no row if it does not exist."""

LOCK: Final = int.from_bytes(b"scoring\0")
"""Key of the PostgreSQL advisory lock of `lock_writers`."""


@dataclass(frozen=True)
class Migration:
    """The change of the schema from version `number - 1` to version `number`."""

    number: int
    description: str
    apply: Callable[[Connection], None]


def parse_run_key(settings: str) -> str | None:
    """Return the key of a run from its settings (JSON); None if they cannot be parsed or do not contain a key."""
    try:
        key = json.loads(settings)["key"]
    except (ValueError, LookupError, TypeError):
        return None
    return key if isinstance(key, str) else None


def _add_run_key(connection: Connection) -> None:
    tables = inspect(connection)
    if not tables.has_table("runs"):
        return
    if "run_key" not in {column["name"] for column in tables.get_columns("runs")}:
        connection.execute(text("ALTER TABLE runs ADD COLUMN run_key TEXT"))
    rows = connection.execute(text("SELECT run_id, settings FROM runs WHERE run_key IS NULL")).all()
    keys = [{"run_id": row.run_id, "run_key": parse_run_key(row.settings)} for row in rows]
    if keys:
        connection.execute(text("UPDATE runs SET run_key = :run_key WHERE run_id = :run_id"), keys)
    connection.execute(text("CREATE INDEX IF NOT EXISTS runs_by_key ON runs (run_key)"))


def _add_promoted(connection: Connection) -> None:
    if not inspect(connection).has_table("runs"):
        return
    connection.execute(
        text("""
            CREATE TABLE IF NOT EXISTS promoted (
                number INTEGER NOT NULL,
                at BIGINT NOT NULL,
                action TEXT NOT NULL,
                name TEXT NOT NULL,
                version INTEGER NOT NULL,
                digest TEXT NOT NULL,
                note TEXT NOT NULL,
                model TEXT NOT NULL,
                evidence TEXT,
                requested_by TEXT,
                approved_by TEXT,
                PRIMARY KEY (number),
                CONSTRAINT promoted_action CHECK (action IN ('promote', 'rollback'))
            )
        """)
    )


def _add_external_ids(connection: Connection) -> None:
    tables = inspect(connection)
    if not tables.has_table("results"):
        return
    existing = {column["name"] for column in tables.get_columns("results")}
    if "user_external_id" not in existing:
        connection.execute(text("ALTER TABLE results ADD COLUMN user_external_id TEXT"))
    if "job_external_id" not in existing:
        connection.execute(text("ALTER TABLE results ADD COLUMN job_external_id TEXT"))


def _add_own_columns(connection: Connection) -> None:
    if not inspect(connection).has_table("runs"):
        return
    connection.execute(
        text("""
            CREATE TABLE IF NOT EXISTS own_columns (
                table_name TEXT NOT NULL,
                name TEXT NOT NULL,
                type TEXT NOT NULL,
                show BOOLEAN NOT NULL,
                PRIMARY KEY (table_name, name)
            )
        """)
    )
    connection.execute(
        text("CREATE TABLE IF NOT EXISTS board_settings (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name))")
    )


MIGRATIONS: Final = (
    Migration(2, "add the indexed column runs.run_key, filled from the settings", _add_run_key),
    Migration(3, "add the table promoted", _add_promoted),
    Migration(4, "add the columns results.user_external_id and results.job_external_id", _add_external_ids),
    Migration(5, "add the tables own_columns and board_settings", _add_own_columns),
)
"""All migrations, in order of application."""

VERSION: Final = MIGRATIONS[-1].number
"""Version of `scoring.database.schema`."""


def read_version(connection: Connection) -> int:
    """Return the version of the database's schema.

    It is read with a raw cursor, as part of making a connection. `Database.traffic` does not count it as a round trip,
    and SQLAlchemy does not begin a transaction for it.
    """
    cursor: Any = connection.connection.cursor()
    try:
        with count_driver_call(connection), wrap_driver_errors(connection, SELECT_VERSION):
            cursor.execute(IS_READABLE[connection.dialect.name].format(table=schema_version.name))
            row = cursor.fetchone()
            if row is None:
                return FIRST_VERSION
            if not row[0]:  # this PostgreSQL user may not read the table: assume the newest version
                return VERSION
            cursor.execute(SELECT_VERSION)
            (version,) = cursor.fetchone()
    finally:
        cursor.close()
    return FIRST_VERSION if version is None else int(version)


def has_table(connection: Connection, table: Table) -> bool:
    """Return whether a table of the package exists, also if this user may not read it. Not counted as a round trip."""
    query = IS_READABLE[connection.dialect.name].format(table=table.name)
    cursor: Any = connection.connection.cursor()
    try:
        with count_driver_call(connection), wrap_driver_errors(connection, query):
            cursor.execute(query)
            row = cursor.fetchone()
    finally:
        cursor.close()
    return row is not None


def require_known(version: int, display: str) -> None:
    """Raise DatabaseError if this code does not know the version."""
    if version > VERSION:
        raise DatabaseError(
            f"{display} has schema version {version}, but this version of scoring supports only versions up to "
            f"{VERSION}. Upgrade scoring, or use another database.",
            reason="newer schema",
        )


def lock_writers(connection: Connection) -> None:
    """Wait for other transactions that have called this function. The lock ends with the transaction.

    On SQLite, the write transaction holds the lock of the file.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def migrate(connection: Connection, display: str) -> None:
    """Apply all pending migrations, within the connection's write transaction.

    Raises
    ------
    DatabaseError: If the database has a newer version. The message contains `display`.
    """
    version = read_version(connection)
    if version < VERSION:
        lock_writers(connection)
        version = read_version(connection)
    require_known(version, display)
    for migration in MIGRATIONS:
        if migration.number > version:
            migration.apply(connection)
            schema_version.create(connection, checkfirst=True)
            row = {"version": migration.number, "description": migration.description}
            connection.execute(insert(schema_version), row | {"applied_at": time.time_ns() // 1000})
            fault_injection.reach("schema migrated")
