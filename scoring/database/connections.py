"""Connections to read and to write with: in any thread, in a caller's Session, or behind an async driver."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL

from scoring.database import retry
from scoring.database.dbapi import start_transaction
from scoring.database.engines import display, is_memory, secrets, sqlite_file
from scoring.database.traffic import counted
from scoring.errors import DatabaseError
from scoring.telemetry import Traffic

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
    from sqlalchemy.orm import Session

__all__ = ["Connections"]

P = ParamSpec("P")
T = TypeVar("T")
_BOUND: contextvars.ContextVar[dict[Connections, Connection]] = contextvars.ContextVar("connections")
"""Database → the connection that `connect` gives it inside `run`, `begin` and `snapshot`."""


class Connections:
    """The connections of one database, whatever kind of engine or session they come from. See `Database`."""

    def __init__(
        self, engine: Engine, *, session: Session | None = None, owned: bool = False, url: URL | None = None
    ) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self.display = display(url or engine.url)
        self._secrets = secrets(url or engine.url)
        self.traffic = Traffic()
        self._session = session
        self._owned = owned
        self._async: AsyncEngine | AsyncSession | None = None  # where SQLite in memory is behind an async driver
        self._connected = False
        self._lock = threading.RLock()
        # one connection for all threads: they take turns
        self._single = session is not None or is_memory(engine.url)

    def close(self) -> None:
        """Closes the pooled connections of an engine that this object made; a caller's own stays as it is."""
        if self._owned:
            self.engine.dispose()

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection to read with; what was not committed is rolled back, except in a caller's Session.

        Raises DatabaseError when the database cannot be reached, or is a SQLite file that does not exist.
        """
        with self.one_sentence(), self._open() as connection:
            yield connection

    def one_sentence(self) -> retry.OneSentence:
        """What SQLAlchemy raises inside becomes a DatabaseError that names this database, and holds no secret."""
        return retry.OneSentence(self._say)

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
                connection = self._session.connection()
                with counted(connection, self.traffic):
                    yield connection
            else:
                with self.engine.connect() as connection, counted(connection, self.traffic):
                    self._connected = True
                    yield connection

    @property
    def _bound(self) -> Connection | None:
        return _BOUND.get({}).get(self)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection to write with: all or nothing. In a caller's Session a savepoint, not committed."""
        with self.connect() as connection, self._written(connection):
            yield connection

    @contextmanager
    def _written(self, connection: Connection) -> Iterator[None]:
        if self._session is not None or connection.in_transaction():
            start_transaction(connection)
            with connection.begin_nested():
                yield
            return
        with connection.begin(), self._binding(connection):
            start_transaction(connection, write=True)
            yield

    def write(self, work: Callable[[Connection], T]) -> T:
        """`work(connection)` in one transaction, done again as a whole when the database goes away; see `read`.

        It must bear that: when the answer to a commit is lost, the work may stand there already.
        """
        return self.persist(lambda: self._write_once(work))

    def persist(self, work: Callable[[], T]) -> T:
        """`work()`, which opens its connection itself, done again as `read` does. Raises DatabaseError."""
        if self._bound is not None:  # whoever holds the connection does it all again, and says it
            return work()
        return retry.call(work, once=self._session is not None, connected=self._was_reached, say=self._say)

    def _write_once(self, work: Callable[[Connection], T]) -> T:
        with self._open() as connection, self._written(connection):
            return work(connection)

    def read(self, work: Callable[[Connection], T]) -> T:
        """`work(connection)` in one consistent snapshot, done again as a whole when the database goes away.

        Pauses grow; given up within a minute (seconds when it never answered at all). A caller's Session is
        tried once: what it had not committed cannot be brought back.
        """
        return self.persist(lambda: self._read_once(work))

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
        from sqlalchemy.ext.asyncio import AsyncSession

        def on(connection: Connection) -> T:
            with self.one_sentence(), self._binding(connection), counted(connection, self.traffic):
                return work()

        if isinstance(self._async, AsyncSession):
            return await self._async.run_sync(lambda session: on(session.connection()))
        assert self._async is not None
        async with self._async.connect() as connection:
            result = await connection.run_sync(on)
            await connection.commit()
            return result

    # Inside

    def _was_reached(self) -> bool:
        return self._connected

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

    def _say(self, error: BaseException) -> str:
        return retry.sentence(error, self._secrets, self.display)
