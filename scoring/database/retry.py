"""Retries of transient database errors, and error messages.

Reads and writes fail within a minute. The last attempt begins at most `PATIENCE_SECONDS` after the first. It takes at
most ten seconds to connect, and twenty to detect that a server has stopped answering (see `watchdog_connection`).

Errors are classified by SQLite's result code (`sqlite_errorname`) and PostgreSQL's SQLSTATE. Errors without a code are
classified by their text: see `LASTING_TEXTS` and `NO_SUCH`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Final, NoReturn, Self, TypeVar

import tenacity
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

from scoring.errors import DatabaseError, ScoringError, pluralize

__all__ = ["ErrorWrapper", "convert_error", "give_up_if", "is_transient", "run_with_retry"]

T = TypeVar("T")

PATIENCE_SECONDS: Final = 30.0
FIRST_PATIENCE_SECONDS: Final = 3.0  # if the database has never answered: the URL is probably wrong

# PostgreSQL's SQLSTATE, or how it begins: https://www.postgresql.org/docs/current/errcodes-appendix.html
TRANSIENT_STATES: Final = ("08", "40001", "40P01", "53", "57P", "55P03")
NO_TABLE_STATE: Final = "42P01"
NO_COLUMN_STATE: Final = "42703"
LOCKED_STATE: Final = "55P03"
CANCELLED_STATE: Final = "57014"
FULL_STATE: Final = "53100"
READ_ONLY_STATE: Final = "25006"
FORBIDDEN_STATE: Final = "42501"

# SQLite's result code, or how it begins: https://www.sqlite.org/rescode.html
TRANSIENT_CODES: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_PROTOCOL")
MISSING_FILE_CODE: Final = "SQLITE_CANTOPEN"
LOCKED_CODES: Final = ("SQLITE_BUSY", "SQLITE_LOCKED")
DISK_CODE: Final = "SQLITE_IOERR"
FULL_CODE: Final = "SQLITE_FULL"
DAMAGED_CODES: Final = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
READ_ONLY_CODE: Final = "SQLITE_READONLY"

NO_SUCH: Final = {"table": "no such table", "column": "no such column"}
"""SQLite has a single code, SQLITE_ERROR, for all errors in a statement; only the text identifies the kind."""

_NOT_COMPLETE: Final = "Use another database, or create one with `scoring init --db FILE`."

LASTING_TEXTS: Final = (
    # connection errors of libpq have no SQLSTATE, even if the server sent one
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "could not translate host name",
    "no pg_hba.conf entry",
    # psycopg resolves host names itself
    "failed to resolve host",
    # Python's sqlite3 raises this itself, without a code
    "could not decode to utf-8",
)
"""Texts of errors without a code that are not transient."""


_NEVER: Final = threading.Event()
_STOPPED: Final = ContextVar("stopped", default=_NEVER)


@contextmanager
def give_up_if(stopped: threading.Event) -> Iterator[None]:
    """End the pauses of retries in this block when the event is set, and do not retry any more.

    For a thread whose work another thread may cancel.
    """
    token = _STOPPED.set(stopped)
    try:
        yield
    finally:
        _STOPPED.reset(token)


def _get_sqlite_code(error: BaseException) -> str:
    """Return SQLite's result code of a driver error; "" if it has none."""
    return getattr(error, "sqlite_errorname", None) or ""


def _get_sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's SQLSTATE of a driver error; "" if it has none."""
    return getattr(error, "sqlstate", None) or ""


def is_transient(error: BaseException, connected: bool) -> bool:
    """Return whether a retry may succeed: the connection was lost, or the database was busy or starting.

    `connected`: whether the database has answered before. If so, a missing file is also transient.
    """
    if isinstance(error, TimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if not isinstance(error, OperationalError | InterfaceError) or error.orig is None:
        return False
    if code := _get_sqlite_code(error.orig):
        return code.startswith(TRANSIENT_CODES) or (connected and code.startswith(MISSING_FILE_CODE))
    if state := _get_sqlstate(error.orig):
        return state.startswith(TRANSIENT_STATES)
    message = str(error.orig).lower()
    return not any(lasting in message for lasting in LASTING_TEXTS)


def run_with_retry(
    work: Callable[[], T],
    *,
    once: bool,
    connected: Callable[[], bool],
    convert: Callable[[BaseException], DatabaseError],
) -> T:
    """Return `work()`, retried with growing pauses while its errors are transient.

    Parameters
    ----------
    once: do not retry.
    connected: whether the database has answered before.
    convert: returns the DatabaseError of an error.

    Raises
    ------
    DatabaseError: If an error is not transient, or retries do not succeed in time.
    """

    stopped = _STOPPED.get()

    def is_over(state: tenacity.RetryCallState) -> bool:
        waited = state.seconds_since_start or 0.0
        patience = PATIENCE_SECONDS if connected() else FIRST_PATIENCE_SECONDS
        return once or stopped.is_set() or waited + state.upcoming_sleep > patience

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: is_transient(error, connected())),
        wait=tenacity.wait_exponential(multiplier=0.2, max=8.0) + tenacity.wait_random(0, 0.2),
        stop=is_over,
        sleep=tenacity.sleep_using_event(stopped) if stopped is not _NEVER else tenacity.nap.sleep,
        reraise=True,
    )

    def convert_with_attempts(error: BaseException) -> DatabaseError:
        tries, converted = retrying.statistics.get("attempt_number", 1), convert(error)
        if tries == 1:
            return converted
        return DatabaseError(f"{converted} Gave up after {pluralize(tries, 'attempt')}.", reason=converted.reason)

    with ErrorWrapper(convert_with_attempts, SQLAlchemyError, OSError):
        return retrying(work)


class ErrorWrapper:
    """Converts errors of the given classes to DatabaseError by `convert`.

    The driver's error is neither cause nor context, because its text may contain a password.
    """

    def __init__(self, convert: Callable[[BaseException], DatabaseError], *kinds: type[BaseException]) -> None:
        self._convert, self._kinds = convert, kinds or (SQLAlchemyError,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, self._kinds) and not isinstance(error, ScoringError):
            _raise_without_context(self._convert(error))


def _raise_without_context(error: DatabaseError) -> NoReturn:
    try:
        raise error
    except DatabaseError:
        error.__context__ = None
        raise


def convert_error(error: BaseException, secrets: Sequence[str], display: str) -> DatabaseError:
    """Return the error with its reason. The message contains neither secrets nor values of rows."""
    original = getattr(error, "orig", None) or error
    state, code = _get_sqlstate(original), _get_sqlite_code(original)
    message = str(original).strip() or type(error).__name__
    # a server appends the statement and the values of the row after the first line
    detail = message.splitlines()[0] if state else " ".join(message.split())
    if isinstance(error, OSError):
        detail = error.strerror or detail
    for secret in secrets:
        detail = detail.replace(secret, "***")
    lower = detail.lower()
    if isinstance(error, TimeoutError):
        return DatabaseError(
            f"{display}: all connections of this process are in use ({detail}). Use fewer connections at a time.",
            reason="all connections in use",
        )
    if isinstance(error, IntegrityError):
        return DatabaseError(
            f"{display}: a row violates a constraint of its table ({detail}). Correct the row.", reason="constraint"
        )
    if state == NO_TABLE_STATE or NO_SUCH["table"] in lower:
        return DatabaseError(
            f"{display} does not contain a required table ({detail}). {_NOT_COMPLETE}", reason="missing table"
        )
    if state == NO_COLUMN_STATE or NO_SUCH["column"] in lower:
        return DatabaseError(
            f"{display} does not contain a required column ({detail}). {_NOT_COMPLETE}", reason="missing column"
        )
    if state == LOCKED_STATE or code.startswith(LOCKED_CODES):
        return DatabaseError(
            f"{display} is locked by another program ({detail}). Try again when that program has finished.",
            reason="locked",
        )
    if state == CANCELLED_STATE:
        return DatabaseError(
            f"{display} cancelled a statement ({detail}). Set a longer timeout in the URL, such as "
            "?options=-c statement_timeout=1h, or check the load of the database.",
            reason="cancelled",
        )
    if isinstance(error, OSError) or code.startswith(DISK_CODE):
        return DatabaseError(
            f"{display} cannot be read or written ({detail}). Check its disk.", reason="read or write error"
        )
    if state == FULL_STATE or code.startswith(FULL_CODE):
        return DatabaseError(f"{display} cannot be written ({detail}). Free space on its disk.", reason="disk full")
    if code.startswith(DAMAGED_CODES):
        return DatabaseError(
            f"{display} is not a SQLite database, or is damaged ({detail}). Use another file, or create one with "
            "`scoring init`.",
            reason="damaged",
        )
    if state == READ_ONLY_STATE or code.startswith(READ_ONLY_CODE):
        return DatabaseError(
            f"{display} cannot be written ({detail}). Check the permissions of the file and its folder.",
            reason="read-only",
        )
    if state == FORBIDDEN_STATE:
        return DatabaseError(
            f"{display} denies this operation to the user ({detail}). Grant the permission, or use another user.",
            reason="permission",
        )
    return DatabaseError(
        f"{display} cannot be accessed ({detail}). Check the URL, and that the database is running.",
        reason="not reachable",
    )
