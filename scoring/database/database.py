"""One database, opened from a URL, a path, or a caller's engine or session.

Sync methods work in any thread. `Database.run` does not block the event loop.

`Database.open` takes a SQLAlchemy Session, AsyncSession, Engine, AsyncEngine, URL or URL text, or the path of a
SQLite file.

- A **Session** is used with its own connection, so its uncommitted work is visible. Nothing is committed in it.
- An **AsyncEngine** or **AsyncSession** is reached by a sync engine of the same URL (`sqlite`, `psycopg`). Rows become
  frames in a worker thread and never on the event loop. This is another connection: uncommitted work of an
  AsyncSession is not visible, and credentials must be in the URL.
- A **SQLite file** may be exchanged while the `Database` lives: by `mv`, by a link with another target, by deleting and
  copying, or by copying over it. A pooled connection to the old content is closed before its next use, also that of a
  caller's Engine. A Session with a transaction cannot change the file: that is an error until the transaction ends. A
  caller's pool that shares one connection (`StaticPool`) is not changed: dispose of the engine after an exchange.
- **SQLite in memory** exists only in the connection that made it. With an async engine or session, only
  `await database.run(...)` can use it, through that connection. With a caller's sync engine it is used in the
  caller's thread, and blocks the event loop. It is meant for tests.

Every wait has a limit on engines that this module makes; a caller's engine keeps its settings:

| waiting for                                                | at most | then
|------------------------------------------------------------|---------|---------------------------------------------
| a PostgreSQL server to accept a connection                 | 10 s    | retried
| a byte from a server that does not work for this process   | 15 s    | retried; see `silent_server_watchdog`
| a lock of another PostgreSQL transaction (`lock_timeout`)  | 10 s    | retried
| one statement (`statement_timeout`)                        | 10 min  | an error
| a free connection of this process's 15                     | 30 s    | retried
| another writer of a SQLite file                            | 5 s     | retried
| all attempts at one read or write                          | 30 s    | one `DatabaseError`, within a minute in all
| all attempts at a database that never answered             | 3 s     | one `DatabaseError`

A URL can set other limits: `?connect_timeout=5&options=-c statement_timeout=1h`.

The first connection of a `Database` reads the schema version. A newer schema than this code knows is an error. An older
one is read without changes; `create` and `migrate` update it. See `scoring.database.migrations`.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, TypeVar, Union

from sqlalchemy import Column, Connection, Engine, Table, func, inspect, literal, select
from sqlalchemy.engine import URL

from scoring.database import driver_errors, migrations, retry
from scoring.database.driver_transactions import start_common_snapshot, start_transaction
from scoring.database.engines import (
    READ_ONLY,
    SYNC_DRIVERS,
    format_url,
    get_sqlite_file,
    is_memory,
    list_secrets,
    make_engine,
    parse_url,
    to_sync_url,
)
from scoring.database.query_counter import count_statements
from scoring.database.schema import METADATA, SINCE
from scoring.database.sqlite_file_identity import (
    FileIdentity,
    FileState,
    find_file,
    get_opened_identity,
    get_opened_state,
    is_shared,
    record_state,
    watch_connections,
)
from scoring.errors import ConfigurationError, DatabaseError
from scoring.telemetry import Traffic

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
    from sqlalchemy.orm import Session
    from typing_extensions import TypeIs

__all__ = ["Database"]

P = ParamSpec("P")
T = TypeVar("T")
Source = Union["Session", "AsyncSession", Engine, "AsyncEngine", URL, str, os.PathLike[str]]

_MAX_CHECKOUTS: Final = 64
"""Number of old connections that are closed before a read, at most. The pool of a caller may contain several."""

_BOUND: contextvars.ContextVar[dict[Database, Connection]] = contextvars.ContextVar("connections")
"""Database → the connection that `connect` yields inside `run`, `begin` and `snapshot`."""


class Database:
    """One database: its connections and its schema.

    Make it with `Database.open`. If it was opened from a URL or a path, close it or use it in a `with` statement.

    Attributes
    ----------
    engine: the sync engine.
    dialect: "sqlite" or "postgresql"; "mysql" or "mariadb" for reading.
    display: the URL with passwords masked.
    traffic: round trips and seconds of all statements on its connections; see `scoring.database.query_counter`.
    file: the absolute path of a SQLite file; None: another database, or one in memory.

    Example
    -------
    >>> with Database.open(folder / "market.db") as database:
    ...     database.count_rows("users", "jobs")
    (60, 400)
    """

    def __init__(
        self,
        engine: Engine,
        *,
        session: Session | None = None,
        owned: bool = False,
        url: URL | None = None,
        pooled: bool = True,
    ) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self.display = format_url(url or engine.url)
        self._secrets = list_secrets(url or engine.url)
        self.traffic = Traffic()
        self._session = session
        self._owned = owned
        self._async: AsyncEngine | AsyncSession | None = None  # set for SQLite in memory with an async driver
        self._connected = False
        self._version: int | None = None  # of the schema; None: not read yet
        # absolute, because the process may change its folder; its file may be exchanged
        self.file = None if engine.dialect.is_async else find_file(engine)
        self._identity: FileIdentity | None = None  # of the file that the last connection has opened
        self._closes_connections = self.file is not None and not pooled and not is_shared(engine)
        if self.file is not None:
            watch_connections(engine)
        self._lock = threading.RLock()
        self._has_written = False  # in a Session
        # a single connection is shared by all threads, one at a time
        self._single = session is not None or is_memory(engine.url)

    @classmethod
    def open(cls, db: Source | Database, *, pooled: bool = True) -> Database:
        """Return the database of a Session, engine, URL or path.

        Parameters
        ----------
        pooled: False: connections to a SQLite file are closed after each use. While a connection is idle, SQLite keeps
            the write-ahead log beside the file, and would apply it to another file that takes this place.

        Raises
        ------
        ConfigurationError: If `db` has another type.
        DatabaseError: If a URL cannot be read, or the kind of database is not supported.
        MissingDependencyError: If the driver is not installed.
        """
        if isinstance(db, Database):
            return db
        if _is_session(db):
            bind = db.get_bind()
            return cls._supported(cls(bind.engine, session=db, pooled=pooled))
        if isinstance(db, Engine):
            return cls._supported(cls(db, pooled=pooled))
        if _is_async_engine(db) or _is_async_session(db):
            return cls._of_async(db, pooled)
        if isinstance(db, str | os.PathLike | URL):
            url = parse_url(db)
            return cls(make_engine(url, pooled=pooled), owned=True, url=url)
        raise ConfigurationError(
            f"A database must be a SQLAlchemy Session, AsyncSession, Engine, AsyncEngine or URL, or the path of a "
            f"SQLite file, not {type(db).__name__}.",
            key=("db",),
        )

    @classmethod
    def _of_async(cls, db: AsyncEngine | AsyncSession, pooled: bool) -> Database:
        engine = db.sync_engine if _is_async_engine(db) else db.sync_session.get_bind().engine
        cls._supported(cls(engine))
        if is_memory(engine.url):
            database = cls(engine)
            database._async = db
            return database
        url = to_sync_url(engine.url)
        return cls(make_engine(url, pooled=pooled), owned=True, url=url)

    @staticmethod
    def _supported(database: Database) -> Database:
        if database.dialect not in SYNC_DRIVERS:
            raise DatabaseError(
                f"{database.display} is not supported. Use SQLite, PostgreSQL or MySQL.", reason="not supported"
            )
        return database

    def __repr__(self) -> str:
        return f"Database({self.display})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections of an engine that `open` made. A caller's engine is not closed."""
        if self._owned:
            self.engine.dispose()

    def reopen(self) -> None:
        """Make the next connection open the database again, and read the schema version again.

        Connections of an engine that `open` made are closed. Those of a caller's engine are closed before their next
        use if the file of the database was exchanged.
        """
        if self._owned and not is_memory(self.engine.url):
            self.engine.dispose()
        self._version = None

    # Connections

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Yield a connection for reading. Uncommitted work is rolled back, except in a caller's Session.

        Raises
        ------
        DatabaseError: If the database cannot be reached, is a SQLite file that does not exist, or has a newer schema.
        """
        with self.wrap_errors(), self._open() as connection:
            yield connection

    def wrap_errors(self) -> driver_errors.ErrorWrapper:
        """Return a context manager that converts SQLAlchemy errors to DatabaseError, without secrets in the message."""
        return driver_errors.ErrorWrapper(self._convert)

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        bound = self._bound
        if bound is not None:
            yield bound
            return
        self._require_file()
        if self._async is not None:
            raise DatabaseError(
                f"{self.display}: this in-memory SQLite database has an async engine. "
                "Use `await database.run(function, database)`, where `database` is `Database.open(engine)`.",
                reason="not supported",
            )
        with self._lock_single():
            if self._session is not None:
                with self._use_session(self._session) as connection, count_statements(connection, self.traffic):
                    self._require_known_schema(connection)
                    yield connection
            else:
                with self.engine.connect() as connection:
                    self._replace_old_connection(connection)
                    if self._closes_connections:
                        connection.detach()  # from the pool, so that it is closed at the end
                    with count_statements(connection, self.traffic):
                        self._connected = True
                        self._require_known_schema(connection)
                        yield connection

    @contextmanager
    def _use_session(self, session: Session) -> Iterator[Connection]:
        """Yield the connection of a caller's Session. A transaction that this read has begun ends with it."""
        is_new = not session.in_transaction() and isinstance(session.get_bind(), Engine)
        connection = session.connection()
        for _ in range(_MAX_CHECKOUTS):
            state = self._find_exchanged_file(connection)
            if state is None:
                break
            if not is_new:
                # only another file is certain to be wrong: results are written to the same one
                if get_opened_identity(connection) not in (None, state.identity):
                    raise DatabaseError(
                        f"The SQLite file {self.file} was replaced, but the session has a transaction of the file "
                        "before. End it with `session.rollback()`, and call again.",
                        reason="replaced file",
                    )
                break
            _end_transaction(session, invalidate=True)
            connection = session.connection()
        self._note_identity(connection)
        if is_new:
            self._has_written = False
        try:
            yield connection
        finally:
            if is_new and not self._has_written:
                _end_transaction(session, invalidate=self._closes_connections)

    def _replace_old_connection(self, connection: Connection) -> None:
        """Open the file again if the pool returned a connection to the content before."""
        for _ in range(_MAX_CHECKOUTS):
            if self._find_exchanged_file(connection) is None:
                break
            connection.invalidate()
        self._note_identity(connection)

    def _find_exchanged_file(self, connection: Connection) -> FileState | None:
        """Return the state of the file at the path; None: it is the one that the connection has opened."""
        if self.file is None or is_shared(self.engine):
            return None
        state = FileState.of(self.file)
        return None if state == get_opened_state(connection) else state

    def _note_identity(self, connection: Connection) -> None:
        if self.file is None:
            return
        identity = get_opened_identity(connection)
        if identity != self._identity:
            self._identity, self._version = identity, None

    @property
    def _bound(self) -> Connection | None:
        return _BOUND.get({}).get(self)

    @property
    def allows_threads(self) -> bool:
        """Whether other threads may use this database now as this thread does.

        This is false for a caller's engine or session, in memory, and inside a transaction of this thread.
        """
        return self._owned and not self._single and self._bound is None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield a connection for writing, in one transaction.

        In a caller's Session, it is a savepoint, which the caller must commit.
        """
        with self.connect() as connection, self._write_transaction(connection):
            yield connection

    @property
    def is_read_only(self) -> bool:
        """Whether data are only loaded from this kind of database: MySQL and MariaDB."""
        return self.dialect in READ_ONLY

    def require_writable(self) -> None:
        """Check that this kind of database can be written to, and that the folder of a SQLite file exists.

        Raises
        ------
        DatabaseError: If it is MySQL or MariaDB, or the folder does not exist.
        """
        if self.is_read_only:
            raise DatabaseError(
                f"{self.display}: scoring only reads from MySQL and MariaDB. Import its tables into a SQLite or "
                "PostgreSQL database, or use `scoring run --no-database`.",
                reason="not supported",
            )
        path = get_sqlite_file(self.engine.url)
        if path is not None and self.file is not None:
            _require_no_folder(path, self.file)
        if path is not None and self.file is not None and not self.file.parent.is_dir():
            raise DatabaseError(
                f"{self.display}: the folder {path.parent} does not exist. Create it first.", reason="missing file"
            )

    @contextmanager
    def _write_transaction(self, connection: Connection) -> Iterator[None]:
        self.require_writable()
        self._has_written = True
        if self._session is not None or connection.in_transaction():
            start_transaction(connection)
            with connection.begin_nested():
                yield
            return
        with connection.begin(), self._bind(connection):
            start_transaction(connection, write=True)
            yield
        if self.file is not None:
            record_state(connection, self.file)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Return `work(connection)`, run in one transaction. Transient errors are retried from the beginning.

        The work must be repeatable: if the connection is lost during a commit, the rows may already exist. See `read`.
        """
        return self.persist(lambda: self._write_once(work))

    def persist(self, work: Callable[[], T]) -> T:
        """Return `work()`, which opens its own connection. Transient errors are retried as in `read`.

        Raises
        ------
        DatabaseError: If the error is not transient, or retries fail.
        """
        if self._bound is not None:  # the code that holds the connection retries the whole transaction
            return work()
        return retry.run_with_retry(
            work, once=self._session is not None, connected=lambda: self._connected, convert=self._convert
        )

    def _write_once(self, work: Callable[[Connection], T]) -> T:
        with self._open() as connection, self._write_transaction(connection):
            return work(connection)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Return `work(connection)`, run in one snapshot. Transient errors are retried from the beginning.

        Pauses grow. The read fails within a minute, or within seconds if the database has never answered. In a
        caller's Session the work runs once, because its uncommitted changes cannot be repeated.
        """
        return self.persist(lambda: self._read_once(work))

    def _read_once(self, work: Callable[[Connection], T]) -> T:
        with self._open() as connection:
            self._start_snapshot(connection)
            return work(connection)

    def read_in_two(self, work: Callable[[Connection, Connection | None], T]) -> T:
        """Return `work(connection, second)`, run in one snapshot of two connections, for reading in two threads.

        `second` is None if a second connection cannot have the same snapshot: in a caller's engine or transaction, in
        memory, on a server, or if other processes commit all the time. Retries are those of `read`.
        """

        def once() -> T:
            with self._open_two() as (connection, second):
                return work(connection, second)

        return self.persist(once)

    @contextmanager
    def _open_two(self) -> Iterator[tuple[Connection, Connection | None]]:
        if self.dialect != "sqlite" or not self.allows_threads:
            with self._open() as connection:
                self._start_snapshot(connection)
                yield connection, None
            return
        with self._open() as connection, self.engine.connect() as second, count_statements(second, self.traffic):
            self._replace_old_connection(second)
            if get_opened_identity(connection) != get_opened_identity(second):  # exchanged meanwhile
                self._start_snapshot(connection)
                yield connection, None
            else:
                yield connection, second if start_common_snapshot(connection, second) else None

    def _start_snapshot(self, connection: Connection) -> None:
        """Make all later reads of the connection use one snapshot."""
        if self.dialect == "postgresql" and not connection.in_transaction():
            connection.execution_options(isolation_level="REPEATABLE READ")
        start_transaction(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Yield a connection with one snapshot, which `connect` and `read` also use inside the block."""
        with self.connect() as connection:
            self._start_snapshot(connection)
            with self._bind(connection):
                yield connection

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return `function(*args, **kwargs)`, blocking database work, run in a worker thread.

        SQLite in memory is an exception: see the docstring of the module.
        """
        if self._async is not None:
            return await self._run_inside(lambda: function(*args, **kwargs))
        if not self._owned and is_memory(self.engine.url):
            return function(*args, **kwargs)  # another thread would have another, empty database
        return await asyncio.to_thread(function, *args, **kwargs)

    async def _run_inside(self, work: Callable[[], T]) -> T:
        from sqlalchemy.ext.asyncio import AsyncSession

        def work_with(connection: Connection) -> T:
            with self.wrap_errors(), self._bind(connection), count_statements(connection, self.traffic):
                self._require_known_schema(connection)
                return work()

        if isinstance(self._async, AsyncSession):
            return await self._async.run_sync(lambda session: work_with(session.connection()))
        assert self._async is not None
        async with self._async.connect() as connection:
            result = await connection.run_sync(work_with)
            await connection.commit()
            return result

    def _require_file(self) -> None:
        path = get_sqlite_file(self.engine.url)
        if path is not None and self.file is not None:
            _require_no_folder(path, self.file)
        if path is not None and self.file is not None and not self.file.exists():
            folder = "" if self.file.parent.is_dir() else f" (its folder {path.parent} does not exist either)"
            raise DatabaseError(
                f"The SQLite file {path} does not exist{folder}. Correct the path, or create the file with "
                f"`scoring init --db {path}`.",
                reason="missing file",
            )

    @contextmanager
    def _lock_single(self) -> Iterator[None]:
        if not self._single:
            yield
            return
        with self._lock:
            yield

    @contextmanager
    def _bind(self, connection: Connection) -> Iterator[None]:
        token = _BOUND.set({**_BOUND.get({}), self: connection})
        try:
            yield
        finally:
            _BOUND.reset(token)

    def _convert(self, error: BaseException) -> DatabaseError:
        return driver_errors.convert_error(error, self._secrets, self.display)

    # Schema

    def create(self) -> None:
        """Create the SQLite file and missing tables, and migrate existing tables.

        Raises
        ------
        DatabaseError: If the folder does not exist, the database cannot be written, or its schema is newer.
        """
        self.create_file()

        def create_tables(connection: Connection) -> None:
            migrations.migrate(connection, self.display)
            METADATA.create_all(connection)

        with self.begin() as connection:
            create_tables(connection)
        self._forget_old_version()

    def create_file(self) -> bool:
        """Create an empty SQLite file if it does not exist, and return whether this call has created it.

        Other databases are unchanged.

        Raises
        ------
        DatabaseError: If the folder does not exist.
        """
        self.require_writable()
        if get_sqlite_file(self.engine.url) is None or self.file is None:
            return False
        try:
            self.file.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def migrate(self) -> None:
        """Migrate an older schema to the newest version, in one transaction. Call it before writing.

        Missing tables are not created.

        Raises
        ------
        DatabaseError: If the database cannot be written, or its schema is newer.
        """
        if self.schema_version() != migrations.VERSION:
            self.write(lambda connection: migrations.migrate(connection, self.display))
            self._forget_old_version()

    def _forget_old_version(self) -> None:
        # a caller's transaction may still be rolled back, so the next connection must read the version again
        self._version = None if self._session is not None or self._bound is not None else migrations.VERSION

    def schema_version(self) -> int:
        """Return the version of the stored schema; 1 if the database does not record it."""
        if self._version is None:
            with self.connect() as connection:
                self._require_known_schema(connection)
        assert self._version is not None, "_require_known_schema() reads it"
        return self._version

    def has(self, item: Table | Column[Any]) -> bool:
        """Return whether the stored schema is new enough to contain the table or column."""
        since: int = item.info.get(SINCE, 1)
        return since <= self.schema_version()

    def _require_known_schema(self, connection: Connection) -> None:
        if self._version is not None:
            return
        idle = not connection.in_transaction()
        version = migrations.read_version(connection)
        if idle:
            connection.connection.rollback()  # end the transaction that PostgreSQL's driver has begun for the query
        migrations.require_known(version, self.display)
        self._version = version

    def require_tables(self, *names: str) -> None:
        """Raise DatabaseError if one of these tables (default: all) or of their columns is missing.

        Tables and columns of later schema versions are not required.
        """
        required = names or tuple(name for name, table in METADATA.tables.items() if self.has(table))

        def find_missing(connection: Connection) -> tuple[list[str], list[str]]:
            inspector = inspect(connection)
            existing = set(inspector.get_table_names())
            columns = []
            for name in required:
                if name in existing:
                    stored = {column["name"] for column in inspector.get_columns(name)}
                    columns += [
                        f"{name}.{column.name}"
                        for column in METADATA.tables[name].columns
                        if column.name not in stored and self.has(column)
                    ]
            return [name for name in required if name not in existing], columns

        tables, columns = self.read(find_missing)
        if tables or columns:
            missing = f"the table {tables[0]}" if tables else f"the column {columns[0]}"
            more = f" and {len(tables + columns) - 1} more" if len(tables + columns) > 1 else ""
            raise DatabaseError(
                f"{self.display} does not contain {missing}{more}, so it is not a complete scoring database. "
                "Use another database, or create one with `scoring init --db FILE`.",
                reason="missing table" if tables else "missing column",
            )

    # Data

    def is_empty(self) -> bool:
        """Return whether users or jobs are empty."""

        def find_empty(connection: Connection) -> bool:
            return any(
                connection.execute(select(literal(1)).select_from(METADATA.tables[name]).limit(1)).first() is None
                for name in ("users", "jobs")
            )

        self.require_tables("users", "jobs")
        return self.read(find_empty)

    def count_rows(self, *names: str) -> tuple[int, ...]:
        """Return the number of rows of each of these tables. Change tokens contain more, and take longer to read."""
        counts = [select(func.count()).select_from(METADATA.tables[name]).scalar_subquery() for name in names]
        statement = select(*(count.label(f"c{n}") for n, count in enumerate(counts)))
        return self.read(lambda connection: tuple(connection.execute(statement).one()))

    def require_data(self) -> None:
        """Raise DatabaseError if users or jobs are empty."""
        if self.is_empty():
            raise DatabaseError(
                f"{self.display} contains no users or no jobs. Import them with `scoring import`, or create a "
                "synthetic market with `scoring init`.",
                reason="empty",
            )


def _end_transaction(session: Session, *, invalidate: bool = False) -> None:
    """End the transaction of a session without work of the caller. The session's objects do not expire.

    With `invalidate`, its connection is closed.
    """
    transaction = session.get_transaction()
    if transaction is not None:
        transaction.close(invalidate=invalidate)


def _is_session(db: object) -> TypeIs[Session]:
    return _is_instance("sqlalchemy.orm", "Session", db)


def _is_async_engine(db: object) -> TypeIs[AsyncEngine]:
    return _is_instance("sqlalchemy.ext.asyncio", "AsyncEngine", db)


def _is_async_session(db: object) -> TypeIs[AsyncSession]:
    return _is_instance("sqlalchemy.ext.asyncio", "AsyncSession", db)


def _is_instance(module: str, name: str, db: object) -> bool:
    """Return `isinstance` without importing the class (0.1 s). If its module is not loaded, it has no instances."""
    return module in sys.modules and isinstance(db, getattr(sys.modules[module], name))


def _require_no_folder(path: Path, file: Path) -> None:
    """Raise DatabaseError if the file is a folder. `path` is its path as the user gave it."""
    if file.is_dir():
        raise DatabaseError(f"{path} is a folder. Give the path of a SQLite file.", reason="missing file")
