"""What users did lately: the state behind `history` and `clicks`, updated once in an epoch of the market.

Only the newest time of each (user, thing) is kept, which answers "in the last N days" at any later time.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.synthetic.generator import DAY
from scoring.synthetic.jobs import Jobs
from scoring.synthetic.sampling import Floats, Ints

__all__ = ["Memory"]

_APPLIED_DAYS: Final = 90.0
_CLICKED_DAYS: Final = 30.0
_NEVER: Final = -1e9


class Memory:
    """Days since `start` are float32: exact to seconds, and half the size of the clock's integers."""

    def __init__(self, n_users: int, jobs: Jobs, n_occupations: int, n_prefectures: int, start: int) -> None:
        def never(*shape: int) -> NDArray[np.float32]:
            return np.full(shape, _NEVER, np.float32)

        self._jobs, self._start = jobs, start
        self._hourly = jobs.hourly.astype(np.float32)
        self._unknown = (n_occupations, n_prefectures)
        # one column more each: the unknown, which is written and never read
        self._applied = never(n_users)
        self._applied_occupation = never(n_users, n_occupations + 1)
        self._applied_prefecture = never(n_users, n_prefectures + 1)
        self._clicked_occupation = never(n_users, n_occupations + 1)
        self._clicked_flag = never(n_users, 3)
        self._wage = np.full(n_users, np.nan, np.float32)

    def history(self, user: Ints, job: Ints, at: Ints) -> NDArray[np.float32]:
        """(pairs,) `standard`'s history, with a running mean for the usual wage."""
        jobs, since = self._jobs, self._days(at) - np.float32(_APPLIED_DAYS)
        occupation, prefecture = jobs.occupation[job], jobs.prefecture[job]
        usual = self._wage[user]
        value = np.full(len(user), 25, np.float32)
        known = occupation < self._unknown[0]
        value += 30 * (known & (self._applied_occupation[user, occupation] >= since))
        value += 25 * (np.abs(self._hourly[job] - usual) < 0.2 * usual)
        known = prefecture < self._unknown[1]
        value += 20 * (known & (self._applied_prefecture[user, prefecture] >= since))
        return np.where(self._applied[user] >= since, value, np.float32(50))

    def clicks(self, user: Ints, job: Ints, at: Ints) -> NDArray[np.float32]:
        """(pairs,) `standard`'s clicks."""
        jobs, since = self._jobs, self._days(at) - np.float32(_CLICKED_DAYS)
        occupation = jobs.occupation[job]
        value = np.full(len(user), 40, np.float32)
        known = occupation < self._unknown[0]
        value += 20 * (known & (self._clicked_occupation[user, occupation] >= since))
        for i, points in enumerate((15, 10, 10)):
            value += points * (jobs.flags[job, i] & (self._clicked_flag[user, i] >= since))
        return value

    def applied(self, user: Ints, job: Ints, at: Ints) -> None:
        """Remembers applications, given in the order of time."""
        day, jobs = self._days(at), self._jobs
        np.maximum.at(self._applied, user, day)
        np.maximum.at(self._applied_occupation, (user, jobs.occupation[job]), day)
        np.maximum.at(self._applied_prefecture, (user, jobs.prefecture[job]), day)
        hourly: Floats = jobs.hourly[job]
        paid = ~np.isnan(hourly)
        who, row = np.unique(user[paid], return_inverse=True)
        mean = (np.bincount(row, hourly[paid]) / np.bincount(row)).astype(np.float32)
        before = self._wage[who]
        self._wage[who] = np.where(np.isnan(before), mean, (before + mean) / 2)

    def clicked(self, user: Ints, job: Ints, at: Ints) -> None:
        """Remembers clicks."""
        day, jobs = self._days(at), self._jobs
        np.maximum.at(self._clicked_occupation, (user, jobs.occupation[job]), day)
        for i in range(3):
            has = jobs.flags[job, i]
            np.maximum.at(self._clicked_flag[:, i], user[has], day[has])

    def _days(self, at: Ints) -> NDArray[np.float32]:
        return ((at - self._start) / DAY).astype(np.float32)
