"""Which database errors may go away, how long to wait for that, and the one sentence when they do not.

Whatever stops answering is given up within a minute: the last attempt begins `PATIENCE_SECONDS` after the first at the
latest, takes ten seconds to connect at most, and twenty to find that a server has fallen silent (`listening`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, NoReturn, Self, TypeVar

import tenacity
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

from scoring.errors import DatabaseError, ScoringError

__all__ = ["OneSentence", "call", "is_transient", "sentence"]

T = TypeVar("T")

PATIENCE_SECONDS: Final = 30.0
FIRST_PATIENCE_SECONDS: Final = 3.0  # for a database that never answered: the URL is the likelier fault
PASSING_SQLSTATES: Final = ("08", "40001", "40P01", "53", "57P", "55P03")
PASSING_SQLITE: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_PROTOCOL")
NO_TABLE: Final = "42P01"  # PostgreSQL's SQLSTATE
NO_COLUMN: Final = "42703"
LOCKED: Final = "55P03"
CANCELLED: Final = "57014"
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

    def said(error: BaseException) -> str:
        tries = retrying.statistics.get("attempt_number", 1)
        return say(error) + (f" Given up after {tries} attempts." if tries > 1 else "")

    with OneSentence(said, SQLAlchemyError, OSError):
        return retrying(work)


class OneSentence:
    """What a database refuses inside (errors of these kinds), as a DatabaseError that says it by `say`.

    The driver's error does not stay behind it as its cause or context: nobody can tell what it repeats.
    """

    def __init__(self, say: Callable[[BaseException], str], *kinds: type[BaseException]) -> None:
        self._say, self._kinds = say, kinds or (SQLAlchemyError,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, self._kinds) and not isinstance(error, ScoringError):
            _raise_alone(DatabaseError(self._say(error)))


def _raise_alone(error: DatabaseError) -> NoReturn:
    try:
        raise error
    except DatabaseError:
        error.__context__ = None
        raise


def sentence(error: BaseException, secrets: Sequence[str], display: str) -> str:
    """What happened, where, and what to do, without any of the secrets, and without a row's values."""
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None)
    text = str(original).strip() or type(error).__name__
    # behind the first line of what a server refuses stand our own statement, and the values of the row
    said = text.splitlines()[0] if state is not None else " ".join(text.split())
    if isinstance(error, OSError):
        said = error.strerror or said
    for secret in secrets:
        said = said.replace(secret, "***")
    lower = said.lower()
    if isinstance(error, TimeoutError):
        return f"{display}: all connections of this process are in use ({said}). Work on fewer things at a time."
    if isinstance(error, IntegrityError):
        return f"{display}: a row breaks a rule of its table ({said})."
    if "no such table" in lower or state == NO_TABLE:
        return f"{display} lacks a table ({said}). Make a database with `scoring init`."
    if "no such column" in lower or state == NO_COLUMN:
        return f"{display} lacks a column ({said}). Make a database with `scoring init`."
    if "database is locked" in lower or state == LOCKED:
        return f"{display} is being written to by another program ({said}). Try again when that one has finished."
    if state == CANCELLED:
        return (
            f"{display} stopped a statement ({said}). Give it more time in the URL, such as "
            "?options=-c statement_timeout=1h, or find out what the database is busy with."
        )
    if "disk i/o" in lower or isinstance(error, OSError):
        return f"{display} cannot be read or written ({said}). Check its disk."
    if "is full" in lower:
        return f"{display} cannot be written ({said}). Free some space on its disk."
    if "not a database" in lower or "malformed" in lower:
        return f"{display} is no SQLite database, or damaged ({said}). Give another file, or make one: `scoring init`."
    if "readonly" in lower or "read-only" in lower:
        return f"{display} cannot be written ({said}). Check the rights of the file and its folder."
    return f"{display} does not answer as it should ({said}). Check the URL and that the database is running."
