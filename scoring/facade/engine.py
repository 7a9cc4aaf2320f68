"""`ScoringEngine`: the legacy interface, each method a few lines over the nouns."""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.catalog import load_model
from scoring.dataset import Dataset
from scoring.engine.batch import DEFAULT_CHUNK_SIZE, MAX_BATCH_SIZE
from scoring.errors import ConfigurationError, DatabaseError, DataError
from scoring.facade import loading, requests
from scoring.facade.counters import Counters
from scoring.facade.legacy_objects import profile_id, read_job, read_user
from scoring.facade.pairs_store import ScoredPairs, require_free, write_pairs
from scoring.facade.snapshot import Snapshot, SnapshotHolder
from scoring.model import ScoringModel
from scoring.statistics.factors import default_cache

__all__ = ["DEFAULT_CHUNK_SIZE", "MAX_BATCH_SIZE", "PERFORMANCE_TARGET_MS_PER_USER", "ScoringEngine"]

PERFORMANCE_TARGET_MS_PER_USER = 180
"""Milliseconds per user that a batch may take; an engine's attribute of this name overrides it."""

CACHES = ("snapshot", "plan")

P = ParamSpec("P")
T = TypeVar("T")


class ScoringEngine:
    """Scores jobs for users from a database, by the interface that legacy callers know.

    `db` is a SQLAlchemy Session, AsyncSession, Engine, AsyncEngine or URL, the path of a SQLite file, or a
    `scoring.dataset.Dataset`, which is then the whole data. `model`: a shipped model's name, a model file, or a
    ScoringModel. `as_of`: the clock (None: the newest action). `max_workers`: threads (None: one per core).
    `keep_factors`: where trained factors are kept: True the user's cache folder, False nowhere, or a folder.

    The data is loaded once, when first needed, and kept: `refresh()` exchanges it. Statistics are always those of
    the whole data, never of the rows that a call passes; those rows are scored by what they say, with the history
    and factors that the data has for their ids (none for ids that it does not know).

    Async methods never hold up the event loop. An engine may be used by many tasks and threads at once.

    Raises ConfigurationError (no database), DatabaseError, ModelError.
    """

    PERFORMANCE_TARGET_MS_PER_USER: float = PERFORMANCE_TARGET_MS_PER_USER

    def __init__(
        self,
        db: Any,
        model: str | Path | ScoringModel = "classic",
        *,
        as_of: datetime | str | None = None,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
        max_workers: int | None = None,
        company_cache_hours: float = 1,
        prefecture_cache_size: int = 10_000,
        company_cache_size: int = 500,
        keep_factors: bool | str | os.PathLike[str] = True,
    ) -> None:
        if db is None:
            raise ConfigurationError(
                "ScoringEngine needs data: a database (Session, AsyncSession, Engine, AsyncEngine, URL or path), or "
                "Dataset.from_frames(jobs, users, actions)."
            )
        if isinstance(db, Dataset) and as_of is not None:
            raise ConfigurationError("as_of: a Dataset has its clock already; give it to Dataset.from_frames.")
        self.model = model if isinstance(model, ScoringModel) else load_model(model)
        self.chunk_size = chunk_size
        self.max_workers = max_workers
        # bounds of the caching layers; the snapshot answers right whatever they are
        self.company_cache_hours = company_cache_hours
        self.prefecture_cache_size = prefecture_cache_size
        self.company_cache_size = company_cache_size
        folder = {True: default_cache(), False: None}[keep_factors] if isinstance(keep_factors, bool) else keep_factors
        self._data = SnapshotHolder(db, as_of, None if folder is None else Path(folder))
        self._done = Counters()

    def __repr__(self) -> str:
        where = self._data.database.display if self._data.database else "a Dataset"
        return f"ScoringEngine({where}, model={self.model.name})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the data and of connections that the engine opened itself; a caller's own stay open."""
        self._data.close()

    async def refresh(self) -> None:
        """Reads the database again. Calls under way keep the data they began with. Raises DatabaseError."""
        await self._data.refresh()

    # Batches

    async def process_scoring_batch(
        self,
        users_df: pd.DataFrame,
        jobs_df: pd.DataFrame,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
        top_k: int | None = None,
        out: str | os.PathLike[str] | None = None,
    ) -> pd.DataFrame | ScoredPairs:
        """Scores these users against these jobs; columns may have legacy names.

        Without `top_k`: every pair, eligible or not, in (user, job) input order; columns user_id, job_id int64,
        total_score, base_score, seo_score, personal_score float32, eligible bool. With `top_k`: the best eligible
        jobs of each user, best first, users in input order; `rank` (from 1) in place of `eligible`. With `out`, a
        folder that does not exist yet: every pair as a Parquet dataset, and a lazy `ScoredPairs`.

        `chunk_size`: users planned at a time (the default stands for the engine's attribute); results do not
        depend on it.

        Raises
        ------
        NotEnoughMemoryError: a frame of every pair cannot fit; before any work.
        DataError: rows that cannot be, named: an id twice, infinity.
        ConfigurationError: `top_k` or `chunk_size` below 1, `top_k` beside `out`.
        OutputError: `out` exists or cannot be written.
        DatabaseError: the data cannot be loaded.
        """
        size = self._chunk(chunk_size)
        n_users, n_jobs = _length("users", users_df), _length("jobs", jobs_df)
        if out is not None:
            if top_k is not None:
                raise ConfigurationError("top_k and out do not go together: out=DIRECTORY is for every pair.")
            require_free(out)
        elif top_k is None:
            requests.require_room(n_users, n_jobs, size, self.max_workers)
        snapshot = await self._data.get_async()

        def work(cancelled: Callable[[], bool]) -> pd.DataFrame | ScoredPairs:
            inputs = requests.inputs_of(snapshot, users_df, jobs_df)
            with self._done.timed(n_users, n_users * n_jobs):
                if out is not None:
                    return write_pairs(
                        inputs, self.model, out, chunk_size=size, workers=self.max_workers, cancelled=cancelled
                    )
                return self._frame(inputs, top_k, size, cancelled)

        return await _in_thread(work)
