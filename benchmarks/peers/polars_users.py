"""polars without a table of pairs: one expression over the jobs per user."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from benchmarks.peers.peer import FullPeer
from benchmarks.peers.polars_cross import job_frame
from benchmarks.results import Bar, at_least
from scoring.array_types import Floats, Longs
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList


class PolarsUsers(FullPeer):
    name = "polars, user by user"
    how = "the user's values as literals in one lazy query over the jobs, sort and head"
    package: ClassVar[str | None] = "polars"
    bar: ClassVar[Bar | None] = at_least(300)
    first = 4

    def __init__(self, peer_inputs: PeerInputs, cpus: int) -> None:
        super().__init__(peer_inputs, cpus)
        self.jobs = job_frame(peer_inputs)
        users = peer_inputs.users
        self.conditions, self.features = users.conditions(), users.feature_points()
        self.history_prefecture = users.table(users.applied_prefectures, peer_inputs.n_prefectures, 20.0)
        self.history_occupation = users.table(users.applied_occupations, peer_inputs.n_occupations, 30.0)
        self.clicked = users.table(users.clicked_occupations, peer_inputs.n_occupations, 20.0)

    def rank(self, rows: Longs, k: int) -> list[JobList]:
        found = [self._query(int(row), k).collect() for row in rows]
        return [JobList(one["job_id"].to_numpy(), one["total"].to_numpy()) for one in found]

    def _query(self, row: int, k: int) -> Any:
        import polars as pl

        query = self.jobs.lazy()
        excluded = self.peer_inputs.users.excluded[row]
        if len(excluded):
            query = query.filter(~pl.col("job").is_in(pl.Series(excluded).implode()))
        query = query.select("job_id", total=self._total(row).cast(pl.Float32))
        return query.sort("total", "job_id", descending=[True, False]).head(k)

    def _total(self, row: int) -> Any:
        import polars as pl

        users, w, c = self.peer_inputs.users, self.peer_inputs.weights, pl.col

        def points(table: Floats, column: str) -> Any:
            return pl.lit(pl.Series(table)).gather(column)

        location = points(users.location[row], "prefecture")
        if users.place[row] >= 0:
            location = pl.when(c("place") == int(users.place[row])).then(100.0).otherwise(location)
        conditions = points(self.conditions[row, 0], "offers")
        if not np.isnan(users.floor[row]):
            pays = (c("hourly") >= float(users.floor[row])).fill_null(False)
            conditions = pl.when(pays).then(points(self.conditions[row, 1], "offers")).otherwise(conditions)
        clicks = 40.0 + points(self.clicked[row], "occupation") + points(self.features[row], "features")
        return (
            c("base")
            + w.location * location
            + w.category * points(users.category[row], "occupation")
            + w.conditions * conditions
            + w.history * self._history(row)
            + w.clicks * clicks
            + w.collaborative * self._collaborative(row)
        )

    def _history(self, row: int) -> Any:
        import polars as pl

        users = self.peer_inputs.users
        if not users.applied[row]:
            return pl.lit(50.0)
        history = 25.0 + pl.lit(pl.Series(self.history_occupation[row])).gather("occupation")
        usual = float(users.usual_wage[row])
        if not np.isnan(usual):
            near = ((pl.col("hourly") - usual).abs() < 0.2 * usual).fill_null(False)
            history = history + 25.0 * near.cast(pl.Float64)
        return history + pl.lit(pl.Series(self.history_prefecture[row])).gather("prefecture")

    def _collaborative(self, row: int) -> Any:
        import polars as pl

        users = self.peer_inputs.users
        if not users.has_vector[row]:
            return pl.lit(45.0)
        cosine = pl.lit(0.0)
        for d, value in enumerate(users.vector[row].tolist()):
            cosine = cosine + pl.col(f"q{d}") * value
        return pl.when("has_vector").then(50.0 * (1.0 + cosine)).otherwise(45.0)
