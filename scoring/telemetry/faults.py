"""Named points at which a test can fail an operation, or kill the process.

Code calls `point("shard renamed")` at each step where the state that a crash leaves behind matters. A test arms a
point in its own process with `armed`, and in another process through the environment variable `SCORING_FAULT`:

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

__all__ = ["ANY", "POINTS", "VARIABLE", "armed", "passed", "point"]

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
    # leftovers of an interrupted run, and old runs
    "leftovers removed",
    "old run hidden",
    "old run removed",
)
"""All points, grouped by the code that contains them."""


class _Plan:
    """One armed fault: it occurs once, at the nth pass."""

    def __init__(self, name: str, nth: int, error: BaseException | None) -> None:
        self.name, self.left, self.error = name, nth, error
        self.lock = threading.Lock()

    def passes(self, name: str) -> None:
        if self.name not in (ANY, name):
            return
        with self.lock:
            self.left -= 1
            due = self.left == 0
        if not due:
            return
        if self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            raise self.error


_plan: _Plan | None = None
_passed: list[str] | None = None


def point(name: str) -> None:
    """Mark that the code has reached a point. Raise or kill the process if a test armed it."""
    if _plan is None and _passed is None:
        return
    if name not in POINTS:
        raise ValueError(f"{name!r} is no point that a fault can be armed at; add it to POINTS.")
    if _passed is not None:
        _passed.append(name)
    if _plan is not None:
        _plan.passes(name)


@contextmanager
def armed(name: str, nth: int = 1, error: BaseException | None = None) -> Iterator[None]:
    """Raise `error` at the nth pass of a point (`ANY`: of all points); without `error`, kill the process."""
    global _plan
    if name != ANY and name not in POINTS:
        raise ValueError(f"{name!r} is no point; there are {', '.join(POINTS)}.")
    before, _plan = _plan, _Plan(name, nth, error)
    try:
        yield
    finally:
        _plan = before


@contextmanager
def passed() -> Iterator[list[str]]:
    """Yield a list that receives the names of the points passed in the block, in order."""
    global _passed
    before, _passed = _passed, []
    try:
        yield _passed
    finally:
        _passed = before


def _from_environment(text: str | None) -> _Plan | None:
    """Parse `NAME:NTH:kill`, or `NAME:NTH:ERRNO` with the name of an errno. Raise ValueError if invalid."""
    if not text:
        return None
    name, _, rest = text.partition(":")
    nth, _, what = rest.partition(":")
    known = name == ANY or name in POINTS
    if not known or not nth.isdigit() or not (what == "kill" or hasattr(errno, what)):
        raise ValueError(f"{VARIABLE} is {text!r}; write POINT:NTH:kill, or an errno's name such as ENOSPC for kill.")
    number = None if what == "kill" else getattr(errno, what)
    return _Plan(name, int(nth), None if number is None else OSError(number, os.strerror(number)))


_plan = _from_environment(os.environ.get(VARIABLE))
