"""NumPy over blocks of users: gathered columns, a matrix product for the factors, argpartition."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.peers.peer import FullPeer
from scoring.array_types import Floats, Longs
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList, select_best

__all__ = ["NumPyBlocks"]

_BLOCK = 8
"""Users per block: the fastest size from 2 to 64."""


class NumPyBlocks(FullPeer):
    name = "NumPy + argpartition"
    how = f"blocks of {_BLOCK} users × all jobs in float64, one thread per core"
    first = 16

    def __init__(self, peer_inputs: PeerInputs, cpus: int) -> None:
        super().__init__(peer_inputs, cpus)
        users = peer_inputs.users
        self.conditions = users.conditions()
        self.features = users.feature_points()
        self.history_prefecture = users.table(users.applied_prefectures, peer_inputs.n_prefectures, 20.0)
        self.history_occupation = users.table(users.applied_occupations, peer_inputs.n_occupations, 30.0)
        self.clicked = users.table(users.clicked_occupations, peer_inputs.n_occupations, 20.0)
        self.job_vectors = np.ascontiguousarray(peer_inputs.jobs.vector.T, dtype=np.float64)

    def rank(self, rows: Longs, k: int) -> list[JobList]:
        blocks = [rows[first : first + _BLOCK] for first in range(0, len(rows), _BLOCK)]
        # threads work on blocks of users, not inside the matrix product
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self.cpus) as pool:
            return [one for block in pool.map(lambda block: self._block(block, k), blocks) for one in block]

    def _block(self, rows: Longs, k: int) -> list[JobList]:
        totals = self._totals(rows).astype(np.float32)
        for row, of_user in zip(rows, totals, strict=True):
            of_user[self.peer_inputs.users.excluded[row]] = -np.inf
        return [select_best(of_user, self.peer_inputs.jobs.job_id, k) for of_user in totals]

    def _totals(self, rows: Longs) -> Floats:
        """Return (len(rows), m) float64 totals."""
        users, jobs, w = self.peer_inputs.users, self.peer_inputs.jobs, self.peer_inputs.weights

        def of_user(values: NDArray[Any]) -> NDArray[Any]:
            return values[rows][:, None]

        location = users.location[rows][:, jobs.prefecture]
        location[(jobs.place == of_user(users.place)) & (jobs.place >= 0)] = 100.0
        totals = jobs.base + w.location * location
        totals += w.category * users.category[rows][:, jobs.occupation]
        pays = jobs.hourly >= of_user(users.floor)  # false if either is NaN
        conditions = self.conditions[rows]
        totals += w.conditions * np.where(pays, conditions[:, 1][:, jobs.offers], conditions[:, 0][:, jobs.offers])
        usual = of_user(users.usual_wage)
        history = 25.0 + self.history_occupation[rows][:, jobs.occupation]
        history += 25.0 * (np.abs(jobs.hourly - usual) < 0.2 * usual)
        history += self.history_prefecture[rows][:, jobs.prefecture]
        totals += w.history * np.where(of_user(users.applied), history, 50.0)
        clicks = 40.0 + self.clicked[rows][:, jobs.occupation] + self.features[rows][:, jobs.features]
        totals += w.clicks * clicks
        cosine = users.vector[rows].astype(np.float64) @ self.job_vectors
        both = of_user(users.has_vector) & jobs.has_vector
        totals += w.collaborative * np.where(both, 50.0 * (1.0 + cosine), 45.0)
        return totals
