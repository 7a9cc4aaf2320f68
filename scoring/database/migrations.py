"""Versions of the schema, and the migrations from one to the next.

A database records each migration as a row of `scoring_schema_version`; the largest number is its version. A database
without that table was written by scoring 0.1.0 and has version 1.

- Reading migrates nothing. Version 1 is read as it is, from read-only files too.
- Commands that write (`scoring init`, `import`, `run --db`, the registry's index) migrate first.
- All pending migrations run in one transaction, so that a killed process leaves the old version. Of two processes that
  migrate at once, the second waits for the first and then finds nothing to do.
- A version that this code does not know is an error for readers and writers.

To change the schema, change `scoring.database.schema`, give a new column its version as `info`, and add a migration.
A migration states its SQL as text, because `schema` describes only the newest version. It must do nothing where its
change has been made or its table does not exist.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text, insert, inspect, text

from scoring.database.dbapi import wrapped_errors
from scoring.database.query_tracing import count_driver_call
from scoring.errors import DatabaseError
from scoring.telemetry import faults

__all__ = ["MIGRATIONS", "VERSION", "Migration", "migrate", "require_known", "run_key_of", "stored_version"]

FIRST: Final = 1
"""Version of a database that has no version table."""

schema_version: Final = Table(
    "scoring_schema_version",  # with a prefix: other programs may keep the version of their tables in the same database
    MetaData(),  # not among the tables that readers require
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("description", Text, nullable=False),
    Column("applied_at", BigInteger, nullable=False),  # microseconds
)

SELECT_VERSION: Final = "SELECT max(version) FROM scoring_schema_version"

IS_READABLE: Final = {
    "sqlite": "SELECT true FROM sqlite_master WHERE type = 'table' AND name = 'scoring_schema_version'",
    # not to_regclass(): a transaction that has looked in vain does not see that another one has made the table
    "postgresql": """
        SELECT has_table_privilege(oid, 'SELECT') FROM pg_catalog.pg_class
        WHERE relname = 'scoring_schema_version' AND pg_catalog.pg_table_is_visible(oid)
    """,
}
"""Whether the version table can be read; no row if it does not exist."""

LOCK: Final = int.from_bytes(b"scoring\0")
"""Number of PostgreSQL's advisory lock that a migration holds."""


@dataclass(frozen=True)
class Migration:
    """The change of the schema from version `number - 1` to version `number`."""

    number: int
    description: str
    apply: Callable[[Connection], None]


def run_key_of(settings: str) -> str | None:
    """Return the key of a run from its settings (JSON); None if they cannot be read or contain no key."""
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
    keys = [{"run_id": row.run_id, "run_key": run_key_of(row.settings)} for row in rows]
    if keys:
        connection.execute(text("UPDATE runs SET run_key = :run_key WHERE run_id = :run_id"), keys)
    connection.execute(text("CREATE INDEX IF NOT EXISTS runs_by_key ON runs (run_key)"))


MIGRATIONS: Final = (Migration(2, "add the indexed column runs.run_key, filled from the settings", _add_run_key),)
"""In the order in which they are applied."""

VERSION: Final = MIGRATIONS[-1].number
"""Version of `scoring.database.schema`."""


def stored_version(connection: Connection) -> int:
    """Return the version of the database's schema.

    It is read with the driver's own cursor, as part of making a connection: it is no round trip of `Database.traffic`,
    and SQLAlchemy begins no transaction for it.
    """
    cursor: Any = connection.connection.cursor()
    try:
        with count_driver_call(connection), wrapped_errors(connection, SELECT_VERSION):
            cursor.execute(IS_READABLE[connection.dialect.name])
            row = cursor.fetchone()
            if row is None:
                return FIRST
            if not row[0]:  # a PostgreSQL user with rights on other tables only: assume that the database is current
                return VERSION
            cursor.execute(SELECT_VERSION)
            (version,) = cursor.fetchone()
    finally:
        cursor.close()
    return FIRST if version is None else int(version)


def require_known(version: int, display: str) -> None:
    """Raise DatabaseError if the version is newer than this code."""
    if version > VERSION:
        raise DatabaseError(
            f"{display} has schema version {version}, and this version of scoring knows schemas up to version "
            f"{VERSION}: upgrade scoring, or give another database."
        )


def migrate(connection: Connection, display: str) -> None:
    """Apply all pending migrations, within the connection's write transaction.

    Raises
    ------
    DatabaseError: If the database has a newer version. `display` names it.
    """
    version = stored_version(connection)
    if version < VERSION and connection.dialect.name == "postgresql":
        # ends with the transaction; a SQLite transaction that writes holds the lock of its file
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        version = stored_version(connection)
    require_known(version, display)
    for migration in MIGRATIONS:
        if migration.number > version:
            migration.apply(connection)
            schema_version.create(connection, checkfirst=True)
            row = {"version": migration.number, "description": migration.description}
            connection.execute(insert(schema_version), row | {"applied_at": time.time_ns() // 1000})
            faults.point("schema migrated")
