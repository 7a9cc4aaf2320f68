"""Read a table or the result of a query from a database: any SQLAlchemy URL, a SQLite file, or a DuckDB file."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from scoring.database.driver_errors import ErrorWrapper, convert_error
from scoring.database.engines import format_url, get_sqlite_file, list_secrets, make_engine, parse_source_url
from scoring.errors import ConfigurationError, DatabaseError, DataError, make_printable, suggest
from scoring.importing.readers.parquet_file import arrow_rows
from scoring.importing.readers.raw_rows import RawRows, make_object_frame, name_columns
from scoring.importing.readers.source_options import SourceOptions, locate_option
from scoring.optional_dependencies import require

__all__ = ["expand_variables", "hide_password", "list_tables", "read_duckdb", "read_sql", "read_sqlite"]

_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")


def expand_variables(url: str) -> str:
    """Return a URL with the values of environment variables, written as `${NAME}`.

    Raises
    ------
    ConfigurationError: If a variable is not set.
    """

    def get_value(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise ConfigurationError(f"url: the environment variable {match[1]} is not set. Set it.", key=("url",))
        # in a URL, a password must be encoded; a whole URL must not
        return value if match.group() == url else quote(value, safe="")

    return _VARIABLE.sub(get_value, url)


def hide_password(url: str) -> str:
    """Return a URL for messages. It contains no password; a URL in a variable is shown as the variable."""
    return url if _VARIABLE.fullmatch(url) else format_url(parse_source_url(expand_variables(url)))


def read_sql(url: str, name: str, options: SourceOptions) -> RawRows:
    """Return the rows of a table or a query, numbered from 1, in one transaction that changes nothing.

    Raises
    ------
    ConfigurationError: If neither or both of `table` and `query` are stated, or an environment variable is not set.
    DatabaseError: If the database cannot be read. The message does not contain the password.
    MissingDependencyError: If the driver is not installed.
    """
    _require_table_or_query(options)
    parsed = parse_source_url(expand_variables(url))
    file = get_sqlite_file(parsed)
    return _read_engine(_open_sqlite(file) if file is not None else make_engine(parsed), parsed, name, options)


def read_sqlite(path: Path, name: str, options: SourceOptions) -> RawRows:
    """Return the rows of a table or a query of a SQLite file. Errors are those of `read_sql`."""
    _require_table_or_query(options)
    return _read_engine(_open_sqlite(path), URL.create("sqlite", database=str(path)), name, options)


def list_tables(location: Path | str) -> list[str]:
    """Return the tables and views of a SQLite file or of the database of a URL. Errors are those of `read_sql`."""
    url = URL.create("sqlite", database=str(location)) if isinstance(location, Path) else None
    parsed = url or parse_source_url(expand_variables(str(location)))
    file = get_sqlite_file(parsed)
    engine = _open_sqlite(file) if file is not None else make_engine(parsed)
    try:
        with ErrorWrapper(lambda error: convert_error(error, list_secrets(parsed), format_url(parsed))):
            inspector = inspect(engine)
            return [*inspector.get_table_names(), *inspector.get_view_names()]
    finally:
        engine.dispose()


def _open_sqlite(path: Path) -> Engine:
    """Return an engine that cannot change the file."""
    if not path.is_file():
        raise DataError(f"The file {path} does not exist. Check the path.", path=str(path), reason="missing file")
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)


def _require_table_or_query(options: SourceOptions) -> None:
    if (options.table is None) == (options.query is None):
        raise ConfigurationError(
            "A database source needs a table or a query, not both. State the table: "
            f"{locate_option('table')}; or the query: {locate_option('query')}.",
            key=("table",),
        )


def _read_engine(engine: Engine, url: URL, name: str, options: SourceOptions) -> RawRows:
    secrets, display = list_secrets(url), format_url(url)
    try:
        with ErrorWrapper(lambda error: convert_error(error, secrets, display)), engine.connect() as connection:
            query = options.query
            if options.table is not None:
                _require_table(engine, options.table, display)
                quoted = map(engine.dialect.identifier_preparer.quote, options.table.split("."))
                query = f"SELECT * FROM {'.'.join(quoted)}"  # noqa: S608  # an existing table, quoted
            # escaped, because a colon would begin a parameter
            result = connection.execution_options(stream_results=True).execute(text(str(query).replace(":", r"\:")))
            names, duplicates = name_columns(list(result.keys()))
            frame = make_object_frame(names, [list(row) for row in result])
            return RawRows.of(frame, name, duplicates=duplicates)
    finally:
        engine.dispose()


def _require_table(engine: Engine, table: str, display: str) -> None:
    inspector = inspect(engine)
    schema, _, name = table.rpartition(".")
    if inspector.has_table(name, schema=schema or None):
        return
    names = [*inspector.get_table_names(schema=schema or None), *inspector.get_view_names(schema=schema or None)]
    raise DatabaseError(
        f"{display} does not have the table {table!r}. {suggest(name, names[:50])}", reason="missing table"
    )


def read_duckdb(path: Path, name: str, options: SourceOptions) -> RawRows:
    """Return the rows of a table or a query of a DuckDB file. Requires the extra `duckdb`.

    Raises
    ------
    ConfigurationError: If neither or both of `table` and `query` are stated.
    DatabaseError: If the file cannot be read, or the query fails.
    MissingDependencyError: If duckdb is not installed.
    """
    _require_table_or_query(options)
    require(f"The DuckDB file {path}", "duckdb", "duckdb")
    import duckdb

    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            query: Any = options.query
            if options.table is not None:
                pieces = (piece.replace('"', '""') for piece in options.table.split("."))
                query = "SELECT * FROM " + ".".join(f'"{piece}"' for piece in pieces)  # noqa: S608
            result = connection.sql(query)
            if result is None:
                raise DatabaseError(
                    f"{path}: the query does not return rows. Use SELECT.", reason="read or write error"
                )
            table = result.to_arrow_table()
    except duckdb.Error as error:
        first = (str(error).splitlines() or [""])[0]
        raise DatabaseError(f"{path}: {make_printable(first).rstrip('.')}. Correct the table or the query.") from error
    return arrow_rows(table, name)
