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
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, Self, TypeVar

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from scoring.dataset import retry
from scoring.dataset.engines import display, engine_of, is_memory, sqlite_file, sync_url, url_of
from scoring.dataset.tables import METADATA
from scoring.errors import ConfigurationError, DatabaseError

__all__ = ["Database", "start_transaction", "wrapped_errors"]

P = ParamSpec("P")
T = TypeVar("T")
_BOUND: contextvars.ContextVar[dict[Database, Connection]] = contextvars.ContextVar("connections")
"""Database → the connection that `connect` gives it inside `run`, `begin` and `snapshot`."""

Source = Session | AsyncSession | Engine | AsyncEngine | URL | str | os.PathLike[str]


class Database:
    """One database. Make it with `Database.open`; close it, or use it with `with`, when it made its engine.

    Attributes: `engine` (sync), `dialect` ("sqlite" | "postgresql"), `display` (the URL, password masked).
    """

    def __init__(self, engine: Engine, *, session: Session | None = None, owned: bool = False) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self.display = display(engine.url)
        self._session = session
        self._owned = owned
        self._async: AsyncEngine | AsyncSession | None = None  # in-memory SQLite behind an async driver
        self._connected = False
        self._lock = threading.RLock()
        # one connection for all threads: they take turns
        self._single = session is not None or is_memory(engine.url)

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
        if isinstance(db, Session):
            bind = db.get_bind()
            return cls._supported(cls(bind.engine, session=db))
        if isinstance(db, Engine):
            return cls._supported(cls(db))
        if isinstance(db, AsyncEngine | AsyncSession):
            return cls._of_async(db)
        if isinstance(db, str | os.PathLike | URL):
            return cls(engine_of(url_of(db)), owned=True)
        raise ConfigurationError(
            f"A database is a SQLAlchemy Session, AsyncSession, Engine, AsyncEngine or URL, or the path of a SQLite "
            f"file; this is a {type(db).__name__}."
        )

    @classmethod
    def _of_async(cls, db: AsyncEngine | AsyncSession) -> Database:
        engine = db.sync_engine if isinstance(db, AsyncEngine) else db.sync_session.get_bind().engine
        cls._supported(cls(engine))
        if is_memory(engine.url):
            database = cls(engine)
            database._async = db
            return database
        return cls(engine_of(sync_url(engine.url)), owned=True)

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

    def close(self) -> None:
        """Closes the pooled connections of an engine that this object made; a caller's own stays as it is."""
        if self._owned:
            self.engine.dispose()

    # Connections

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection to read with; what was not committed is rolled back, except in a caller's Session.

        Raises DatabaseError when the database cannot be reached, or is a SQLite file that does not exist.
        """
        with self._one_sentence(), self._open() as connection:
            yield connection

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        bound = self._bound
        if bound is not None:
            yield bound
            return
        self._require_file()
        if self._async is not None:
            raise DatabaseError(
                f"{self.display}: SQLite in memory behind an async engine is reached only with "
                "`await database.run(...)`."
            )
        with self._turn():
            if self._session is not None:
                yield self._session.connection()
            else:
                with self.engine.connect() as connection:
                    self._connected = True
                    yield connection

    @property
    def _bound(self) -> Connection | None:
        return _BOUND.get({}).get(self)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection to write with: all or nothing. In a caller's Session a savepoint, not committed."""
        with self.connect() as connection:
            if self._session is not None or connection.in_transaction():
                start_transaction(connection)
                with connection.begin_nested():
                    yield connection
                return
            with connection.begin(), self._binding(connection):
                start_transaction(connection, write=True)
                yield connection

    def read(self, work: Callable[[Connection], T]) -> T:
        """`work(connection)` in one consistent snapshot, done again as a whole when the database goes away.

        Pauses grow; given up within a minute (seconds when it never answered at all). A caller's Session is
        tried once: what it had not committed cannot be brought back.
        """
        once = self._session is not None or self._bound is not None
        return retry.call(lambda: self._read_once(work), once=once, connected=lambda: self._connected, say=self._say)

    def _read_once(self, work: Callable[[Connection], T]) -> T:
        with self._open() as connection:
            self._one_moment(connection)
            return work(connection)

    def _one_moment(self, connection: Connection) -> None:
        """All that the connection reads from here on is of one moment."""
        if self.dialect == "postgresql" and not connection.in_transaction():
            connection.execution_options(isolation_level="REPEATABLE READ")
        start_transaction(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Everything read inside sees one moment of the database: `connect` and `read` give this connection."""
        with self.connect() as connection:
            self._one_moment(connection)
            with self._binding(connection):
                yield connection

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`function(*args)`, blocking database work, without holding up the event loop: in a worker thread.

        SQLite in memory is the exception that the module's docstring explains.
        """
        if self._async is not None:
            return await self._run_inside(lambda: function(*args, **kwargs))
        if not self._owned and is_memory(self.engine.url):
            return function(*args, **kwargs)  # in another thread there is no such connection, or an empty database
        return await asyncio.to_thread(function, *args, **kwargs)

    async def _run_inside(self, work: Callable[[], T]) -> T:
        def on(connection: Connection) -> T:
            with self._binding(connection):
                return work()

        if isinstance(self._async, AsyncSession):
            return await self._async.run_sync(lambda session: on(session.connection()))
        assert self._async is not None
        async with self._async.connect() as connection:
            result = await connection.run_sync(on)
            await connection.commit()
            return result

    # What is there

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

    # Inside

    def _require_file(self) -> None:
        path = sqlite_file(self.engine.url)
        if path is not None and not path.exists():
            where = "" if path.parent.is_dir() else f" (nor does the folder {path.parent})"
            raise DatabaseError(f"The SQLite file {path} does not exist{where}. Make one with `scoring init`.")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._single:
            yield
            return
        with self._lock:
            yield

    @contextmanager
    def _binding(self, connection: Connection) -> Iterator[None]:
        token = _BOUND.set({**_BOUND.get({}), self: connection})
        try:
            yield
        finally:
            _BOUND.reset(token)

    @contextmanager
    def _one_sentence(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise DatabaseError(self._say(error)) from None

    def _say(self, error: BaseException) -> str:
        return retry.sentence(error, self.engine.url, self.display)


def start_transaction(connection: Connection, *, write: bool = False) -> None:
    """Begins a SQLite transaction that reads count in, too: Python's driver begins one only at the first write.

    Through the raw cursor: it is no round trip, and a caller's engine keeps its own transaction handling. A write
    takes its lock at once, because a read that turns into a write can find the database changed under it.
    """
    if connection.dialect.name != "sqlite":
        return
    raw = connection.connection
    if getattr(raw.driver_connection, "in_transaction", False):
        return
    cursor: Any = raw.cursor()
    statement = "BEGIN IMMEDIATE" if write else "BEGIN"
    try:
        with wrapped_errors(connection, statement):
            cursor.execute(statement)
    finally:
        cursor.close()


@contextmanager
def wrapped_errors(connection: Connection, statement: str) -> Iterator[None]:
    """What a driver's own cursor raises, as SQLAlchemy's error: to be tried again, and said in a sentence."""
    dbapi: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except dbapi.Error as error:
        raise DBAPIError.instance(statement, None, error, dbapi.Error, dialect=connection.dialect) from None
