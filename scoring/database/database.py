"""Reach a database: from a URL, a path, or what a caller already has; sync in any thread, async without blocking.

`Database.open` takes a SQLAlchemy Session, AsyncSession, Engine, AsyncEngine, URL or URL text, or the path of a
SQLite file.

- A **Session**'s own connection is used, so its uncommitted work is seen; nothing is committed for it.
- An **AsyncEngine** or **AsyncSession** is reached by a sync engine of the same URL (`sqlite`, `psycopg`), so
  that turning rows into frames happens in a worker thread and never on the event loop. That is another
  connection: an AsyncSession's uncommitted work is not seen, and credentials must be in the URL.
- **SQLite in memory** exists only in the connection that made it. Under an async engine or session it is
  reached through that connection itself (`await database.run(...)` only), and under a caller's
  sync engine in the caller's thread: there, work does hold up the event loop. It is meant for tests.

Nothing is waited for without an end, on engines that are made here (a caller's own keeps its settings):

| waiting for                                      | at most | then
|--------------------------------------------------|---------|-----------------------------------------------
| a PostgreSQL server to take a connection         | 10 s    | tried again
| a byte from it, while it is not at work for us   | 15 s    | tried again; see `scoring.database.watchdog`
| a lock of somebody else there (`lock_timeout`)   | 10 s    | tried again
| one statement (`statement_timeout`)              | 10 min  | an error
| a free connection of this process's 15           | 30 s    | tried again
| whoever writes to a SQLite file                  | 5 s     | tried again
| all attempts at a read or a write of a run       | 30 s    | one `DatabaseError`, within a minute in all
| those at a database that never answered          | 3 s     | one `DatabaseError`

A URL sets others: `?connect_timeout=5&options=-c statement_timeout=1h`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Self, Union

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import URL

from scoring.database.connections import Connections
from scoring.database.engines import engine_of, is_memory, sqlite_file, sync_url, url_of
from scoring.database.schema import METADATA
from scoring.errors import ConfigurationError, DatabaseError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
    from sqlalchemy.orm import Session
    from typing_extensions import TypeIs

__all__ = ["Database"]

Source = Union["Session", "AsyncSession", Engine, "AsyncEngine", URL, str, os.PathLike[str]]


class Database(Connections):
    """One database: a way to its connections, and what it holds.

    Make it with `Database.open`; close it, or use it with `with`, when it made its engine. Attributes: `engine`
    (sync), `dialect` ("sqlite" | "postgresql"), `display` (the URL, password masked), `traffic` (round trips and
    seconds of all that went over its connections; see `scoring.database.traffic`).
    """

    @classmethod
    def open(cls, db: Source | Database) -> Database:
        """The database of anything that names one.

        Raises
        ------
        ConfigurationError: not something that names a database.
        DatabaseError: a URL that cannot be read, or a kind of database that is not supported.
        MissingPartError: the driver is not installed.
        """
        if isinstance(db, Database):
            return db
        if _is_session(db):
            bind = db.get_bind()
            return cls._supported(cls(bind.engine, session=db))
        if isinstance(db, Engine):
            return cls._supported(cls(db))
        if _is_async_engine(db) or _is_async_session(db):
            return cls._of_async(db)
        if isinstance(db, str | os.PathLike | URL):
            url = url_of(db)
            return cls(engine_of(url), owned=True, url=url)
        raise ConfigurationError(
            f"A database is a SQLAlchemy Session, AsyncSession, Engine, AsyncEngine or URL, or the path of a SQLite "
            f"file; this is a {type(db).__name__}."
        )

    @classmethod
    def _of_async(cls, db: AsyncEngine | AsyncSession) -> Database:
        engine = db.sync_engine if _is_async_engine(db) else db.sync_session.get_bind().engine
        cls._supported(cls(engine))
        if is_memory(engine.url):
            database = cls(engine)
            database._async = db
            return database
        url = sync_url(engine.url)
        return cls(engine_of(url), owned=True, url=url)

    @staticmethod
    def _supported(database: Database) -> Database:
        if database.dialect not in ("sqlite", "postgresql"):
            raise DatabaseError(f"{database.display}: only SQLite and PostgreSQL are supported.")
        return database

    def __repr__(self) -> str:
        return f"Database({self.display})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(self) -> None:
        """Makes the tables that are not there yet (and the SQLite file). Existing ones are left alone."""
        path = sqlite_file(self.engine.url)
        if path is not None and not path.parent.is_dir():
            raise DatabaseError(f"{self.display}: the folder {path.parent} does not exist. Make it first.")
        if path is not None and not path.exists():
            path.touch()
        with self.begin() as connection:
            METADATA.create_all(connection)

    def require_tables(self, *names: str) -> None:
        """Raises DatabaseError when tables, or columns of theirs, are missing (all of the data tables by default)."""
        wanted = names or tuple(METADATA.tables)

        def look(connection: Connection) -> tuple[list[str], list[str]]:
            look_at = inspect(connection)
            there = set(look_at.get_table_names())
            columns = []
            for name in wanted:
                if name in there:
                    found = {column["name"] for column in look_at.get_columns(name)}
                    columns += [f"{name}.{c.name}" for c in METADATA.tables[name].columns if c.name not in found]
            return [name for name in wanted if name not in there], columns

        tables, columns = self.read(look)
        if tables or columns:
            missing = f"the table {tables[0]}" if tables else f"the column {columns[0]}"
            more = f" and {len(tables + columns) - 1} more" if len(tables + columns) > 1 else ""
            raise DatabaseError(f"{self.display} lacks {missing}{more}. Make a database with `scoring init`.")

    def is_empty(self) -> bool:
        """True when there are no users or no jobs: nothing to score."""

        def look(connection: Connection) -> bool:
            return any(
                connection.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first() is None  # noqa: S608 - our names
                for name in ("users", "jobs")
            )

        self.require_tables("users", "jobs")
        return self.read(look)

    def require_data(self) -> None:
        """Raises DatabaseError when there are no users or no jobs."""
        if self.is_empty():
            raise DatabaseError(
                f"{self.display} holds no users or no jobs. Bring some with `scoring import`, or make a market "
                f"with `scoring init`."
            )


def _is_session(db: object) -> TypeIs[Session]:
    return _is_a("sqlalchemy.orm", "Session", db)


def _is_async_engine(db: object) -> TypeIs[AsyncEngine]:
    return _is_a("sqlalchemy.ext.asyncio", "AsyncEngine", db)


def _is_async_session(db: object) -> TypeIs[AsyncSession]:
    return _is_a("sqlalchemy.ext.asyncio", "AsyncSession", db)


def _is_a(module: str, name: str, db: object) -> bool:
    """`isinstance` of a class that whoever made such an object has imported: importing these here takes 0.1 s."""
    return module in sys.modules and isinstance(db, getattr(sys.modules[module], name))
