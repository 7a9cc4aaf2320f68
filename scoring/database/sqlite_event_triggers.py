"""SQLite triggers that write the log of `event_tables`: one event per row."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from scoring.columns.board_definition import Board
from scoring.database.event_statements import (
    EVENT_KEYS,
    EVENT_KINDS,
    erase_user,
    insert_event,
    insert_replacement,
    is_erased,
)

__all__ = ["NOW", "create_triggers", "drop_triggers", "encode_row", "list_triggers", "make_triggers"]

# milliseconds, rounded up: a time that the writer has read before is not in the future
NOW: Final = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000 + 999"

DELETE_LAST_REPLACEMENT: Final = (
    "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events) AND kind = 'table_replaced'"
)

MAX_PAIRS: Final = 50
"""Columns in one call of `json_object`, which takes at most 100 arguments."""


def encode_row(table: str, board: Board, row: str) -> str:
    """Return the SQL expression of a row as JSON. `row`: the name of the row, such as NEW or jobs.

    Integers and texts are exact. SQLite would round a real to 15 digits; with 21, Python reads the same float64. A blob
    in a column of another type must not make the writer's statement fail.
    """
    names = [column.name for column in board.table(table).columns]
    parts = []
    for start in range(0, len(names), MAX_PAIRS):
        pairs = (f"'{name}', {_encode_value(row, name)}" for name in names[start : start + MAX_PAIRS])
        parts.append(f"json_object({', '.join(pairs)})")
    return parts[0] if len(parts) == 1 else f"json_array({', '.join(parts)})"


def _encode_value(row: str, name: str) -> str:
    value = f'{row}."{name}"'
    return (
        f"CASE typeof({value}) WHEN 'real' THEN CASE"
        f" WHEN abs({value}) < 1e15 AND {value} = CAST({value} AS INTEGER) THEN CAST({value} AS INTEGER)"
        f" WHEN abs({value}) < 9e999 THEN json(printf('%!.20e', {value}))"
        f" WHEN {value} > 0 THEN 'Infinity' ELSE '-Infinity' END"
        f" WHEN 'blob' THEN json_object('blob', hex({value})) ELSE {value} END"
    )


def make_triggers(board: Board) -> dict[str, str]:
    """Return name → statement of each trigger."""
    triggers: dict[str, str] = {}

    def add(table: str, name: str, event: str, condition: str, *statements: str) -> None:
        when = f"WHEN {condition} " if condition else ""
        full_name = f"scoring_log_{table}_{name}"
        body = "; ".join(statements)
        triggers[full_name] = f"CREATE TRIGGER {full_name} AFTER {event} ON {table} {when}BEGIN {body}; END"

    # SQLite has no triggers per statement: of consecutive events, only the last is kept
    replaced = (DELETE_LAST_REPLACEMENT, insert_replacement(NOW))
    for table in ("jobs", "users"):
        key, kind = EVENT_KEYS[table], EVENT_KINDS[table]
        written = insert_event(kind, f"NEW.{key}", encode_row(table, board, "NEW"), NOW)
        add(table, "insert", "INSERT", "", written)
        add(table, "update", "UPDATE", f"NEW.{key} IS OLD.{key}", written)
        add(table, "rename", "UPDATE", f"NEW.{key} IS NOT OLD.{key}", *replaced)
    add("jobs", "delete", "DELETE", "", insert_event("job", "OLD.job_id", "NULL", NOW))
    deleted = insert_event("user", "OLD.user_id", "NULL", NOW)
    add("users", "delete", "DELETE", "", *erase_user("key = OLD.user_id"), deleted)
    # live lists have removed the actions of a deleted user, so they must count the stored ones again
    returned = (
        "EXISTS (SELECT 1 FROM actions WHERE user_id = NEW.user_id) AND EXISTS (SELECT 1 FROM events "
        "WHERE key = NEW.user_id AND kind = 'user' AND body IS NULL)"
    )
    add("users", "return", "INSERT", returned, *replaced)
    row = encode_row("actions", board, "NEW")
    add("actions", "insert", "INSERT", "", insert_event("action", "NEW.user_id", row, NOW))
    add("actions", "update", "UPDATE", "", *replaced)
    add("actions", "delete", "DELETE", f"NOT ({is_erased('OLD.user_id')})", *replaced)
    return triggers


def list_triggers(connection: Connection) -> dict[str, str]:
    """Return name → statement of the triggers that exist."""
    rows = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'scoring#_log#_%' ESCAPE '#'")
    )
    return {row.name: row.sql for row in rows}


def create_triggers(connection: Connection, board: Board) -> None:
    for statement in make_triggers(board).values():
        connection.exec_driver_sql(statement)


def drop_triggers(connection: Connection) -> None:
    quote = connection.dialect.identifier_preparer.quote_identifier
    for name in list_triggers(connection):
        connection.exec_driver_sql(f"DROP TRIGGER {quote(name)}")
