"""Change tokens: they differ after most changes of a table, and are read in one round trip."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func, select

from scoring.database.database import Database
from scoring.database.schema import DATA_TABLES, data_changes

__all__ = ["ChangeToken", "read_change_tokens", "read_change_tokens_async"]


class ChangeToken(NamedTuple):
    """State of a table that is cheap to read. It does not change when another program edits rows in place."""

    rows: int
    newest_id: int | str | None
    newest_time: int | None  # microseconds
    revision: int  # writes by this package


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
            ]
        row = connection.execute(select(*(column.label(f"c{n}") for n, column in enumerate(columns)))).one()
        return {name: ChangeToken(*row[4 * n : 4 * n + 4]) for n, name in enumerate(DATA_TABLES)}

    return database.read(query)


async def read_change_tokens_async(database: Database) -> dict[str, ChangeToken]:
    """Return `read_change_tokens` without blocking the event loop."""
    return await database.run(read_change_tokens, database)
