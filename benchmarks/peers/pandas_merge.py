"""pandas: users merged with jobs, every pair a row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.peers.peer import FullPeer
from scoring.array_types import Longs
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList

_AT_ONCE = 4


class PandasMerge(FullPeer):
    name = "pandas cross merge"
    how = f"merge(how='cross') of {_AT_ONCE} users at a time, columns in NumPy, nlargest; one core"
    first = _AT_ONCE
    at_once = _AT_ONCE

    def __init__(self, peer_inputs: PeerInputs, cpus: int) -> None:
        super().__init__(peer_inputs, cpus)
        users, jobs = peer_inputs.users, peer_inputs.jobs
        self.conditions, self.features = users.conditions(), users.feature_points()
        self.history_prefecture = users.table(users.applied_prefectures, peer_inputs.n_prefectures, 20.0)
        self.history_occupation = users.table(users.applied_occupations, peer_inputs.n_occupations, 30.0)
        self.clicked = users.table(users.clicked_occupations, peer_inputs.n_occupations, 20.0)
        self.users = pd.DataFrame(
            {
                "user": np.arange(len(users)),
                "user_place": users.place,
                "floor": users.floor,
                "applied": users.applied,
                "usual_wage": users.usual_wage,
                "user_has_vector": users.has_vector,
            }
        )
        columns = ("job_id", "base", "prefecture", "place", "occupation", "hourly", "offers", "features", "has_vector")
        self.jobs = pd.DataFrame({"job": np.arange(len(jobs))} | {name: getattr(jobs, name) for name in columns})

    def rank(self, rows: Longs, k: int) -> list[JobList]:
        lists: list[JobList] = []
        for first in range(0, len(rows), _AT_ONCE):
            lists += self._merge(rows[first : first + _AT_ONCE], k)
        return lists

    def _merge(self, rows: Longs, k: int) -> list[JobList]:
        pairs = self.users.iloc[rows].merge(self.jobs, how="cross")
        pairs["total"] = self._totals(pairs).astype(np.float32)
        shown = np.ones(len(pairs), dtype=bool)
        for place, row in enumerate(rows):
            shown[place * len(self.jobs) + self.peer_inputs.users.excluded[row]] = False
        pairs = pairs[shown]
        # all jobs that reach the k-th largest total, so that ties are ordered by job_id
        largest = pairs.groupby("user", sort=False)["total"].nlargest(k, keep="all").index.get_level_values(1)
        best = pairs.loc[largest, ["user", "job_id", "total"]]
        best = best.sort_values(["user", "total", "job_id"], ascending=[True, False, True]).groupby("user").head(k)
        of_user = dict(list(best.groupby("user")))
        none = best.iloc[:0]
        found = [of_user.get(row, none) for row in rows]
        return [JobList(one["job_id"].to_numpy(), one["total"].to_numpy()) for one in found]

    def _totals(self, pairs: pd.DataFrame) -> pd.Series:
        users, jobs, w = self.peer_inputs.users, self.peer_inputs.jobs, self.peer_inputs.weights
        user, job = pairs["user"].to_numpy(), pairs["job"].to_numpy()
        prefecture, occupation = pairs["prefecture"].to_numpy(), pairs["occupation"].to_numpy()
        same_city = (pairs["place"] == pairs["user_place"]) & (pairs["place"] >= 0)
        location = np.where(same_city, 100.0, users.location[user, prefecture])
        pays = (pairs["hourly"] >= pairs["floor"]).to_numpy().astype(np.int64)
        near = (pairs["hourly"] - pairs["usual_wage"]).abs() < 0.2 * pairs["usual_wage"]
        history = 25.0 + self.history_occupation[user, occupation] + 25.0 * near
        history = (history + self.history_prefecture[user, prefecture]).where(pairs["applied"], 50.0)
        features = pairs["features"].to_numpy()
        clicks = 40.0 + self.clicked[user, occupation] + self.features[user, features]
        cosine = np.zeros(len(pairs))
        for d in range(users.vector.shape[1]):
            cosine += users.vector[user, d].astype(np.float64) * jobs.vector[job, d]
        collaborative = np.where(pairs["user_has_vector"] & pairs["has_vector"], 50.0 * (1.0 + cosine), 45.0)
        return (
            pairs["base"]
            + w.location * location
            + w.category * users.category[user, occupation]
            + w.conditions * self.conditions[user, pays, pairs["offers"].to_numpy()]
            + w.history * history
            + w.clicks * clicks
            + w.collaborative * collaborative
        )
