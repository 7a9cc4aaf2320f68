"""Named points at which a test can fail an operation, or kill the process.

Code calls `reach("shard renamed")` at each step where the state that a crash leaves behind matters. A test arms a
point in its own process with `arm`, and in another process through the environment variable `SCORING_FAULT`:

- `"shard renamed:2:kill"` kills the process at the second pass of that point
- `"*:17:ENOSPC"` raises the error of a full disk at the 17th pass of any point

An unarmed point reads two global variables.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["ANY", "POINTS", "VARIABLE", "UnknownPointError", "arm", "reach", "record_reached"]

VARIABLE: Final = "SCORING_FAULT"
ANY: Final = "*"

POINTS: Final = (
    # the loader
    "table read",
    "factors kept",
    # the migration of a database, before its transaction commits
    "schema migrated",
    # the writer of Parquet files, and its journal
    "lock taken",
    "journal begun",
    "work folder made",
    "shard encoded",
    "shard written",
    "shard synced",
    "shard renamed",
    "shard noted",
    "manifest written",
    "folder sealed",
    # the writer of rows
    "run inserted",
    "rows inserted",
    "rows committed",
    "shard committed",
    # the verdict of the gate, stored before publishing
    "verdict noted",
    "verdict committed",
    # publishing
    "all sealed",
    "database publishing",
    "database published",
    "folder publishing",
    "folder published",
    "link moved",
    "journal removed",
    # rows that live lists write: before the events, and before the commit
    "live rows stored",
    "live events stored",
    # an engine of live lists: its polls, and the transaction of a tick
    "events read",
    "events applied",
    "tick begun",
    "basis inserted",
    "tick inserted",
    "tick committed",
    "lists swapped",
    # leftovers of an interrupted run, and old runs
    "leftovers removed",
    "old run hidden",
    "old run removed",
)
"""All points, grouped by the code that contains them."""


class UnknownPointError(ValueError):
    """A fault point with this name does not exist."""


class _ArmedFault:
    """One armed fault: it occurs once, at the nth pass."""

    def __init__(self, name: str, nth: int, error: BaseException | None) -> None:
        self.name, self.remaining, self.error = name, nth, error
        self.lock = threading.Lock()

    def count(self, name: str) -> None:
        if self.name not in (ANY, name):
            return
        with self.lock:
            self.remaining -= 1
            is_due = self.remaining == 0
        if not is_due:
            return
        if self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            raise self.error


_fault: _ArmedFault | None = None
_reached: list[str] | None = None


def reach(name: str) -> None:
    """Mark that the code has reached a point. Raise or kill the process if a test armed it."""
    if _fault is None and _reached is None:
        return
    if name not in POINTS:
        raise UnknownPointError(f"The fault point {name!r} does not exist. Add it to {__name__}.POINTS.")
    if _reached is not None:
        _reached.append(name)
    if _fault is not None:
        _fault.count(name)


@contextmanager
def arm(name: str, nth: int = 1, error: BaseException | None = None) -> Iterator[None]:
    """Raise `error` at the nth pass of a point (`ANY`: of all points); without `error`, kill the process."""
    global _fault
    if name != ANY and name not in POINTS:
        raise UnknownPointError(f"The fault point {name!r} does not exist. Use {ANY} or one of: {', '.join(POINTS)}.")
    previous, _fault = _fault, _ArmedFault(name, nth, error)
    try:
        yield
    finally:
        _fault = previous


@contextmanager
def record_reached() -> Iterator[list[str]]:
    """Yield a list that receives the names of the points passed in the block, in order."""
    global _reached
    previous, _reached = _reached, []
    try:
        yield _reached
    finally:
        _reached = previous


def _parse_variable(text: str | None) -> _ArmedFault | None:
    """Parse `NAME:NTH:kill`, or `NAME:NTH:ERRNO` with the name of an errno. Raise ValueError if invalid."""
    if not text:
        return None
    name, _, rest = text.partition(":")
    nth, _, action = rest.partition(":")
    is_known = name == ANY or name in POINTS
    if not is_known or not nth.isdigit() or not (action == "kill" or hasattr(errno, action)):
        raise ValueError(
            f"The environment variable {VARIABLE} is {text!r}. Use POINT:NTH:kill, or the name of an errno such as "
            f"ENOSPC instead of kill. POINT is {ANY} or one of: {', '.join(POINTS)}."
        )
    number = None if action == "kill" else getattr(errno, action)
    return _ArmedFault(name, int(nth), None if number is None else OSError(number, os.strerror(number)))


_fault = _parse_variable(os.environ.get(VARIABLE))
