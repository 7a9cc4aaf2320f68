"""URLs and engines: which database a text means, with which driver, and how it is set up."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from scoring.errors import DatabaseError, MissingPartError, ScoringError

__all__ = ["display", "engine_of", "is_memory", "secrets", "sqlite_file", "sync_url", "url_of"]

SECRET_KEY: Final = re.compile(r"passw|pwd|secret|token|credential|scram_(client|server)_key", re.IGNORECASE)
"""Of an option behind the ? whose value no message may hold: libpq's, and what people take for one."""

SYNC_DRIVERS: Final = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
ASYNCPG_ONLY: Final = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")

UNREADABLE: Final = (
    "This database URL cannot be read. Write it like sqlite:///data/scoring.db or "
    "postgresql://user:password@host:5432/name (with %40 for an @ in a password)."
)

_MISTYPED: Final = re.compile(r":(?!\\).*@|passw\w*\s*=", re.IGNORECASE | re.DOTALL)
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
SERVER_TIMEOUTS: Final = {"lock_timeout": "10s", "statement_timeout": "10min"}
"""How long the server lets a statement wait for others, and run. The first is tried again, the second is an error."""

SET_TIMEOUTS: Final = (
    "SELECT set_config(name, value, false) FROM (VALUES (%s, %s), (%s, %s)) AS wanted (name, value) "
    "WHERE current_setting(name) = '0'"
)
"""Where nobody set another one: in the URL (`?options=-c statement_timeout=1h`), for the user or for the database."""


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
    url = None
    with suppress(ArgumentError, ValueError):
        url = make_url(text)
    if url is None:  # raised here: an error that is being dealt with, and tells the text, would hang on to it
        raise DatabaseError(UNREADABLE)
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
    """A pooled engine, with every time-out set. SQLite: WAL, foreign keys; in memory: one connection for all threads.

    Secrets among the options behind the ? are handed to the driver and are not in the engine's URL, whose `repr`
    would show them.

    Raises
    ------
    DatabaseError: a driver that SQLAlchemy does not know.
    MissingPartError: a driver that is not installed.
    """
    engine = _made(url)
    if isinstance(engine, ScoringError):  # raised here: what the driver said hangs on to no message
        raise engine
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "handle_error", _keep_when_stopped)
    elif engine.dialect.driver == "psycopg":
        from scoring.database import watchdog

        event.listen(engine, "do_connect", lambda _, __, positions, names: watchdog.connect(positions, dict(names)))
        event.listen(engine, "connect", _set_up_postgres)
    return engine


def _made(url: URL) -> Engine | ScoringError:
    hidden = {key: value for key, value in url.query.items() if SECRET_KEY.search(key)}
    arguments: dict[str, Any] = dict(hidden)
    options: dict[str, Any] = dict(POOL)
    if url.get_backend_name() == "sqlite":
        arguments |= {"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False}
        options = {"poolclass": StaticPool} if is_memory(url) else {}
    elif url.get_driver_name() == "psycopg":
        arguments |= {key: value for key, value in POSTGRES.items() if key not in url.query}
    try:
        engine = create_engine(url.difference_update_query(hidden), connect_args=arguments, **options)
        engine.dialect.create_connect_args(url)  # reads the options after the ?
    except (TypeError, ValueError):
        return DatabaseError(f"{display(url)}: an option after the ? cannot be read. Correct it, or leave it out.")
    except (NoSuchModuleError, ArgumentError):
        return DatabaseError(
            f"{display(url)}: there is no driver {url.drivername!r}. Write sqlite:///… or postgresql://…."
        )
    except ImportError as error:
        return MissingPartError(
            f"{display(url)} needs the driver {error.name or url.get_driver_name()}: pip install 'scoring[postgres]'."
        )
    return engine


def _set_up_postgres(connection: Any, _: object) -> None:
    connection.autocommit = True  # a rollback would take the settings back
    try:
        connection.execute(SET_TIMEOUTS, [piece for pair in SERVER_TIMEOUTS.items() for piece in pair])
    finally:
        connection.autocommit = False


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
    hidden = {key: "***" for key in url.query if SECRET_KEY.search(key)}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def secrets(url: URL) -> list[str]:
    """What must not stand in any message, also as a URL writes it; the longest first."""
    found = [str(url.password)] if url.password else []
    for key, value in url.query.items():
        if SECRET_KEY.search(key):
            found += [value] if isinstance(value, str) else list(value)
    written = {form for secret in found if secret for form in (secret, quote(secret, safe=""), quote_plus(secret))}
    return sorted(written, key=lambda form: (-len(form), form))
