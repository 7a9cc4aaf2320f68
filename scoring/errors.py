"""Exceptions of the package, and functions that format values in messages.

A message is one sentence: what is wrong, where, and what to do. Every exception is a `ScoringError` and a subclass of
the matching built-in exception.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ClusterError",
    "ClusterReason",
    "ConfigurationError",
    "DataError",
    "DataReason",
    "DatabaseError",
    "DatabaseReason",
    "LocatedError",
    "MissingDependencyError",
    "ModelError",
    "NotEnoughMemoryError",
    "OutputError",
    "OutputReason",
    "RunCancelledError",
    "ScoringError",
    "UnknownIdError",
    "make_printable",
    "pluralize",
    "shorten_repr",
    "suggest",
]

_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
"""Line ends, terminal control characters, changes of the writing direction, and halves of surrogate pairs."""


def make_printable(text: str, max_length: int = 200) -> str:
    """Return external text as one printable line of at most `max_length` characters; see `_UNPRINTABLE`."""
    line = _UNPRINTABLE.sub(" ", text[: max_length + 1])
    return line if len(line) <= max_length else line[: max_length - 1] + "…"


_REPR: Final = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 2, 80, 80


def shorten_repr(value: object) -> str:
    """Return the truncated repr of a value as one line: a few lines of YAML can contain billions of values."""
    return make_printable(_REPR.repr(value))


def pluralize(number: int, noun: str) -> str:
    """Return a number with its noun: `1 job`, `2,000 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest known name, and all known names.

    Example
    -------
    >>> suggest("wages", ["fee", "wage"])
    'Did you mean wage? Use one of: fee, wage.'
    """
    import difflib

    names = list(dict.fromkeys(known))
    by_lower = {known_name.lower(): known_name for known_name in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    hint = f"Did you mean {by_lower[close[0]]}? " if close else ""
    return f"{hint}Use one of: {', '.join(names)}." if names else f"{hint}None exist."


class ScoringError(Exception):
    """Base class of the exceptions that this package raises deliberately."""


class LocatedError(ScoringError, ValueError):
    """Base class of errors that may have a location in a file.

    Attributes
    ----------
    path : str or None
        The file, as the user gave it; None if the error does not concern a file.
    line : int or None
        The line in the file, from 1.
    key : tuple of str
        The keys that lead to the value, such as ('groups', 'base', 'weight'), or the name of the argument, such as
        ('k',), with the position of a value in it or its property: ('b', '1'), ('b', 'shape'). Empty if the error
        does not concern one value.
    """

    def __init__(
        self, message: str = "", *, path: str | None = None, line: int | None = None, key: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.path, self.line, self.key = path, line, key


DataReason = Literal[
    "missing file",
    "not a regular file",
    "unreadable",
    "unknown format",
    "other format",
    "several formats",
    "empty folder",
    "no published run",
    "too large",
    "wrong encoding",
    "several delimiters",
    "several sheets",
    "unknown sheet",
    "no column names",
    "number of fields",
    "open quote",
    "invalid quotes",
    "invalid JSON",
    "not a frame",
    "not an object",
    "no known field",
    "swapped arguments",
    "missing table",
    "unknown table",
    "missing column",
    "duplicate column",
    "factor columns",
    "number of factors",
    "missing array",
    "wrong shape",
    "damaged",
    "missing value",
    "unknown value",
    "unknown id",
    "duplicate id",
    "other user",
    "invalid rows",
    "too many invalid rows",
    "not empty",
    "loses values",
    "removes rows",
    "closes most rows",
]
"""Why data cannot be used; see `DataError`."""


class DataError(ScoringError, ValueError):
    """Invalid data in a table. The message names the column, the row and the value.

    Attributes
    ----------
    reason : str or None
        One of `DataReason`, such as `missing column`; None if no other entry applies.
    problems : DataFrame or None
        One row per problem: table, column, reason, rows (their number), first (labels of up to five rows), value
        (of the first row). None if the error does not concern rows.
    path : str or None
        The file or folder, as the user gave it; None if the data does not come from a file.
    line : int or None
        The line in the file, or the row of a sheet, from 1.
    table : str or None
        The table, such as `jobs`, or the name of the frame.
    column : str or None
        The column, as the source or the mapping names it.
    row : int or None
        The position of the item among those given, from 0.
    value : str or None
        The invalid value, or the number of values that would be lost; for an object of the wrong class, the name of
        its class.
    """

    def __init__(
        self,
        message: str = "",
        problems: pd.DataFrame | None = None,
        *,
        reason: DataReason | None = None,
        path: str | None = None,
        line: int | None = None,
        table: str | None = None,
        column: str | None = None,
        row: int | None = None,
        value: str | None = None,
    ) -> None:
        super().__init__(message)
        self.problems, self.reason, self.path, self.line = problems, reason, path, line
        self.table, self.column, self.row, self.value = table, column, row, value


class UnknownIdError(ScoringError, KeyError):
    """A user or job id is not in the dataset.

    Attributes
    ----------
    kind : str or None
        `user` or `job`.
    unknown_id : int, str or None
        The first unknown id, as the caller gave it: a number, or a text that is not an external id either.
    """

    def __init__(self, message: str = "", *, kind: str | None = None, unknown_id: int | str | None = None) -> None:
        super().__init__(message)
        self.kind, self.unknown_id = kind, unknown_id

    def __str__(self) -> str:  # KeyError.__str__ returns the repr of the message
        return str(self.args[0]) if self.args else ""


class ModelError(LocatedError):
    """Invalid model file, weight file or model."""


class ConfigurationError(LocatedError):
    """Invalid setting or argument."""


DatabaseReason = Literal[
    "invalid URL",
    "empty URL",
    "invalid option",
    "unknown driver",
    "not supported",
    "missing file",
    "replaced file",
    "missing table",
    "missing column",
    "empty",
    "not empty",
    "newer schema",
    "not reachable",
    "all connections in use",
    "locked",
    "cancelled",
    "constraint",
    "read or write error",
    "disk full",
    "damaged",
    "read-only",
    "permission",
    "no published run",
    "removed run",
    "other writer",
    "invalid row",
]
"""Why a database cannot be used; see `DatabaseError`."""


class DatabaseError(ScoringError, RuntimeError):
    """A database is not reachable, lacks a table or is empty. The message never contains a password.

    Attributes
    ----------
    reason : str or None
        One of `DatabaseReason`, such as `locked`; None if no other entry applies.
    """

    def __init__(self, message: str = "", *, reason: DatabaseReason | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class NotEnoughMemoryError(ScoringError, MemoryError):
    """A result does not fit into memory. The message states the bytes needed, the bytes available and what to do.

    Attributes
    ----------
    bytes_needed, bytes_available : int or None
        The memory that the result needs, and the memory that is available.
    alternatives : tuple of str
        What to do instead, such as 'use a smaller k'.
    """

    def __init__(
        self,
        message: str = "",
        *,
        bytes_needed: int | None = None,
        bytes_available: int | None = None,
        alternatives: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.bytes_needed, self.bytes_available, self.alternatives = bytes_needed, bytes_available, alternatives


OutputReason = Literal["unreadable", "damaged", "missing shard", "unknown shard", "other users", "different results"]
"""Why results cannot be used; see `OutputError`."""


class OutputError(ScoringError, OSError):
    """Results cannot be written or read. The message states the place and the reason.

    Attributes
    ----------
    reason : str or None
        One of `OutputReason`, such as `damaged`; None if no entry applies.
    path : str or None
        The file or folder, as the user gave it.
    errno : int or None
        Number of the operating system's error, such as `errno.ENOSPC`; None for other reasons.
    shard : int or None
        The number of the shard; None if the error does not concern one shard.
    """

    def __init__(
        self,
        message: str = "",
        *,
        reason: OutputReason | None = None,
        path: str | None = None,
        errno: int | None = None,
        shard: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason, self.path, self.errno, self.shard = reason, path, errno, shard


ClusterReason = Literal[
    "address",
    "certificates",
    "no worker",
    "not encrypted",
    "not reachable",
    "process ended",
    "scheduler settings",
    "wrong result",
]
"""Why a cluster cannot be used; see `ClusterError`."""


class ClusterError(ScoringError, RuntimeError):
    """A cluster cannot rank. The message names the server or the worker. Nothing is published.

    Attributes
    ----------
    reason : str or None
        One of `ClusterReason`, such as `not reachable`; None if no entry applies.
    address : str or None
        The address of the scheduler.
    worker : str or None
        The name of the worker; None if the error does not concern one worker.
    """

    def __init__(
        self,
        message: str = "",
        *,
        reason: ClusterReason | None = None,
        address: str | None = None,
        worker: str | None = None,
    ) -> None:
        super().__init__(message)
        self.reason, self.address, self.worker = reason, address, worker


class RunCancelledError(ScoringError, RuntimeError):
    """A run was cancelled. It is not published.

    Attributes
    ----------
    done, total : int or None
        The finished users or trials, and all of them; None if they are not counted.
    """

    def __init__(self, message: str = "", *, done: int | None = None, total: int | None = None) -> None:
        super().__init__(message)
        self.done, self.total = done, total


class MissingDependencyError(ScoringError, ImportError):
    """An optional dependency is not installed. The message names the extra to install.

    Attributes
    ----------
    package : str or None
        The missing package.
    extra : str or None
        The extra of this package that installs it; None if no extra does.
    """

    def __init__(self, message: str = "", *, package: str | None = None, extra: str | None = None) -> None:
        super().__init__(message)
        self.package, self.extra = package, extra
