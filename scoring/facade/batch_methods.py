"""Methods for many users and many jobs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.errors import ConfigurationError, DatabaseError
from scoring.facade import legacy_computation
from scoring.facade.engine_state import EngineState, require_integer, run_in_thread
from scoring.facade.legacy_result_types import select_scores
from scoring.facade.pair_parquet_dataset import ScoredPairs, require_new_folder, write_pairs
from scoring.facade.request_plans import make_inputs, prepare_request
from scoring.facade.shared_lists import MIN_SHARED_USERS, RowLists, SharedLists, is_named_by_digest
from scoring.facade.snapshot import Snapshot
from scoring.model import Inputs
from scoring.ranking import Prepared, Ranking
from scoring.runs.runner import DEFAULT_CHUNK_SIZE
from scoring.threads.pool import limit_threads
from scoring.validation.frame_library_conversion import to_pandas_frame

__all__ = ["BatchMethods"]

DEFAULT_TOP_K: Final = 40

Result = pd.DataFrame | ScoredPairs


class BatchMethods(EngineState):
    """Methods that take and return DataFrames."""

    async def process_scoring_batch(
        self,
        users_df: pd.DataFrame,
        jobs_df: pd.DataFrame,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
        top_k: int | None = None,
        out: str | os.PathLike[str] | None = None,
    ) -> Result:
        """Score these users against these jobs. Columns may have legacy names; absent columns are missing values.

        Without `top_k`, the result has every pair, eligible or not, in (user, job) input order; columns user_id, job_id
        int64, total_score, base_score, seo_score, personal_score float32, eligible bool. With `top_k`, it has the best
        eligible jobs of each user, best first, users in input order, and `rank` (from 1) instead of `eligible`.

        If users or jobs are given with external ids, `user_external_id` and `job_external_id` follow, with `top_k` and
        in the files of `out`. A frame of every pair has numbers only: its size is checked before data are loaded.

        Parameters
        ----------
        chunk_size: Number of users planned at a time (the default means the attribute of the engine). Results do not
            depend on it.
        out: A folder that does not exist. Every pair is written to it as a Parquet dataset, and a lazy `ScoredPairs` is
            returned.

        Raises
        ------
        NotEnoughMemoryError: If a frame of every pair does not fit, before any work.
        DataError: If a row is invalid, such as a duplicate id or infinity.
        ConfigurationError: If `top_k` or `chunk_size` is below 1, or `top_k` and `out` are both given.
        OutputError: If `out` exists or cannot be written.
        DatabaseError: If the data cannot be loaded.
        """
        size = self._chunk_users(chunk_size)
        users_df, jobs_df = to_pandas_frame(users_df, "users"), to_pandas_frame(jobs_df, "jobs")
        n_users, n_jobs = len(users_df), len(jobs_df)
        top_k = self._check_request(n_users, n_jobs, size, top_k, out)
        loaded = await self._data.find_async()

        def work(cancelled: Callable[[], bool]) -> Result:
            snapshot = self._data.count_request(loaded)
            with self.operations.measure("process_scoring_batch", n_users, n_users * n_jobs):
                if top_k is None:
                    return self._score_all_pairs(make_inputs(snapshot, users_df, jobs_df), size, out, cancelled)
                with limit_threads(self.max_workers):
                    prepared = prepare_request(snapshot, self.model, users_df, jobs_df, self.max_workers)
                return self._make_ranking_frame(RowLists(np.arange(n_users), lambda: prepared), top_k, size, cancelled)

        return await run_in_thread(work)

    async def _calculate_chunk_scores(self, users_chunk: pd.DataFrame, jobs_df: pd.DataFrame) -> pd.DataFrame:
        """Return every pair of one chunk: `process_scoring_batch` without `top_k`."""
        users_chunk = to_pandas_frame(users_chunk, "users")
        size = self._chunk_users(max(1, len(users_chunk)))
        result = await self.process_scoring_batch(users_chunk, jobs_df, chunk_size=size)
        assert isinstance(result, pd.DataFrame)
        return result

    async def calculate_scores_for_all_users(
        self,
        job_limit: int | None = None,
        user_limit: int | None = None,
        score_types: Iterable[str] | None = None,
        *,
        top_k: int | None = DEFAULT_TOP_K,
        out: str | os.PathLike[str] | None = None,
    ) -> Result:
        """Score the active users of the database against its jobs. Results as of `process_scoring_batch`, by user_id.

        Statistics are always those of the whole data.

        Parameters
        ----------
        job_limit: Use the jobs with the smallest ids.
        user_limit: Use the active users with the smallest ids.
        score_types: The score columns of the result, in this order, such as `["total_score"]` (None: all). An integer
            is deprecated; it is `top_k`, the third argument in version 0.1.
        top_k: Number of jobs of each user (None: every pair, in a frame or, with `out`, on disk).
        out: As in `process_scoring_batch`.

        Raises
        ------
        DatabaseError: If there are no users or no jobs.
        ConfigurationError: If a name in `score_types` is unknown, or `score_types` and `out` are both given. And what
            `process_scoring_batch` raises.
        """
        if isinstance(score_types, int | np.integer):
            score_types, top_k = None, _read_third_argument(score_types, top_k)
        selected = select_scores(score_types, legacy_computation.SCORE_COLUMNS)
        if selected is not None and out is not None:
            raise ConfigurationError(
                "score_types and out are both given, but out receives all scores. Omit score_types, and read some "
                "columns with `ScoredPairs.read(columns=…)`.",
                key=("score_types",),
            )
        limits = [
            None if limit is None else require_integer(name, limit, least=0)
            for name, limit in (("job_limit", job_limit), ("user_limit", user_limit))
        ]
        size = self._chunk_users(DEFAULT_CHUNK_SIZE)
        top_k = self._check_request(0, 0, size, top_k, out)
        snapshot = await self._data.get_async()

        def work(cancelled: Callable[[], bool]) -> Result:
            self._require_rows(snapshot)
            n_jobs = len(snapshot.dataset.jobs) if limits[0] is None else min(limits[0], len(snapshot.dataset.jobs))
            users = np.flatnonzero(snapshot.dataset.users.active)[: limits[1]]
            self._check_request(len(users), n_jobs, size, top_k, out)
            lists: RowLists
            if top_k is not None and self._shares_lists(snapshot, len(users), n_jobs):
                lists = SharedLists(snapshot, self.model, users, lambda: self._prepare(snapshot, n_jobs))
            else:
                prepared = self._prepare(snapshot, n_jobs)
                lists = RowLists(users, lambda: prepared)
            with self.operations.measure("calculate_scores_for_all_users", len(users), len(users) * n_jobs):
                if top_k is None:
                    result = self._score_all_pairs(prepared.inputs.take_users(users), size, out, cancelled)
                else:
                    result = self._make_ranking_frame(lists, top_k, size, cancelled)
            return result if selected is None else _keep_scores(result, selected)

        return await run_in_thread(work)

    def _check_request(
        self, n_users: int, n_jobs: int, chunk_size: int, top_k: int | None, out: str | os.PathLike[str] | None
    ) -> int | None:
        """Check everything that can be checked without the data. Return top_k as an int."""
        if out is not None and top_k is not None:
            raise ConfigurationError(
                f"top_k is {top_k!r}, but out receives every pair. Use top_k=None, or omit out.", key=("top_k",)
            )
        if out is not None:
            require_new_folder(out)
        elif top_k is None:
            legacy_computation.require_memory(n_users, n_jobs, chunk_size, self.max_workers)
        return None if top_k is None else require_integer("top_k", top_k, least=1)

    def _shares_lists(self, snapshot: Snapshot, n_users: int, n_jobs: int) -> bool:
        """Return whether other engines may have computed the lists: of all jobs, with data that do not change now."""
        seconds = self.caches.basis_seconds
        if seconds is None or not self.caches.has_store:
            return False
        if n_users < MIN_SHARED_USERS or n_jobs < len(snapshot.dataset.jobs):
            return False
        if not is_named_by_digest(self.model):
            if self._shared_store is not None:
                self._shared_store.count_not_shareable("lists")
            return False
        return self._data.seconds_unchanged >= seconds

    def _make_ranking_frame(
        self, lists: RowLists, top_k: int, chunk_size: int, cancelled: Callable[[], bool]
    ) -> pd.DataFrame:
        def rank(first: int, stop: int) -> Ranking:
            return lists.rank(top_k, first, stop, cancelled)

        return legacy_computation.make_ranking_frame(rank, len(lists.users), chunk_size=chunk_size)

    def _require_rows(self, snapshot: Snapshot) -> None:
        if not len(snapshot.dataset.users) or not len(snapshot.dataset.jobs):
            raise DatabaseError(
                f"{self} contains no users or no jobs. Load data with `scoring import`, or use a Dataset that contains "
                "both.",
                reason="empty",
            )

    def _prepare(self, snapshot: Snapshot, n_jobs: int) -> Prepared:
        """Return the model prepared on the first jobs."""
        if n_jobs == len(snapshot.dataset.jobs):
            return snapshot.prepared(self.model, self.max_workers)
        jobs = snapshot.dataset.tables.jobs.head(n_jobs)
        return Prepared.of(Inputs.of(snapshot.statistics, jobs=jobs), self.model, workers=self.max_workers)

    def _score_all_pairs(
        self, inputs: Inputs, chunk_size: int, out: str | os.PathLike[str] | None, cancelled: Callable[[], bool]
    ) -> Result:
        if out is None:
            return legacy_computation.make_pairs_frame(
                inputs, self.model, chunk_size=chunk_size, workers=self.max_workers, cancelled=cancelled
            )
        return write_pairs(
            inputs, self.model, out, chunk_size=chunk_size, workers=self.max_workers, cancelled=cancelled
        )


def _read_third_argument(given: int | np.integer[Any], top_k: int | None) -> int:
    """Return the integer in third place as `top_k`, with a warning.

    Raises
    ------
    ConfigurationError: If `top_k` is also given, or the integer is below 1.
    """
    if top_k != DEFAULT_TOP_K:
        raise ConfigurationError(
            f"The third argument is {given!r} and top_k is {top_k!r}. Give top_k only by its name.", key=("top_k",)
        )
    number = require_integer("top_k", given, least=1)
    warnings.warn(
        f"The third argument of calculate_scores_for_all_users is score_types. Use top_k={number}.",
        DeprecationWarning,
        stacklevel=3,
    )
    return number


def _keep_scores(result: Result, selected: tuple[str, ...]) -> pd.DataFrame:
    """Return the result with only these score columns, in this order."""
    assert isinstance(result, pd.DataFrame)
    others = [name for name in result if name not in legacy_computation.LEGACY_COLUMNS]
    return result[["user_id", "job_id", *selected, *others]]
