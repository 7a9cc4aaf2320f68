"""What can go wrong, each a sentence that names the thing, the place and the way out.

Every error is a `ScoringError`, and also the builtin that a caller would catch.
"""

from __future__ import annotations

import re
import reprlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ConfigurationError",
    "DataError",
    "DatabaseError",
    "LocatedError",
    "MissingPartError",
    "ModelError",
    "NotEnoughMemoryError",
    "OutputError",
    "RunCancelledError",
    "ScoringError",
    "UnknownIdError",
    "counted",
    "printable",
    "short_repr",
]

_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""Line ends, what commands a terminal, what turns the direction of writing."""


def printable(text: str, most: int = 200) -> str:
    """Somebody's text as a line can show it: no line ends, nothing that commands a terminal, cut off at `most`."""
    line = _UNPRINTABLE.sub(" ", text[: most + 1])
    return line if len(line) <= most else line[: most - 1] + "…"


_REPR: Final = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 2, 80, 80


def short_repr(value: object) -> str:
    """A value as Python writes it, cut off: a few lines of YAML with aliases may stand for billions of values."""
    return _REPR.repr(value)


def counted(number: int, noun: str) -> str:
    """`1 job`, `2,000 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class ScoringError(Exception):
    """Base of everything that this package raises on purpose."""


class LocatedError(ScoringError, ValueError):
    """Base of errors that may name a place in a file.

    Attributes
    ----------
    path : str or None
        The file, as the user named it; None if the error is not about a file.
    line : int or None
        The line in it, from 1.
    key : tuple of str
        The keys that lead to the value, such as ('groups', 'base', 'weight'); empty if it is not about one.
    """

    def __init__(
        self, message: str = "", *, path: str | None = None, line: int | None = None, key: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.path, self.line, self.key = path, line, key


class DataError(ScoringError, ValueError):
    """A table holds what cannot be: names the column, the row and the value.

    `problems`: all of it as a frame, where rows are what is wrong: table, column, reason, rows (how many), first
    (what up to five of them are called), value (of the first). None where it is not about rows.
    """

    def __init__(self, message: str = "", problems: pd.DataFrame | None = None) -> None:
        super().__init__(message)
        self.problems = problems


class UnknownIdError(ScoringError, KeyError):
    """A user or a job that the dataset does not hold."""

    def __str__(self) -> str:  # KeyError would print the repr of the sentence
        return str(self.args[0]) if self.args else ""


class ModelError(LocatedError):
    """A model file or a weight profile that says something impossible: names the file and the line."""


class ConfigurationError(LocatedError):
    """A setting or an argument that cannot be used."""


class DatabaseError(ScoringError, RuntimeError):
    """A database that cannot be reached, lacks a table or is empty. Never holds a password."""


class NotEnoughMemoryError(ScoringError, MemoryError):
    """A request whose result cannot fit: says the bytes needed, the bytes there, and the ways out."""


class OutputError(ScoringError, OSError):
    """Results cannot be written: names the place and the reason."""


class RunCancelledError(ScoringError, RuntimeError):
    """A run was told to stop; nothing of it is published."""


class MissingPartError(ScoringError, ImportError):
    """An optional part is not installed: names the extra to install."""
