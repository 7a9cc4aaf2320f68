"""The jobs of live lists as columns that change in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.array_types import Ints
from scoring.dataset.arrays import JobArrays, UserArrays
from scoring.dataset.lazy_fields import Lazy
from scoring.ragged_array import Ragged

__all__ = ["JobColumns", "take_users"]

_NAMES: Final = tuple(field.name for field in fields(JobArrays) if field.name != "frame")
_READ_BY_ACTIONS: Final = (
    "prefecture", "occupation", "company", "place", "hourly", "min_salary", "daily_payment", "no_experience",
    "student_welcome", "remote_work",
)  # fmt: skip
"""What a score or a rule reads of the jobs that a user acted on."""


class _TakenJobs(Lazy, JobArrays):
    """Some jobs. Each array, and the frame, is made at first access."""


class _TakenUsers(Lazy, UserArrays):
    """Some users. Their frame is made at first access."""


class JobColumns:
    """The arrays of n jobs, with room for more.

    Parameters
    ----------
    jobs: The first n jobs.
    room: Number of jobs that the columns have room for.
    """

    def __init__(self, jobs: JobArrays, room: int) -> None:
        self._columns: dict[str, NDArray[Any]] = {}
        for name in _NAMES:
            known = getattr(jobs, name)
            self._columns[name] = np.zeros(room, dtype=known.dtype)
            self._columns[name][: len(known)] = known

    def write(self, slot: int, jobs: JobArrays, row: int = 0) -> bool:
        """Write row `row` of `jobs`; return whether a value changed that scores of users who acted on the job read."""
        changed = False
        for name, column in self._columns.items():
            before, after = column[slot], getattr(jobs, name)[row]
            if before != after and (before == before or after == after):  # NaN equals NaN
                changed |= name in _READ_BY_ACTIONS
                column[slot] = after
        return changed

    def take(self, slots: Ints, make_frame: Callable[[], pd.DataFrame]) -> JobArrays:
        """Return the jobs at these slots, in that order. Use them before a row is written."""
        makers: dict[str, Callable[[], Any]] = {
            name: partial(column.take, slots) for name, column in self._columns.items()
        }
        return _TakenJobs.from_makers({**makers, "frame": make_frame})


def take_users(users: UserArrays, row: int | None) -> UserArrays:
    """Return one user, or none, of arrays of users."""
    rows = np.arange(0) if row is None else np.array([row])
    columns: dict[str, Any] = {}
    for field in fields(UserArrays):
        if field.name != "frame":
            values = getattr(users, field.name)
            columns[field.name] = values.take(rows) if isinstance(values, Ragged) else values[rows]
    return _TakenUsers.from_makers({"frame": lambda: users.frame.iloc[rows].reset_index(drop=True)}, **columns)
