"""Whether a table has changed since somebody looked, for the price of one round trip."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func, select

from scoring.database.database import Database
from scoring.database.schema import DATA_TABLES, data_changes

__all__ = ["ChangeToken", "change_tokens", "change_tokens_async"]


class ChangeToken(NamedTuple):
    """What tells that a table changed, cheaply; an edit of a row in place by other programs it does not tell."""

    rows: int
    newest_id: int | str | None
    newest_time: int | None  # microseconds
    revision: int  # writes by this package


def change_tokens(database: Database) -> dict[str, ChangeToken]:
    """Table → its token; equal tokens: nothing new. One round trip."""
    times = {"jobs": "posted_at", "users": "registered_at", "actions": "occurred_at"}

    def work(connection: Connection) -> dict[str, ChangeToken]:
        pieces: list[ColumnElement[Any]] = []
        for name, table in DATA_TABLES.items():
            key = next(iter(table.primary_key.columns))
            newest = func.max(table.c[times[name]]) if name in times else None
            revision = select(data_changes.c.revision).where(data_changes.c.table_name == name)
            pieces += [
                select(func.count()).select_from(table).scalar_subquery(),
                select(func.max(key)).scalar_subquery(),
                select(newest).scalar_subquery() if newest is not None else cast(None, BigInteger),
                func.coalesce(revision.scalar_subquery(), 0),
            ]
        row = connection.execute(select(*(piece.label(f"c{n}") for n, piece in enumerate(pieces)))).one()
        return {name: ChangeToken(*row[4 * n : 4 * n + 4]) for n, name in enumerate(DATA_TABLES)}

    return database.read(work)


async def change_tokens_async(database: Database) -> dict[str, ChangeToken]:
    """`change_tokens` without holding up the event loop."""
    return await database.run(change_tokens, database)
