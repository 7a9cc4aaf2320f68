"""The board of a database: its own columns and settings, which the tables own_columns and board_settings contain."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, inspect, literal, select, text, union_all

from scoring.columns.board_definition import DEFAULT_BOARD, SETTINGS, Board, get_type_word, make_own_column
from scoring.database.event_tables import record_change, renew_triggers
from scoring.database.migrations import has_table
from scoring.database.schema import board_settings, get_data_table, own_columns
from scoring.errors import ConfigurationError, DatabaseError

__all__ = ["declare_columns", "read_board", "store_board", "write_settings"]


def read_board(connection: Connection) -> Board:
    """Return the board of a database, in one query. A database of an older schema has the default board.

    Raises
    ------
    DatabaseError: If another program has stored an invalid declaration, or this PostgreSQL user may not read a table of
        the board.
    """
    if not has_table(connection, own_columns):  # the migration that creates it creates board_settings too
        return DEFAULT_BOARD
    columns, settings = own_columns.c, board_settings.c
    declared = select(columns.table_name, columns.name, columns.type, columns.show)
    stored = select(literal(""), settings.name, settings.value, literal(False))
    board = DEFAULT_BOARD
    stated: dict[str, str] = {}
    try:
        for table, name, value, show in connection.execute(union_all(declared, stored)):
            if table:
                board = board.with_columns(table, [make_own_column(table, name, value, show=bool(show))])
            elif name in SETTINGS:  # a newer version may have other settings
                stated[name] = value
        return board.with_settings(stated)
    except ConfigurationError as error:
        table = "board_settings" if error.key[:1] == ("board",) else "own_columns"
        raise DatabaseError(
            f"The database table {table} contains an invalid row: {error} Correct the row or delete it.",
            reason="invalid row",
        ) from error


def store_board(connection: Connection, board: Board) -> None:
    """Add the own columns of a board to the tables, and replace the stored settings by its settings.

    Raises
    ------
    ConfigurationError: As in `declare_columns`.
    """
    declare_columns(connection, board)
    write_settings(connection, board)


def declare_columns(connection: Connection, board: Board) -> Board:
    """Add the own columns of a board to the tables, and return the stored board with them.

    Raises
    ------
    ConfigurationError: If a column is already stored with another type, or the table of another program contains it.
    """
    stored, is_changed = read_board(connection), False
    for table, columns in board.own.items():
        wider = stored.with_columns(table, columns)
        known = {column.name: column for column in stored.get_own(table)}
        for column in columns:
            if known.get(column.name) == column:
                continue
            row: dict[str, Any] = {"table_name": table, "name": column.name}
            if column.name in known:
                is_row = (own_columns.c.table_name == table) & (own_columns.c.name == column.name)
                connection.execute(delete(own_columns).where(is_row))
            else:
                _add_column(connection, wider, table, column.name)
            connection.execute(insert(own_columns), row | {"type": get_type_word(column.type), "show": column.show})
            is_changed = True
        stored = wider
    if is_changed:
        renew_triggers(connection, stored)
        record_change(connection)
    return stored


def write_settings(connection: Connection, board: Board) -> None:
    """Replace the stored settings by those of a board."""
    connection.execute(delete(board_settings))
    if board.settings:
        connection.execute(insert(board_settings), [{"name": k, "value": v} for k, v in board.settings.items()])


def _add_column(connection: Connection, board: Board, table: str, name: str) -> None:
    if name in {column["name"] for column in inspect(connection).get_columns(table)}:
        raise ConfigurationError(
            f"The database table {table} already has a column {name} that scoring did not create. Use another name "
            "for the own column.",
            key=(table, name),
        )
    column = get_data_table(table, board).c[name]
    preparer = connection.dialect.identifier_preparer
    sql_type = column.type.compile(dialect=connection.dialect)
    connection.execute(
        text(f"ALTER TABLE {preparer.quote(table)} ADD COLUMN {preparer.quote_identifier(name)} {sql_type}")
    )
