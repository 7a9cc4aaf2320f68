"""SQL texts that the triggers of both databases and the writers of this package use to write the log."""

from __future__ import annotations

from typing import Final

__all__ = [
    "EVENT_KEYS",
    "EVENT_KINDS",
    "erase_user",
    "insert_event",
    "insert_replacement",
    "is_erased",
]

EVENT_KEYS: Final = {"jobs": "job_id", "users": "user_id", "actions": "user_id"}
"""Table → the column that is the key of its events."""

EVENT_KINDS: Final = {"jobs": "job", "users": "user", "actions": "action"}
"""Table → the kind of its events."""


def insert_event(kind: str, key: str, body: str, now: str, source: str = "") -> str:
    """Return the statement that writes events. `source`: a FROM clause; empty for one event."""
    return f"INSERT INTO events (kind, key, body, at) SELECT '{kind}', {key}, {body}, {now}{source}"


def insert_replacement(now: str) -> str:
    """Return the statement that writes the event of tables that must be read again."""
    return insert_event("table_replaced", "NULL", "NULL", now)


def erase_user(condition: str) -> tuple[str, str]:
    """Return the statements that remove the rows of deleted users from the log. `condition`: on the key."""
    is_of_user = f"{condition} AND kind IN ('user', 'action')"
    return (
        f"UPDATE events SET body = NULL WHERE {is_of_user} AND body IS NOT NULL",  # noqa: S608 - our names
        f"DELETE FROM rejected_events WHERE {is_of_user}",  # noqa: S608
    )


def is_erased(user: str) -> str:
    """Return the condition that live lists have already removed all actions of a user, who was deleted."""
    of_user = f"FROM events WHERE key = {user} AND kind IN ('user', 'action') ORDER BY seq DESC LIMIT 1"
    return (
        f"NOT EXISTS (SELECT 1 FROM users WHERE users.user_id = {user}) AND "  # noqa: S608 - our names
        f"coalesce((SELECT kind = 'user' AND body IS NULL {of_user}), false)"
    )
