"""Change tokens: they differ after most changes of a table, and are read in one round trip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Text, cast, func, literal, literal_column, select

from scoring.database.database import Database
from scoring.database.schema import DATA_TABLES, data_changes
from scoring.database.sqlite_file_identity import get_opened_identity

__all__ = ["ChangeToken", "is_same_database", "read_change_tokens", "read_change_tokens_async"]


class ChangeToken(NamedTuple):
    """State of a table that is cheap to read. It does not change when another program edits rows in place.

    Attributes
    ----------
    origin: Text that differs between a table and another one in its place. SQLite: device and inode of the file.
        PostgreSQL: the start of the server, and the OIDs of the database and the table, because a restored or recreated
        database may have the same rows and revisions.
    """

    rows: int
    newest_id: int | str | None
    newest_time: int | None  # microseconds
    revision: int  # nanoseconds: the last write by this package
    origin: str | None


def read_change_tokens(database: Database) -> dict[str, ChangeToken]:
    """Return table → token, in one round trip. Equal tokens mean that no change was detected."""
    times = {"jobs": "posted_at", "users": "registered_at", "actions": "occurred_at"}

    def query(connection: Connection) -> dict[str, ChangeToken]:
        columns: list[ColumnElement[Any]] = []
        for name, table in DATA_TABLES.items():
            key = next(iter(table.primary_key.columns))
            newest = func.max(table.c[times[name]]) if name in times else None
            revision = select(data_changes.c.revision).where(data_changes.c.table_name == name)
            columns += [
                select(func.count()).select_from(table).scalar_subquery(),
                select(func.max(key)).scalar_subquery(),
                select(newest).scalar_subquery() if newest is not None else cast(None, BigInteger),
                func.coalesce(revision.scalar_subquery(), 0),
                _make_origin(connection, name),
            ]
        row = connection.execute(select(*(column.label(f"c{n}") for n, column in enumerate(columns)))).one()
        width = len(ChangeToken._fields)
        return {name: ChangeToken(*row[width * n : width * (n + 1)]) for n, name in enumerate(DATA_TABLES)}

    return database.read(query)


def is_same_database(before: Mapping[str, ChangeToken], after: Mapping[str, ChangeToken]) -> bool:
    """Return whether tokens are of one database at two times, and not of another one at the same place.

    Another file may have been copied over the same inode: then a revision is lower, or all of them are other ones.
    """
    pairs = [(before[name], after[name]) for name in before]
    return (
        all(old.origin == new.origin and old.revision <= new.revision for old, new in pairs)
        and any(old.revision == new.revision for old, new in pairs)
    )  # fmt: skip


def _make_origin(connection: Connection, name: str) -> ColumnElement[Any]:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import OID

        return func.concat_ws(
            " ",
            func.pg_postmaster_start_time().cast(Text),
            literal_column("(SELECT oid FROM pg_database WHERE datname = current_database())").cast(Text),
            func.to_regclass(name).cast(OID).cast(Text),
        )
    identity = get_opened_identity(connection)
    return literal(None if identity is None else "{} {}".format(*identity), Text)


async def read_change_tokens_async(database: Database) -> dict[str, ChangeToken]:
    """Return `read_change_tokens` without blocking the event loop."""
    return await database.run(read_change_tokens, database)
