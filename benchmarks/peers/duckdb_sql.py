"""DuckDB: a cross join in SQL, points from list columns, the k largest with an aggregate."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.peers.peer import FullPeer
from benchmarks.results import Bar, at_least
from scoring.array_types import Floats, Longs
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList

_TOTAL = """
CAST(j.base
    + {location} * CASE WHEN j.place >= 0 AND j.place = u.place THEN 100e0 ELSE u.location[j.prefecture + 1] END
    + {category} * u.category[j.occupation + 1]
    + {conditions} * u.conditions[CASE WHEN j.hourly >= u.floor THEN 4 ELSE 0 END + j.offers + 1]
    + {history} * CASE WHEN u.applied
        THEN 25e0 + u.history_occupation[j.occupation + 1]
            + CASE WHEN abs(j.hourly - u.usual_wage) < 2e-1 * u.usual_wage THEN 25e0 ELSE 0e0 END
            + u.history_prefecture[j.prefecture + 1]
        ELSE 50e0 END
    + {clicks} * (40e0 + u.clicked[j.occupation + 1] + u.features[j.features + 1])
    + {collaborative} * CASE WHEN u.has_vector AND j.has_vector
        THEN 50e0 * (1e0 + array_inner_product(u.vector, j.vector)) ELSE 45e0 END
AS FLOAT)"""

# a separate table: with a condition on `users` in the query itself, the planner took a hundred times as long
_CHOOSE = 'CREATE OR REPLACE TEMP TABLE chosen AS SELECT * FROM users WHERE "user" BETWEEN ? AND ?'

# the k largest by an aggregate took half the time of QUALIFY row_number() OVER (…) <= k, with the same rows
_QUERY = """
SELECT "user", unnest(max({{'total': total, 'before': -job_id}}, {k}), recursive := true) FROM (
    SELECT u."user", j.job_id, {total} AS total
    FROM chosen u CROSS JOIN jobs j
    WHERE NOT EXISTS (SELECT 1 FROM excluded e WHERE e."user" = u."user" AND e.job = j.job)
) GROUP BY "user" ORDER BY "user"
"""


class DuckDB(FullPeer):
    name = "DuckDB cross join"
    how = "SQL over in-memory tables; max(…, k) by user (twice as fast as a window function)"
    package: ClassVar[str | None] = "duckdb"
    bar: ClassVar[Bar | None] = at_least(300)
    first = 16

    def __init__(self, peer_inputs: PeerInputs, cpus: int) -> None:
        import duckdb

        super().__init__(peer_inputs, cpus)
        weights = {name: f"{value!r}::DOUBLE" for name, value in vars(peer_inputs.weights).items()}
        self.total = _TOTAL.format(**weights)
        self.connection = duckdb.connect(config={"threads": cpus})
        self.connection.execute("SET enable_progress_bar = false")
        tables = {
            "jobs": _job_table(peer_inputs),
            "users": _user_table(peer_inputs),
            "excluded": _excluded_table(peer_inputs),
        }
        for name, table in tables.items():
            self.connection.register("given", table)
            self.connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")  # noqa: S608 - names are constants
            self.connection.unregister("given")

    def rank(self, rows: Longs, k: int) -> list[JobList]:
        assert (np.diff(rows) == 1).all(), "neighbouring users"
        self.connection.execute(_CHOOSE, [int(rows[0]), int(rows[-1])])
        found = self.connection.execute(_QUERY.format(k=k, total=self.total)).fetchnumpy()
        user, total, before = (np.asarray(found[name]) for name in ("user", "total", "before"))
        start = np.searchsorted(user, np.append(rows, rows[-1] + 1))
        return [JobList(-before[first:stop], total[first:stop].astype(np.float32)) for first, stop in pairwise(start)]


def _lists(values: Floats | NDArray[np.float32]) -> pa.Array:
    """Return (n, w) values as a column of n lists."""
    flat = pa.array(np.ascontiguousarray(values, dtype=np.float64).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _number(values: Floats) -> pa.Array:
    """Replace NaN by NULL: DuckDB orders NaN above all numbers."""
    return pa.array(values, from_pandas=True)


def _job_table(peer_inputs: PeerInputs) -> pa.Table:
    jobs = peer_inputs.jobs
    names = ("job_id", "base", "prefecture", "place", "occupation", "offers", "features", "has_vector")
    return pa.table(
        {"job": np.arange(len(jobs))}
        | {name: getattr(jobs, name) for name in names}
        | {"hourly": _number(jobs.hourly), "vector": _lists(jobs.vector)}
    )


def _user_table(peer_inputs: PeerInputs) -> pa.Table:
    users = peer_inputs.users
    return pa.table(
        {
            "user": np.arange(len(users)),
            "place": users.place,
            "location": _lists(users.location),
            "category": _lists(users.category),
            "conditions": _lists(users.conditions().reshape(len(users), 8)),
            "features": _lists(users.feature_points()),
            "history_occupation": _lists(users.table(users.applied_occupations, peer_inputs.n_occupations, 30.0)),
            "history_prefecture": _lists(users.table(users.applied_prefectures, peer_inputs.n_prefectures, 20.0)),
            "clicked": _lists(users.table(users.clicked_occupations, peer_inputs.n_occupations, 20.0)),
            "floor": _number(users.floor),
            "usual_wage": _number(users.usual_wage),
            "applied": users.applied,
            "has_vector": users.has_vector,
            "vector": _lists(users.vector),
        }
    )


def _excluded_table(peer_inputs: PeerInputs) -> pa.Table:
    excluded = peer_inputs.users.excluded
    return pa.table(
        {
            "user": np.repeat(np.arange(len(excluded)), [len(jobs) for jobs in excluded]),
            "job": np.concatenate([np.empty(0, np.int64), *excluded]),
        }
    )
