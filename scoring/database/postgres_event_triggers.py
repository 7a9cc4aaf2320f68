"""PostgreSQL triggers that write the log of `event_tables`: one statement per changed table, with all of its rows.

The functions run with the rights of the user who installed them, so other writers need no right on the log. A temporary
table of a writer cannot hide the log, because temporary tables are last in the search path.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from scoring.database.event_statements import (
    EVENT_KEYS,
    EVENT_KINDS,
    erase_user,
    insert_event,
    insert_replacement,
    is_erased,
)

__all__ = [
    "CHANNEL",
    "NOTIFY",
    "NOW",
    "create_triggers",
    "drop_triggers",
    "list_triggers",
    "make_triggers",
    "set_muted",
]

CHANNEL: Final = "scoring_events"
"""The channel that is notified when events are committed."""

MUTED: Final = "scoring.log_muted"
"""The setting that disables the triggers in a transaction."""

NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

# a transaction that has notified cannot be prepared for a two-phase commit
NOTIFY: Final = f"""
    SELECT pg_notify('{CHANNEL}', '') WHERE current_setting('max_prepared_transactions') = '0'
"""

_OPERATIONS: Final = {
    "insert": "AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows",
    "update": "AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows",
    "truncate": "AFTER TRUNCATE ON {table}",
}


def make_triggers() -> dict[str, str]:
    """Return name → statement of each trigger, and `name()` → source of each function."""
    found: dict[str, str] = {}
    for table in EVENT_KINDS:
        found[f"scoring_log_{table}()"] = _make_function(table)
        for operation, when in _OPERATIONS.items():
            name = f"scoring_log_{table}_{operation}"
            found[name] = (
                f"CREATE TRIGGER {name} {when.format(table=table)} FOR EACH STATEMENT "
                f"EXECUTE FUNCTION scoring_log_{table}()"
            )
    return found


def _make_function(table: str) -> str:
    key, kind = EVENT_KEYS[table], EVENT_KINDS[table]
    replaced = insert_replacement(NOW)
    written = insert_event(kind, f"n.{key}", "row_to_json(n)::text", NOW, " FROM new_rows n")
    deleted = insert_event(kind, f"o.{key}", "NULL", NOW, " FROM old_rows o")
    erase = "".join(f"{statement};\n" for statement in erase_user("key IN (SELECT user_id FROM old_rows)"))
    erase_all = "".join(f"{statement};\n" for statement in erase_user("true"))
    if table == "actions":
        update = replaced
        delete = (
            "IF EXISTS (SELECT 1 FROM (SELECT DISTINCT user_id FROM old_rows) o "  # noqa: S608 - our names
            f"WHERE NOT ({is_erased('o.user_id')})) THEN {replaced}; END IF"
        )
    else:
        update = (
            f"IF EXISTS (SELECT {key} FROM old_rows EXCEPT SELECT {key} FROM new_rows) THEN {replaced}; "  # noqa: S608
            f"ELSE {written}; END IF"
        )
        delete = (erase if table == "users" else "") + deleted
    # live lists have removed the actions of deleted users, so they must count the stored ones again
    returned = (
        "IF EXISTS (SELECT 1 FROM new_rows n JOIN events e ON e.key = n.user_id AND e.kind = 'user' "  # noqa: S608
        "AND e.body IS NULL WHERE EXISTS (SELECT 1 FROM actions a WHERE a.user_id = n.user_id)) "
        f"THEN {replaced}; END IF;"
    )
    return f"""
BEGIN
    IF coalesce(current_setting('{MUTED}', true), '') = 'on' THEN
        RETURN NULL;
    ELSIF TG_OP = 'TRUNCATE' THEN
        {erase_all if table == "users" else ""}{replaced};
    ELSIF TG_OP = 'INSERT' THEN
        {written};
        {returned if table == "users" else ""}
    ELSIF TG_OP = 'UPDATE' THEN
        {update};
    ELSE
        {delete};
    END IF;
    PERFORM pg_notify('{CHANNEL}', '') WHERE current_setting('max_prepared_transactions') = '0';
    RETURN NULL;
END
"""


def list_triggers(connection: Connection) -> dict[str, str]:
    """Return `make_triggers` of the triggers that exist, with empty texts for triggers. Disabled ones are left out."""
    triggers = text("""
        SELECT tgname FROM pg_trigger
        WHERE tgname LIKE 'scoring#_log#_%' ESCAPE '#' AND tgenabled IN ('O', 'A')
            AND tgrelid IN (to_regclass('jobs'), to_regclass('users'), to_regclass('actions'))
    """)
    functions = text("""
        SELECT proname, prosrc FROM pg_proc
        WHERE proname LIKE 'scoring#_log#_%' ESCAPE '#' AND pg_function_is_visible(oid)
    """)
    found = {f"{row.proname}()": row.prosrc for row in connection.execute(functions)}
    return found | {row.tgname: "" for row in connection.execute(triggers)}


def create_triggers(connection: Connection) -> None:
    schemas = connection.execute(text("SELECT current_schemas(false)")).scalar_one()
    quote = connection.dialect.identifier_preparer.quote_identifier
    path = ", ".join([*map(quote, schemas), "pg_temp"])
    for name, content in make_triggers().items():
        if name.endswith("()"):
            content = (
                f"CREATE FUNCTION {name} RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = {path} "
                f"SET extra_float_digits = 1 AS $function${content}$function$"
            )
        connection.exec_driver_sql(content)


def drop_triggers(connection: Connection) -> None:
    quote = connection.dialect.identifier_preparer.quote_identifier
    for name in list_triggers(connection):
        if name.endswith("()"):
            function = quote(name.removesuffix("()"))
            connection.exec_driver_sql(f"DROP FUNCTION {function}() CASCADE")  # with its triggers


def set_muted(connection: Connection, is_muted: bool) -> None:
    """Disable or enable the triggers for the rest of the transaction."""
    value = "on" if is_muted else ""
    connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": MUTED, "value": value})
