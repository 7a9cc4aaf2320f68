"""Which database errors may go away, how long to wait for that, and the one sentence when they do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import tenacity
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

from scoring.dataset.engines import secrets
from scoring.errors import DatabaseError

__all__ = ["call", "is_transient", "sentence"]

T = TypeVar("T")

PATIENCE_SECONDS: Final = 40.0  # with one last attempt of at most ten seconds it stays within a minute
FIRST_PATIENCE_SECONDS: Final = 3.0  # for a database that never answered: the URL is the likelier fault
PASSING_SQLSTATES: Final = ("08", "40001", "40P01", "53", "57P", "55P03")
PASSING_SQLITE: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_PROTOCOL")
NO_TABLE: Final = "42P01"  # PostgreSQL's SQLSTATE
NO_COLUMN: Final = "42703"
LASTING_TEXTS: Final = (
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "could not translate host name",
    "failed to resolve host",
    "no pg_hba.conf entry",
    "no such table",
    "no such column",
    "could not decode to utf-8",
)


def is_transient(error: BaseException, connected: bool) -> bool:
    """Whether trying again may help: the connection broke, or the database was busy or starting.

    `connected`: it has answered before, so a file or a server that is gone now may come back.
    """
    if isinstance(error, TimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    text = str(error.orig).lower()
    if any(lasting in text for lasting in LASTING_TEXTS):
        return False
    sqlite = getattr(error.orig, "sqlite_errorname", None)
    if sqlite is not None:
        return sqlite.startswith(PASSING_SQLITE) or (connected and sqlite.startswith("SQLITE_CANTOPEN"))
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state.startswith(PASSING_SQLSTATES)


def call(work: Callable[[], T], *, once: bool, connected: Callable[[], bool], say: Callable[[BaseException], str]) -> T:
    """`work()`, again with growing pauses while its errors are transient. Raises DatabaseError in the end."""

    def patience(state: tenacity.RetryCallState) -> bool:
        waited = state.seconds_since_start or 0.0
        return once or waited + state.upcoming_sleep > (PATIENCE_SECONDS if connected() else FIRST_PATIENCE_SECONDS)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: is_transient(error, connected())),
        wait=tenacity.wait_exponential(multiplier=0.2, max=8.0) + tenacity.wait_random(0, 0.2),
        stop=patience,
        reraise=True,
    )
    try:
        return retrying(work)
    except SQLAlchemyError as error:
        tries = retrying.statistics.get("attempt_number", 1)
        raise DatabaseError(say(error) + (f" Given up after {tries} attempts." if tries > 1 else "")) from None


def sentence(error: BaseException, url: URL, display: str) -> str:
    """What happened, where, and what to do, without a password."""
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None)
    text = str(original).strip() or type(error).__name__
    # what follows the first line of a missing name is our own statement
    said = text.splitlines()[0] if state in (NO_TABLE, NO_COLUMN) else " ".join(text.split())
    for secret in secrets(url):
        said = said.replace(secret, "***")
    lower = said.lower()
    if isinstance(error, IntegrityError):
        return f"{display}: a row breaks a rule of its table ({said})."
    if "no such table" in lower or state == NO_TABLE:
        return f"{display} lacks a table ({said}). Make a database with `scoring init`."
    if "no such column" in lower or state == NO_COLUMN:
        return f"{display} lacks a column ({said}). Make a database with `scoring init`."
    if "database is locked" in lower:
        return f"{display} is being written to by another program ({said}). Try again when that one has finished."
    if "is full" in lower:
        return f"{display} cannot be written ({said}). Free some space on its disk."
    if "not a database" in lower or "malformed" in lower:
        return f"{display} is no SQLite database, or damaged ({said}). Give another file, or make one: `scoring init`."
    if "readonly" in lower or "read-only" in lower:
        return f"{display} cannot be written ({said}). Check the rights of the file and its folder."
    return f"{display} does not answer as it should ({said}). Check the URL and that the database is running."
