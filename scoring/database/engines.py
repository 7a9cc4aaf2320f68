"""URLs and engines: parsing of database URLs, drivers and connection settings."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, quote_plus, unquote, urlsplit

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool, StaticPool

from scoring.errors import DatabaseError, MissingDependencyError, ScoringError
from scoring.optional_dependencies import missing_dependency

__all__ = [
    "READ_ONLY",
    "SYNC_DRIVERS",
    "format_url",
    "get_sqlite_file",
    "is_memory",
    "list_secrets",
    "make_engine",
    "parse_source_url",
    "parse_url",
    "to_sync_url",
]

SQLITE_URI: Final = "file:"
"""Start of a SQLite URI, whose options are those of SQLite, such as `mode=ro`."""

SECRET_KEY: Final = re.compile(r"passw|pwd|secret|token|credential|scram_(client|server)_key", re.IGNORECASE)
"""Names of URL options whose values must not appear in messages: those of libpq, and similar names."""

SYNC_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
ASYNC_DRIVERS: Final = {"sqlite": ("aiosqlite",), "postgresql": ("asyncpg",)}
MYSQL_ASYNC: Final = ("aiomysql", "asyncmy")
READ_ONLY: Final = ("mysql", "mariadb")
"""Databases from which data are loaded and imported. Nothing is written to them."""
ASYNCPG_ONLY: Final = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")

UNREADABLE: Final = (
    "Invalid database URL. Use a URL such as sqlite:///data/scoring.db or "
    "postgresql://user:password@host:5432/name (write an @ in a password as %40)."
)

_MISTYPED: Final = re.compile(r":(?!\\).*@|passw\w*\s*=", re.IGNORECASE | re.DOTALL)
"""A URL without its //, or another kind of connection string, that contains a password."""

CONNECT_SECONDS: Final = 10
BUSY_MILLISECONDS: Final = 5_000
CACHE: Final = "cache_size = -65536"  # 64 MiB at most; SQLite's 2 MiB triple the time of writing a million rows
POOL: Final[dict[str, Any]] = {"pool_size": 5, "max_overflow": 10, "pool_pre_ping": True, "pool_timeout": 30}
POSTGRES: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_SECONDS,
    # detect a lost server within 30 s
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
MYSQL: Final[dict[str, Any]] = {"connect_timeout": CONNECT_SECONDS, "read_timeout": 600, "charset": "utf8mb4"}
SERVER_TIMEOUTS: Final = {"lock_timeout": "10s", "statement_timeout": "10min"}
"""Longest time that a statement waits for a lock (then it is retried) and runs (then it fails)."""

SET_TIMEOUTS: Final = (
    "SELECT set_config(name, value, false) FROM (VALUES (%s, %s), (%s, %s)) AS wanted (name, value) "
    "WHERE current_setting(name) = '0'"
)
"""Set a timeout only if the URL (`?options=-c statement_timeout=1h`), the user and the database do not set it."""


def parse_url(db: str | os.PathLike[str] | URL) -> URL:
    """Return the URL of a text, a path of a SQLite file, a SQLite URI such as `file:a.db?mode=ro`, or a URL.

    `~` at the start of a path is the home folder.

    Raises
    ------
    DatabaseError: If the URL cannot be read. The message omits its text, which may contain a password.
    """
    if isinstance(db, URL):
        return to_sync_url(_check_url(db))
    text = os.fspath(db)
    if isinstance(db, str) and text.startswith(SQLITE_URI):
        return _parse_sqlite_uri(text)
    if not isinstance(db, str) or "://" not in text:
        if not text.strip():
            raise DatabaseError(
                "The name of the database is empty. Use a URL, or the path of a SQLite file.", reason="empty URL"
            )
        if text == ":memory:":
            return make_url("sqlite://")
        if _MISTYPED.search(text) and not os.path.exists(text):  # a message about the file would contain it
            raise DatabaseError(UNREADABLE, reason="invalid URL")
        return URL.create("sqlite", database=os.path.expanduser(text))
    return to_sync_url(_parse_text(text))


def _parse_sqlite_uri(text: str) -> URL:
    """Return the URL of a SQLite URI such as `file:data/market.db?mode=ro`."""
    location, _, query = text.partition("#")[0].partition("?")
    options: dict[str, str] = {key: values[-1] for key, values in parse_qs(query).items()}
    if is_memory(URL.create("sqlite", database=location, query=options)):
        return URL.create("sqlite", database=location, query={**options, "uri": "true"})
    path = unquote(urlsplit(location).path) or unquote(location.removeprefix(SQLITE_URI))
    if urlsplit(location).netloc not in ("", "localhost") or not path.strip("/ "):
        raise DatabaseError(
            f"{location}: the SQLite URI does not name a local file. Use file:PATH?mode=ro, or the path of the file.",
            reason="invalid URL",
        )
    return URL.create(
        "sqlite", database=f"{SQLITE_URI}{quote(os.path.expanduser(path))}", query={**options, "uri": "true"}
    )


def parse_source_url(text: str) -> URL:
    """Return the URL of a database to import from: any that SQLAlchemy has a driver for.

    Raises
    ------
    DatabaseError: If the URL cannot be read. The message omits its text, which may contain a password.
    """
    url = _parse_text(text)
    return to_sync_url(url) if url.get_backend_name() in SYNC_DRIVERS else url


def _parse_text(text: str) -> URL:
    url = None
    with suppress(ArgumentError, ValueError):
        url = make_url(text)
    if url is None:  # not in an except block: its error contains the text
        raise DatabaseError(UNREADABLE, reason="invalid URL")
    return _check_url(url)


def _check_url(url: URL) -> URL:
    # part of a password that contains an @; it must not appear in messages
    if "@" in (url.host or "") or (url.host and "@" in (url.database or "")):
        raise DatabaseError(UNREADABLE, reason="invalid URL")
    return url


def to_sync_url(url: URL) -> URL:
    """Return the URL with the sync driver; user, password and host are unchanged.

    Raises
    ------
    DatabaseError: If the kind of database is not supported.
    """
    backend = url.get_backend_name()
    if backend not in SYNC_DRIVERS:
        advice = "Use postgresql:// instead." if backend == "postgres" else "Use a sqlite, postgresql or mysql URL."
        raise DatabaseError(f"{format_url(url)}: {backend} is not supported. {advice}", reason="not supported")
    if backend == "sqlite" and url.database:
        if not url.database.startswith(SQLITE_URI):
            url = url.set(database=os.path.expanduser(url.database))
        elif "uri" not in url.query:
            url = url.update_query_dict({"uri": "true"})
    driver = url.drivername.partition("+")[2]
    if driver in ("", "pysqlite", *ASYNC_DRIVERS.get(backend, MYSQL_ASYNC)):
        url = url.set(drivername=SYNC_DRIVERS[backend])
    if driver == "asyncpg":
        query = {key: value for key, value in url.query.items() if key not in ASYNCPG_ONLY}
        if "ssl" in query:
            query["sslmode"] = query.pop("ssl")
        url = url.set(query=query)
    return url


def make_engine(url: URL, *, pooled: bool = True) -> Engine:
    """Return a pooled engine with all timeouts set. With `pooled=False`, a SQLite file has no idle connections.

    SQLite uses WAL and foreign keys, and in memory one connection for all threads. Secrets in the options of the URL
    are passed to the driver and removed from the engine's URL, because its `repr` would show them.

    Raises
    ------
    DatabaseError: If SQLAlchemy does not know the driver.
    MissingDependencyError: If the driver is not installed.
    """
    engine = _create_engine(url, pooled)
    if isinstance(engine, ScoringError):  # not in an except block: the driver's error would become the context
        raise engine
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "handle_error", _keep_after_interrupt)
    elif engine.dialect.driver == "psycopg":
        from scoring.database import silent_server_watchdog

        event.listen(
            engine, "do_connect", lambda _, __, positions, names: silent_server_watchdog.connect(positions, dict(names))
        )
        event.listen(engine, "connect", _set_up_postgres)
    return engine


def _create_engine(url: URL, pooled: bool) -> Engine | ScoringError:
    hidden = {key: value for key, value in url.query.items() if SECRET_KEY.search(key)}
    arguments: dict[str, Any] = dict(hidden)
    options: dict[str, Any] = dict(POOL)
    if url.get_backend_name() == "sqlite":
        arguments |= {"timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False}
        options = {"poolclass": StaticPool} if is_memory(url) else {} if pooled else {"poolclass": NullPool}
    elif url.get_driver_name() == "pymysql":
        arguments |= {key: value for key, value in MYSQL.items() if key not in url.query}
        if url.password:
            arguments["password"] = str(url.password).encode()  # PyMySQL would encode it as Latin-1
    elif url.get_driver_name() == "psycopg":
        arguments |= {key: value for key, value in POSTGRES.items() if key not in url.query}
    try:
        engine = create_engine(url.difference_update_query(hidden), connect_args=arguments, **options)
        engine.dialect.create_connect_args(url)  # validates the options after the ?
    except NoSuchModuleError:
        return DatabaseError(
            f"{format_url(url)}: the driver {url.drivername!r} does not exist. Use sqlite:///… or postgresql://….",
            reason="unknown driver",
        )
    except (ArgumentError, TypeError, ValueError):
        return DatabaseError(
            f"{format_url(url)}: an option after the `?` is invalid. Correct or remove it.", reason="invalid option"
        )
    except ImportError as error:
        package = error.name or url.get_driver_name()
        if url.get_driver_name() == "pymysql":
            return missing_dependency(format_url(url), "PyMySQL", "mysql")
        if url.get_driver_name() == "psycopg":
            return missing_dependency(format_url(url), package, "postgres")
        return MissingDependencyError(
            f"{format_url(url)} requires {package}, which is not installed. Install it, or remove "
            f"+{url.get_driver_name()} from the URL.",
            package=package,
        )
    return engine


def _set_up_postgres(connection: Any, _: object) -> None:
    connection.autocommit = True  # a rollback would undo the settings
    try:
        connection.execute(SET_TIMEOUTS, [piece for pair in SERVER_TIMEOUTS.items() for piece in pair])
    finally:
        connection.autocommit = False


def _set_up_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    try:
        for pragma in (f"busy_timeout = {BUSY_MILLISECONDS}", "foreign_keys = ON", "synchronous = NORMAL", CACHE):
            cursor.execute(f"PRAGMA {pragma}")
        # lets readers continue during writes; fails for a file on a read-only disk
        with suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode = WAL")
    except UnicodeDecodeError:  # SQLite's message contains bytes of the damaged schema, which Python cannot decode
        error = sqlite3.DatabaseError("malformed database schema")
        error.sqlite_errorname = "SQLITE_CORRUPT"
        raise error from None
    finally:
        cursor.close()


def _keep_after_interrupt(context: Any) -> None:
    """Keep a SQLite connection after Ctrl-C.

    SQLAlchemy would discard it without a rollback. Its lock would remain until the interrupt has been handled, so
    cleanup code would find the database locked.
    """
    if not isinstance(context.original_exception, Exception):
        context.is_disconnect = False


def is_memory(url: URL) -> bool:
    """Return whether the URL is a SQLite database in memory, which exists in one connection only."""
    if url.get_backend_name() != "sqlite":
        return False
    name = url.database or ":memory:"
    return name == ":memory:" or (
        name.startswith("file:") and (":memory:" in name or url.query.get("mode") == "memory")
    )


def get_sqlite_file(url: URL) -> Path | None:
    """Return the file of a SQLite URL or URI; None for other databases, and for databases in memory."""
    if url.get_backend_name() != "sqlite" or is_memory(url) or not url.database:
        return None
    if url.database.startswith(SQLITE_URI) and "uri" in url.query:
        return Path(unquote(urlsplit(url.database.partition("?")[0]).path))
    return Path(url.database)


def format_url(url: URL) -> str:
    """Return the URL with every password masked."""
    hidden = {key: "***" for key in url.query if SECRET_KEY.search(key)}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def list_secrets(url: URL) -> list[str]:
    """Return the secrets of a URL, plain and URL-encoded, longest first. Messages must not contain them."""
    values = [str(url.password)] if url.password else []
    for key, value in url.query.items():
        if SECRET_KEY.search(key):
            values += [value] if isinstance(value, str) else list(value)
    forms = {form for secret in values if secret for form in (secret, quote(secret, safe=""), quote_plus(secret))}
    return sorted(forms, key=lambda form: (-len(form), form))
