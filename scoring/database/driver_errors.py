"""Errors of database drivers: which are transient, and what their messages say.

Errors are classified by SQLite's result code (`sqlite_errorname`) and PostgreSQL's SQLSTATE. Errors without a code are
classified by their text: see `LASTING_TEXTS` and `NO_SUCH`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, NoReturn, Self

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

from scoring.errors import DatabaseError, ScoringError

__all__ = ["ErrorWrapper", "convert_error", "is_transient"]

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
