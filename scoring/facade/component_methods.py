"""Methods for the base group and for single components. Those with a legacy name use the formulas of `classic`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.errors import DataError
from scoring.facade import job_only_scores
from scoring.facade.classic_values import (
    POINTS_COLUMNS,
    MatchName,
    PointsName,
    compute_match,
    compute_points,
    load_empty_snapshot,
)
from scoring.facade.engine_state import EngineState, run_in_thread
from scoring.facade.legacy_computation import PairRows, make_pair_inputs
from scoring.facade.legacy_input import Row, read_job, read_user
from scoring.facade.snapshot import Snapshot

__all__ = ["ComponentMethods"]

Values = NDArray[np.float32]


class ComponentMethods(EngineState):
    """Methods that are not async are synchronous in the legacy interface, too.

    The legacy points of a wage are 30, 20, 10 or 5: for 1500, 1200 and 1000 yen per hour, and otherwise. Those of the
    access are 5, and 15 more with a station, and 5 more with an address, at most 20. Both need no data and no ids; of a
    frame they read only their columns.
    """

    def calculate_base_scores_vectorized(self, jobs_df: pd.DataFrame) -> Values:
        """Return (m,) float32: the base score of each row, in the order of the frame.

        Loads the data in this thread if necessary. The base group of `classic` needs no data.

        Raises
        ------
        DataError: If a value is invalid.
        DatabaseError: If the data cannot be loaded.
        """

        def compute(snapshot: Snapshot) -> Values:
            with self.operations.measure("calculate_base_scores_vectorized"):
                return job_only_scores.compute_base_scores(snapshot, self.model, jobs_df)

        return self._compute_for_rows(self.model.weights.components["base"], compute)

    def component_values(self, jobs: pd.DataFrame, name: str) -> Values:
        """Return (m,) float32, 0 to 100: the value of a component of the model for each row, in the order of the frame.

        A component that depends on the user has its value for a user without known values.

        Raises
        ------
        DataError: If a value is invalid.
        ConfigurationError: If the model has no component of that name.
        DatabaseError: If the data cannot be loaded.
        """

        def compute(snapshot: Snapshot) -> Values:
            return job_only_scores.compute_job_component(snapshot, self.model, name, jobs)

        return self._compute_for_rows([name], compute)

    def _calculate_salary_attractiveness_vectorized(self, jobs_df: pd.DataFrame) -> Values:
        """Return (m,) float32: the legacy points of each wage, at most 30. Raises DataError if a wage is invalid."""
        return _compute_frame_points(jobs_df, "wage")

    def _calculate_access_score_vectorized(self, jobs_df: pd.DataFrame) -> Values:
        """Return (m,) float32: the legacy points of the access, at most 20. Raises DataError if it is not a frame."""
        return _compute_frame_points(jobs_df, "access")

    async def _calculate_salary_attractiveness(self, job: Any) -> float:
        """Return the legacy points of the wage of a job, at most 30. Raises DataError if a value is invalid."""
        return await _compute_job_points(read_job(job), "wage")

    async def _calculate_access_score(self, job: Any) -> float:
        """Return the legacy points of the access of a job, at most 20. Raises DataError if a value is invalid."""
        return await _compute_job_points(read_job(job), "access")

    async def _calculate_location_match(self, job: Any, user: Any) -> float:
        """Return 100 in the same prefecture, 60 in an adjacent one, 20 otherwise. Raises DataError, DatabaseError."""
        return await self._compute_match(job, user, "location")

    async def _calculate_category_match(self, job: Any, user: Any) -> float:
        """Return 100 for a preferred occupation, 60 in its group, 20 otherwise. Raises DataError, DatabaseError."""
        return await self._compute_match(job, user, "category")

    async def _calculate_condition_match(self, job: Any, user: Any) -> float:
        """Return 100 · met / asked conditions, 50 if none is asked. Raises DataError, DatabaseError."""
        return await self._compute_match(job, user, "condition")

    async def _compute_match(self, job: Any, user: Any, name: MatchName) -> float:
        snapshot = await self._data.get_async()
        board = snapshot.dataset.board
        pair = PairRows(read_job(job, board), read_user(user, board))

        def work(_: Callable[[], bool]) -> float:
            return compute_match(make_pair_inputs(snapshot, pair), name)

        return await run_in_thread(work)

    def _compute_for_rows(self, names: Collection[str], compute: Callable[[Snapshot], Values]) -> Values:
        """Call `compute` on the data; on no data if they are not loaded and these components do not need them.

        Invalid rows are judged with the data, which contain text ids and own columns.
        """
        needs_loading = self._data.database is not None and self._data.current is None
        if needs_loading and job_only_scores.read_row_alone(self.model, names):
            with suppress(DataError):
                return compute(load_empty_snapshot())
        return compute(self._data.get())


def _compute_frame_points(jobs: pd.DataFrame, name: PointsName) -> Values:
    return compute_points(job_only_scores.make_frame_inputs(jobs, POINTS_COLUMNS[name]), name)


async def _compute_job_points(job: Row, name: PointsName) -> float:
    def work(_: Callable[[], bool]) -> float:
        return float(compute_points(job_only_scores.make_job_inputs(job, POINTS_COLUMNS[name]), name)[0])

    return await run_in_thread(work)
