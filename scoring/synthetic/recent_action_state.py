"""Recent actions of users: the state behind `history` and `clicks`, updated once per epoch of the simulation.

Only the newest time per user and occupation, prefecture or flag is kept. It is enough to decide whether an action
happened in the last N days.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.synthetic.jobs import Jobs
from scoring.synthetic.reference_arrays import DAY
from scoring.synthetic.sampling import Floats, Ints

__all__ = ["RecentActions"]

_APPLIED_DAYS: Final = 90.0
_CLICKED_DAYS: Final = 30.0
_NEVER: Final = -1e9


class RecentActions:
    """Newest applications and clicks of each user.

    Times are float32 days since `start`: precise to seconds, in half the memory of int64.
    """

    def __init__(self, n_users: int, jobs: Jobs, n_occupations: int, n_prefectures: int, start: int) -> None:
        def make_never(*shape: int) -> NDArray[np.float32]:
            return np.full(shape, _NEVER, np.float32)

        self._jobs, self._start = jobs, start
        self._hourly = jobs.hourly.astype(np.float32)
        self._unknown = (n_occupations, n_prefectures)
        # one extra column each for unknown values, which is written and never read
        self._applied = make_never(n_users)
        self._applied_occupation = make_never(n_users, n_occupations + 1)
        self._applied_prefecture = make_never(n_users, n_prefectures + 1)
        self._clicked_occupation = make_never(n_users, n_occupations + 1)
        self._clicked_flag = make_never(n_users, 3)
        self._wage = np.full(n_users, np.nan, np.float32)

    def score_history(self, user: Ints, job: Ints, at: Ints) -> NDArray[np.float32]:
        """Return (pairs,) `history` as the model `standard` computes it, but with a running mean as the usual wage."""
        jobs, since = self._jobs, self._days(at) - np.float32(_APPLIED_DAYS)
        occupation, prefecture = jobs.occupation[job], jobs.prefecture[job]
        usual_hourly = self._wage[user]
        value = np.full(len(user), 25, np.float32)
        is_known = occupation < self._unknown[0]
        value += 30 * (is_known & (self._applied_occupation[user, occupation] >= since))
        value += 25 * (np.abs(self._hourly[job] - usual_hourly) < 0.2 * usual_hourly)
        is_known = prefecture < self._unknown[1]
        value += 20 * (is_known & (self._applied_prefecture[user, prefecture] >= since))
        return np.where(self._applied[user] >= since, value, np.float32(50))

    def score_clicks(self, user: Ints, job: Ints, at: Ints) -> NDArray[np.float32]:
        """Return (pairs,) `clicks` as the model `standard` computes it."""
        jobs, since = self._jobs, self._days(at) - np.float32(_CLICKED_DAYS)
        occupation = jobs.occupation[job]
        value = np.full(len(user), 40, np.float32)
        is_known = occupation < self._unknown[0]
        value += 20 * (is_known & (self._clicked_occupation[user, occupation] >= since))
        for i, points in enumerate((15, 10, 10)):
            value += points * (jobs.flags[job, i] & (self._clicked_flag[user, i] >= since))
        return value

    def record_applications(self, user: Ints, job: Ints, at: Ints) -> None:
        """Record applications, which must be in time order."""
        day, jobs = self._days(at), self._jobs
        np.maximum.at(self._applied, user, day)
        np.maximum.at(self._applied_occupation, (user, jobs.occupation[job]), day)
        np.maximum.at(self._applied_prefecture, (user, jobs.prefecture[job]), day)
        hourly: Floats = jobs.hourly[job]
        paid = ~np.isnan(hourly)
        who, row = np.unique(user[paid], return_inverse=True)
        mean = (np.bincount(row, hourly[paid]) / np.bincount(row)).astype(np.float32)
        previous = self._wage[who]
        self._wage[who] = np.where(np.isnan(previous), mean, (previous + mean) / 2)

    def record_clicks(self, user: Ints, job: Ints, at: Ints) -> None:
        """Record clicks."""
        day, jobs = self._days(at), self._jobs
        np.maximum.at(self._clicked_occupation, (user, jobs.occupation[job]), day)
        for i in range(3):
            has_flag = jobs.flags[job, i]
            np.maximum.at(self._clicked_flag[:, i], user[has_flag], day[has_flag])

    def _days(self, at: Ints) -> NDArray[np.float32]:
        return ((at - self._start) / DAY).astype(np.float32)
