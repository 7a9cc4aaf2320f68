"""An index of the profiles in database tables, for SQL queries. It is derived from the files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, inspect, select, update

from scoring.database.database import Database
from scoring.database.migrations import lock_writers, migrate
from scoring.database.schema import profiles, promotions
from scoring.database.sql_filters import to_microseconds
from scoring.errors import DatabaseError
from scoring.registry.metadata import ProfileMetadata
from scoring.registry.promotions import Promotion

__all__ = ["ProfileIndex"]


class ProfileIndex:
    """The tables `profiles` and `promotions` of a database. The first write creates them.

    `rebuild` and `set_promotions` read their content inside the transaction. Of two concurrent calls the later one
    writes the complete content.

    Raises
    ------
    DatabaseError: If the database cannot be written.
    """

    def __init__(self, source: Any) -> None:
        """`source` is an argument of `Database.open`."""
        self._source = source

    def rebuild(
        self, versions: Callable[[], Sequence[ProfileMetadata]], entries: Callable[[], Sequence[Promotion]]
    ) -> int:
        """Replace all rows in one transaction, and return the number of versions."""
        with self._writing() as connection:
            rows = [_make_row(metadata) for metadata in versions()]
            connection.execute(delete(profiles))
            if rows:
                connection.execute(insert(profiles), rows)
            _set_promotions(connection, entries())
        return len(rows)

    def add(self, metadata: ProfileMetadata) -> None:
        """Add a version, or replace its row."""
        with self._writing() as connection:
            is_row = (profiles.c.name == metadata.name) & (profiles.c.version == metadata.version)
            connection.execute(delete(profiles).where(is_row))
            connection.execute(insert(profiles), [_make_row(metadata)])

    def set_promotions(self, entries: Callable[[], Sequence[Promotion]]) -> None:
        """Replace the promotions with the current entries of the journal."""
        with self._writing() as connection:
            _set_promotions(connection, entries())

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        database = Database.open(self._source)
        try:
            with database.begin() as connection:
                migrate(connection, database.display)
                lock_writers(connection)
                for table in (profiles, promotions):
                    _create_table(connection, table, database.display)
                yield connection
        finally:
            if database is not self._source:
                database.close()


def _create_table(connection: Connection, table: Table, display: str) -> None:
    """Create a table if it does not exist. An empty table with other columns is replaced."""
    inspector = inspect(connection)
    if inspector.has_table(table.name):
        if {column["name"] for column in inspector.get_columns(table.name)} == set(table.columns.keys()):
            return
        if connection.execute(select(func.count()).select_from(table)).scalar_one():
            raise DatabaseError(
                f"{display}: the table {table.name} contains rows and does not have the columns of the profile index. "
                "Rename the table, or use another database.",
                reason="not supported",
            )
        table.drop(connection)
    table.create(connection)


def _set_promotions(connection: Connection, entries: Sequence[Promotion]) -> None:
    connection.execute(delete(promotions))
    connection.execute(update(profiles).values(promoted_at=None))
    rows = [
        entry.model_dump(include=set(Promotion.model_fields)) | {"number": number, "at": to_microseconds(entry.at)}
        for number, entry in enumerate(entries, 1)
    ]
    if rows:
        connection.execute(insert(promotions), rows)
    last = {(entry.name, entry.version): to_microseconds(entry.at) for entry in entries}
    for (name, version), at in last.items():
        is_row = (profiles.c.name == name) & (profiles.c.version == version)
        connection.execute(update(profiles).where(is_row).values(promoted_at=at))


def _make_row(metadata: ProfileMetadata) -> dict[str, Any]:
    found_on, parent = metadata.found_on, metadata.parent
    content = metadata.model_dump(mode="json", exclude_none=True)
    return {
        "name": metadata.name,
        "version": metadata.version,
        "digest": metadata.digest,
        "model": metadata.model,
        "parent": None if parent is None else str(parent),
        "parent_digest": None if parent is None else parent.digest,
        "data_fingerprint": None if found_on is None else found_on.fingerprint,
        "as_of": None if found_on is None else to_microseconds(found_on.as_of),
        "code_version": metadata.code_version,
        "metrics": json.dumps(content.get("metrics", {}), ensure_ascii=False),
        "author": metadata.author,
        "note": metadata.note,
        "saved_at": to_microseconds(metadata.saved_at),
    }
