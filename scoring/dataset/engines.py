"""URLs and engines: which database a text means, with which driver, and how it is set up."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from scoring.errors import DatabaseError, MissingPartError

__all__ = ["display", "engine_of", "is_memory", "secrets", "sqlite_file", "sync_url", "url_of"]

SECRET_KEYS: Final = ("password", "passwd", "pwd", "sslpassword")
SYNC_DRIVERS: Final = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
ASYNCPG_ONLY: Final = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")

UNREADABLE: Final = (
    "This database URL cannot be read. Write it like sqlite:///data/scoring.db or "
    "postgresql://user:password@host:5432/name (with %40 for an @ in a password)."
)

_MISTYPED: Final = re.compile(r":[^/\\]*@|password\s*=", re.IGNORECASE)
"""A URL without its //, or a connection string of another kind, with a password in it."""

CONNECT_SECONDS: Final = 10
BUSY_MILLISECONDS: Final = 5_000
CACHE: Final = "cache_size = -65536"  # KiB, at most: SQLite's own 2 MiB make writing a million rows three times as slow
POOL: Final[dict[str, Any]] = {"pool_size": 5, "max_overflow": 10, "pool_pre_ping": True, "pool_timeout": 30}
POSTGRES: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_SECONDS,
    # a server that vanished without a word is noticed within half a minute
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def url_of(db: str | os.PathLike[str] | URL) -> URL:
    """The URL that a text, a path (a SQLite file) or a URL means.

    Raises DatabaseError for a URL that cannot be read; its text, which may hold a password, is not repeated.
    """
    if isinstance(db, URL):
        return _checked(db)
    text = os.fspath(db)
    if not isinstance(db, str) or "://" not in text:
        if not text.strip():
            raise DatabaseError("A database is needed: a URL, or the path of a SQLite file.")
        if text == ":memory:":
            return make_url("sqlite://")
        if _MISTYPED.search(text) and not os.path.exists(text):  # which a message about a file would repeat
            raise DatabaseError(UNREADABLE)
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise DatabaseError(UNREADABLE) from None
    return _checked(url)


def _checked(url: URL) -> URL:
    # the rest of a password with an @ in it, which no message may repeat
    if "@" in (url.host or "") or (url.host and "@" in (url.database or "")):
        raise DatabaseError(UNREADABLE)
    return sync_url(url)


def sync_url(url: URL) -> URL:
    """The same database by the sync driver; user, password and host stay.

    Raises DatabaseError for a kind of database that is not supported.
    """
    backend = url.get_backend_name()
    if backend not in SYNC_DRIVERS:
        hint = " Write postgresql:// instead." if backend == "postgres" else ""
        raise DatabaseError(f"{display(url)}: only sqlite and postgresql URLs are supported, not {backend}.{hint}")
    driver = url.drivername.partition("+")[2]
    asynchronous = {"sqlite": "aiosqlite", "postgresql": "asyncpg"}[backend]
    if driver in ("", asynchronous, "pysqlite"):
        url = url.set(drivername=SYNC_DRIVERS[backend])
    if driver == "asyncpg":
        query = {key: value for key, value in url.query.items() if key not in ASYNCPG_ONLY}
        if "ssl" in query:
            query["sslmode"] = query.pop("ssl")
        url = url.set(query=query)
    return url


def engine_of(url: URL) -> Engine:
    """A pooled engine. SQLite: WAL, foreign keys, a busy timeout; in memory: one connection for all threads.

    Raises
    ------
    DatabaseError: a driver that SQLAlchemy does not know.
    MissingPartError: a driver that is not installed.
    """
    options: dict[str, Any] = dict(POOL)
    if url.get_backend_name() == "sqlite":
        options = {"connect_args": {"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False}}
        if is_memory(url):
            options["poolclass"] = StaticPool
    elif url.get_driver_name() == "psycopg":
        options["connect_args"] = {key: value for key, value in POSTGRES.items() if key not in url.query}
    try:
        engine = create_engine(url, **options)
        engine.dialect.create_connect_args(url)  # reads the options after the ?
    except (TypeError, ValueError):
        raise DatabaseError(
            f"{display(url)}: an option after the ? cannot be read. Correct it, or leave it out."
        ) from None
    except (NoSuchModuleError, ArgumentError):
        raise DatabaseError(
            f"{display(url)}: there is no driver {url.drivername!r}. Write sqlite:///… or postgresql://…."
        ) from None
    except ImportError as error:
        raise MissingPartError(
            f"{display(url)} needs the driver {error.name or url.get_driver_name()}: pip install 'scoring[postgres]'."
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "handle_error", _keep_when_stopped)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    try:
        for pragma in (f"busy_timeout = {BUSY_MILLISECONDS}", "foreign_keys = ON", "synchronous = NORMAL", CACHE):
            cursor.execute(f"PRAGMA {pragma}")
        # readers go on while one writes; a file on a read-only disk stays as it is
        with suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode = WAL")
    finally:
        cursor.close()


def _keep_when_stopped(context: Any) -> None:
    """Ctrl-C leaves a SQLite connection as good as it was.

    SQLAlchemy would throw it away without a rollback, and its lock would stay until the interrupt is dealt with:
    whoever clears up in the meantime finds the database locked.
    """
    if not isinstance(context.original_exception, Exception):
        context.is_disconnect = False


def is_memory(url: URL) -> bool:
    """SQLite that lives in one connection."""
    if url.get_backend_name() != "sqlite":
        return False
    name = url.database or ":memory:"
    return name == ":memory:" or (
        name.startswith("file:") and (":memory:" in name or url.query.get("mode") == "memory")
    )


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite URL; None for other databases, in memory, and `file:` URIs (SQLite reads those)."""
    if url.get_backend_name() != "sqlite" or is_memory(url) or not url.database or url.database.startswith("file:"):
        return None
    return Path(url.database)


def display(url: URL) -> str:
    """The URL with every password masked."""
    hidden = {key: "***" for key in url.query if key.lower() in SECRET_KEYS}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def secrets(url: URL) -> list[str]:
    """What must not stand in any message."""
    found = [str(url.password)] if url.password else []
    for key, value in url.query.items():
        if key.lower() in SECRET_KEYS:
            found += [value] if isinstance(value, str) else list(value)
    return [secret for secret in found if secret]
