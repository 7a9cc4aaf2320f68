"""Hidden preferences of users: weights of the components of the model `standard`, noise and quirks.

The utility of a job is the sum of the user's weights times component values from 0 to 100, plus the user's quirks. The
values follow the formulas of `standard`. Three of them replace what the model must estimate: the company's quality for
`popularity`, the product of hidden vectors for `collaborative`, and hidden similarity of occupations for `category`.

The weights differ clearly from the shipped ones: place and occupation count most, and the fee hardly counts. Tuning
`standard` on the actions can recover that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.synthetic import column_helpers
from scoring.synthetic.companies import Companies
from scoring.synthetic.jobs import Jobs
from scoring.synthetic.recent_action_state import RecentActions
from scoring.synthetic.reference_arrays import DAY, ReferenceArrays
from scoring.synthetic.sampling import Floats, Ints, draw_flags, draw_weighted
from scoring.synthetic.users import STYLES, Users

__all__ = ["HIDDEN_WEIGHTS", "Preferences", "Utility", "make_preferences"]

HIDDEN_WEIGHTS: Final = {
    "fee": 0.01,
    "wage": 0.10,
    "popularity": 0.08,
    "access": 0.02,
    "freshness": 0.08,
    "location": 0.23,
    "category": 0.19,
    "conditions": 0.04,
    "history": 0.14,
    "clicks": 0.03,
    "collaborative": 0.08,
}
"""Component → mean weight of all users, in the order of `standard`."""

_HATED_POINTS, _FAVOURITE_POINTS = -25.0, 12.0


@dataclass(frozen=True)
class Preferences:
    """Hidden preferences of all users.

    Attributes
    ----------
    weights: component → mean weight (`HIDDEN_WEIGHTS`).
    user_weights: user_id and one column per component; the weights of a row sum to 1.
    quirks: user_id, hated_occupation, favourite_company; missing for most users.
    matrix: (n_users, n_components) the weights of `user_weights`.
    """

    weights: dict[str, float]
    user_weights: pd.DataFrame
    quirks: pd.DataFrame
    matrix: NDArray[np.float32]
    hated: Ints  # position, −1 for none
    favourite: Ints


def make_preferences(
    rng: np.random.Generator, reference: ReferenceArrays, users: Users, companies: Companies, jobs: Jobs
) -> Preferences:
    """Return random preferences of the users, around the mean weights `HIDDEN_WEIGHTS`."""
    n = len(users)
    mean = np.array(list(HIDDEN_WEIGHTS.values()))
    matrix = mean * rng.lognormal(0, 0.35, (n, len(mean)))
    matrix /= matrix.sum(1, keepdims=True)
    hated = np.where(draw_flags(rng, 0.35, n), draw_weighted(rng, reference.occupations.weight, n), -1)
    hated[(hated[:, None] == users.interests).any(1)] = -1
    favourite = np.where(draw_flags(rng, 0.25, n), jobs.company[rng.integers(0, len(jobs), n)], -1)
    favourite[favourite == len(companies)] = -1
    ids = users.frame["user_id"].to_numpy()
    quirks = {
        "user_id": ids,
        "hated_occupation": column_helpers.make_integer_column(reference.occupations.codes[hated], hated < 0),
        "favourite_company": column_helpers.make_text_column(companies.ids[favourite], favourite < 0),
    }
    weights = pd.DataFrame(matrix, columns=list(HIDDEN_WEIGHTS))
    weights.insert(0, "user_id", ids)
    return Preferences(dict(HIDDEN_WEIGHTS), weights, pd.DataFrame(quirks), matrix.astype(np.float32), hated, favourite)


class Utility:
    """Computes the hidden utility of pairs of users and jobs."""

    def __init__(
        self, reference: ReferenceArrays, users: Users, companies: Companies, jobs: Jobs, preferences: Preferences
    ) -> None:
        self._users, self._jobs, self._preferences = users, jobs, preferences
        self._location = reference.prefectures.location
        self._no_city = len(reference.cities.codes)
        self._category = _score_categories(reference, users)
        self._lasting = np.column_stack(
            [
                np.clip((jobs.fee - 500) / 45, 0, 100),
                np.interp(_compute_wage_ratios(reference, jobs), [0, 1, 1.2, 1.5], [0, 60, 80, 100]),
                np.clip(60 + 18 * np.append(companies.quality, 0.0)[jobs.company], 0, 100),
                np.minimum(25 + 75 * jobs.has_station + 25 * jobs.has_address, 100),
            ]
        ).astype(np.float32)
        self._attractive = np.any(jobs.flags[:, :3], axis=1).astype(np.float32)

    def compute(self, user: Ints, job: Ints, at: Ints, recent: RecentActions) -> NDArray[np.float32]:
        """Return (pairs,) utility in points, about 0 to 100, of users and jobs by position at times in seconds."""
        jobs = self._jobs
        values = np.empty((len(user), len(HIDDEN_WEIGHTS)), np.float32)
        values[:, :4] = self._lasting[job]
        values[:, 4] = 100 * np.exp2(-np.maximum(at - jobs.posted[job], 0) / (14 * DAY))
        values[:, 5] = self._score_location(user, job)
        values[:, 6] = self._category[user, jobs.occupation[job]]
        values[:, 7] = self._score_conditions(user, job)
        values[:, 8] = recent.score_history(user, job, at)
        values[:, 9] = recent.score_clicks(user, job, at)
        values[:, 10] = 50 + 50 * np.einsum("pd,pd->p", self._users.vectors[user], jobs.vectors[job])
        total = np.einsum("pc,pc->p", values, self._preferences.matrix[user])
        total += np.float32(_HATED_POINTS) * (self._preferences.hated[user] == jobs.trade[job])
        total += np.float32(_FAVOURITE_POINTS) * (self._preferences.favourite[user] == jobs.company[job])
        return total

    def _score_location(self, user: Ints, job: Ints) -> NDArray[np.float32]:
        users, jobs = self._users, self._jobs
        value = self._location[users.prefecture[user], jobs.prefecture[job]]
        city = users.city[user]
        same_city = (city == jobs.city[job]) & (city < self._no_city) & (value == 85)
        return np.where(same_city, np.float32(100), value)

    def _score_conditions(self, user: Ints, job: Ints) -> NDArray[np.float32]:
        users, jobs = self._users, self._jobs
        floor, style = users.floor[user], users.style[user]
        has_floor, has_style = np.greater(floor, 0), np.greater_equal(style, 0)
        met = self._attractive[job] + (has_floor & (jobs.hourly[job] >= floor)).astype(np.float32)
        remote = jobs.flags[job, 3].astype(np.float32)
        met += np.where(has_style, np.where(style == STYLES.index("remote"), remote, np.float32(0.5)), 0)
        return (100 * met / (1 + has_floor + has_style)).astype(np.float32)


def _score_categories(reference: ReferenceArrays, users: Users) -> NDArray[np.float32]:
    """Return (n_users, 173) value of each occupation to each user, by the preferred occupations."""
    best = np.zeros((len(users), len(reference.occupations.codes) + 1), np.float32)
    for stated in users.preferred.T:
        np.maximum(best, reference.occupations.similarity[stated], out=best)
    return 20 + 80 * best


def _compute_wage_ratios(reference: ReferenceArrays, jobs: Jobs) -> Floats:
    """Return the hourly wage relative to the mean of its area over all jobs; 0 if unknown."""
    is_known = ~np.isnan(jobs.hourly)
    hourly = np.where(is_known, jobs.hourly, 0.0)
    major = np.append(reference.occupations.major, reference.occupations.major.max() + 1)[jobs.occupation]
    n_majors = int(major.max()) + 1
    mean = np.full(len(jobs), hourly.sum() / max(1, is_known.sum()))
    for area in (jobs.prefecture, jobs.prefecture * n_majors + major):
        count, total = np.bincount(area, is_known), np.bincount(area, hourly)
        mean = np.where(count[area] >= 30, total[area] / np.maximum(count[area], 1), mean)
    return hourly / np.maximum(mean, 1.0)
