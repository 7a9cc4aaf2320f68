"""The state of an engine: settings, the snapshot, caches, counters, threads."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import pandas as pd

from scoring.argument_checks import check_integer, check_number, check_workers, list_values
from scoring.caching import CACHE_NAMES, GROUPS, CacheStats, EngineCaches
from scoring.caching.memory_footprints import Footprint
from scoring.caching.redis_store import RedisStore, SharedCacheStats
from scoring.caching.shared_cache_options import SharedCache
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.facade.legacy_result_types import count_cache_entries, select_argument
from scoring.facade.shared_cache_metrics import SharedCacheCollector
from scoring.facade.shared_lists import ListsCodec
from scoring.facade.snapshot import CHECK_SECONDS, SnapshotHolder
from scoring.model_catalog import AnyModel, load_model
from scoring.runs.runner import DEFAULT_CHUNK_SIZE, MAX_BATCH_SIZE
from scoring.statistics.factors import default_cache
from scoring.statistics.shared_basis import CODECS
from scoring.storage.home_folder_expansion import expand_path
from scoring.telemetry import Operations, Sources, TargetAlert, memory_statistics
from scoring.validation.report import DataReport

if TYPE_CHECKING:
    from scoring.live.live_engine import LiveEngine
    from scoring.registry import Registry

__all__ = ["CACHES", "PERFORMANCE_TARGET_MS_PER_USER", "EngineState", "require_integer", "run_in_thread"]

PERFORMANCE_TARGET_MS_PER_USER = 180
"""Target for batches, in milliseconds per user. The attribute of this name overrides it for an engine."""

CACHES: Final = ("snapshot", *CACHE_NAMES)
"""The loaded data, and the caches of `EngineCaches`."""

T = TypeVar("T")


class EngineState:
    """Settings and state; see `ScoringEngine`."""

    PERFORMANCE_TARGET_MS_PER_USER: float = PERFORMANCE_TARGET_MS_PER_USER

    def __init__(
        self,
        db: Any,
        model: AnyModel = "classic",
        *,
        as_of: datetime | str | None = None,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
        max_workers: int | None = None,
        company_cache_hours: float = 1,
        prefecture_cache_size: int = 10_000,
        company_cache_size: int = 500,
        keep_factors: bool | str | os.PathLike[str] = True,
        change_check_seconds: float = CHECK_SECONDS,
        caches: EngineCaches | None = None,
        layers: EngineCaches | None = None,
        shared_cache: str | SharedCache | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if db is None:
            raise ConfigurationError(
                "ScoringEngine needs data: a database (Session, AsyncSession, Engine, AsyncEngine, URL or path), or "
                "Dataset.from_frames(jobs, users, actions).",
                key=("data",),
            )
        if isinstance(db, Dataset) and as_of is not None:
            raise ConfigurationError(
                "as_of is given, but a Dataset has its own as_of. Pass as_of to the method that creates the Dataset, "
                "such as Dataset.from_frames.",
                key=("as_of",),
            )
        if caches is not None and layers is not None:
            raise ConfigurationError(
                "caches and layers are both given. layers is the deprecated name of caches: use only caches.",
                key=("layers",),
            )
        if shared_cache is not None and (caches is not None or layers is not None):
            raise ConfigurationError(
                "shared_cache and caches are both given. Use EngineCaches(store=..., basis_seconds=...) for a store of "
                "your own, or only shared_cache.",
                key=("shared_cache",),
            )
        self.db = db
        """The data as it was passed."""
        self.model = load_model(model)
        self.chunk_size = chunk_size
        self.max_workers = check_workers(max_workers, "max_workers")
        self._shared_store = None if shared_cache is None else _open_shared_store(shared_cache)
        self.caches = (
            caches
            or layers
            or EngineCaches(
                store=self._shared_store,
                basis_seconds=None if self._shared_store is None else self._shared_store.options.basis_seconds,
                company_hours=check_number("company_cache_hours", company_cache_hours),
                prefecture_entries=check_integer("prefecture_cache_size", prefecture_cache_size, 0),
                company_entries=check_integer("company_cache_size", company_cache_size, 0),
                clock=clock,
            )
        )
        self._data = SnapshotHolder(
            db,
            as_of,
            _resolve_factor_folder(keep_factors),
            self.caches,
            check_seconds=check_number("change_check_seconds", change_check_seconds),
            clock=clock,
            workers=max_workers,
        )
        self.alert = TargetAlert(lambda: self.PERFORMANCE_TARGET_MS_PER_USER)
        """Warns if the running mean time per user exceeds the target: `engine.alert.on(callback)`."""
        self.operations = Operations(listeners=[self.alert.observe])
        """Counts and times of calls, by the name of the method."""

    def __repr__(self) -> str:
        source = self._data.database.display if self._data.database else "a Dataset"
        return f"ScoringEngine({source}, model={self.model.name})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the data, and close connections that the engine opened. Connections of the caller stay open."""
        self._data.close()
        if self._shared_store is not None:
            self._shared_store.clear()
            self._shared_store.close()

    async def refresh(self) -> None:
        """Load the database again, and company popularity too. Calls in progress keep the data they began with.

        Raises
        ------
        DatabaseError: If the database cannot be read.
        DataError: If too many rows are invalid.
        """
        await self._data.refresh()

    def live(
        self,
        *,
        k: int = 40,
        tick_seconds: float = 60.0,
        registry: Registry | None = None,
        name: str | None = None,
    ) -> LiveEngine:
        """Return an engine that keeps the lists of this database exact after every event.

        Use it in a `with` statement, which starts and closes it. It has its own connections and does not read the data
        of this engine. The model is that of this engine, unless `registry` is given: then it is the promoted one.

        Raises
        ------
        ConfigurationError: If this engine has no database that several threads can open.

        Example
        -------
        >>> import shutil
        >>> from scoring import ScoringEngine
        >>> path = shutil.copy(folder / "market.db", folder / "engine.db")
        >>> with ScoringEngine(path, model="standard", keep_factors=False) as engine:
        ...     with engine.live(k=5) as live:
        ...         job = int(live.get(1).list.job_id[0])
        ...         written = live.write([{"kind": "job", "id": job, "deleted": True}])
        ...         is_listed = job in live.get(1, after=written.seq, timeout=30).list.job_id
        >>> is_listed
        False
        """
        from scoring.live.live_engine import LiveEngine

        if self._data.database is None:
            raise ConfigurationError(
                "Live lists need a database, but this engine has a Dataset. Create the engine with the URL or the path "
                "of a database.",
                key=("db",),
            )
        url = self._data.database.engine.url
        model = None if registry is not None else self.model
        return LiveEngine(url, model, k=k, tick_seconds=tick_seconds, registry=registry, name=name)

    async def warmup_caches(self) -> dict[str, Any]:
        """Load the data, plan the model and compile the kernels, so that the next call is fast.

        Returns `get_performance_stats()`.

        Raises
        ------
        DatabaseError: If the database cannot be read.
        DataError: If too many rows are invalid.
        """
        snapshot = await self._data.get_async()

        def work(_: Callable[[], bool]) -> None:
            prepared = snapshot.prepared(self.model, self.max_workers)
            if len(prepared.plan.user_id):
                prepared.scorer.top_k(1, prepared.active_users[:1])
                prepared.scorer.all_pairs(prepared.active_users[:1])

        await run_in_thread(work)
        return self.get_performance_stats()

    @property
    def company_cache_hours(self) -> float:
        """Hours for which company popularity is kept. Setting it empties the cache."""
        return self.caches.company_hours

    @company_cache_hours.setter
    def company_cache_hours(self, hours: float) -> None:
        self.caches.set_company(hours=hours)

    @property
    def company_cache_size(self) -> int:
        """Limit of the readings of company popularity (one for each window of days). Setting it empties the cache."""
        return self.caches.company_entries

    @company_cache_size.setter
    def company_cache_size(self, size: int) -> None:
        self.caches.set_company(entries=size)

    @property
    def prefecture_cache_size(self) -> int:
        """Limit of the tables of adjacent prefectures."""
        return self.caches.prefecture.max_entries or 0

    @prefecture_cache_size.setter
    def prefecture_cache_size(self, size: int) -> None:
        self.caches.prefecture.max_entries = size

    def clear_caches(
        self, names: Iterable[str] | str | None = None, *, cache_types: Iterable[str] | str | None = None
    ) -> None:
        """Empty caches by name (`CACHES`) or group; None: all. Later calls compute what they need.

        Groups: all, permanent (prefecture), session (snapshot, similarity, encoded, plans, requests), lru (users,
        scores, explanations). A store shared with other engines keeps its values. `cache_types` is the legacy name of
        `names`.

        Raises
        ------
        ConfigurationError: If a name is unknown, or both arguments are given. No cache is emptied then.
        """
        given = select_argument(names, "names", cache_types, "cache_types", is_required=False)
        selected = ["all"] if given is None else list(list_values("names", given, str, "names of caches"))
        for name in selected:
            if name not in CACHES and name not in GROUPS and name != "all":
                raise ConfigurationError(
                    f"Unknown cache {name!r}. Use one of {', '.join(['all', *CACHES, *GROUPS])}.", key=(name,)
                )
        if "all" in selected:
            selected = list(CACHES)
        self.caches.clear([name for name in selected if name != "snapshot"])
        if {"snapshot", "session"} & set(selected):
            self._data.forget()

    @property
    def ledger(self) -> DataReport | None:
        """What became of every row of the loaded data, including rejected rows and reasons. None: no data is loaded."""
        current = self._data.current
        return None if current is None else current.dataset.ledger

    def cache_stats(self) -> dict[str, CacheStats]:
        """Return the counts and the size of each of `CACHES`."""
        return {"snapshot": self._data.stats, **self.caches.stats}

    def shared_cache_stats(self) -> SharedCacheStats | None:
        """Return the counts of the shared cache; None without one. See `SharedCacheCounts`."""
        return None if self._shared_store is None else self._shared_store.shared_stats

    @property
    def sources(self) -> Sources:
        """For `scoring.telemetry.prometheus_text` and `serve`."""
        database = self._data.database
        others = () if self._shared_store is None else (SharedCacheCollector(self._shared_store),)
        return Sources(self.operations, self.alert, database.traffic if database else None, self.cache_stats, others)

    def get_performance_stats(self) -> dict[str, Any]:
        """Return counts and times since the engine was created.

        - `total_calculations`: pairs scored (or, for a ranking, decided); `total_users`; `total_seconds`
        - `avg_calculation_time_ms`: per user, without loading the data; `target_ms_per_user`
        - `avg_calculation_time`: the same in seconds
        - `target_achievement`: whether the mean is within the target (None before the first calculation)
        - `cache_hit_rate`, `cache_hits`, `cache_misses`: of all caches; a request that waited for another computation
          is neither. `hits`, `misses`: their names in version 0.1
        - `memory_usage`: numbers of entries: prefecture_cache_size, occupation_cache_size,
          company_popularity_cache_size
        - `cache_bytes`: cache → bytes; shared memory counts for the first cache, so the sum is the total
        - `caches`: name → all fields of `CacheStats`, with the bytes of each cache by itself
        - `operations`: method → count, failures, users, pairs, and mean, median and p95 seconds
        - `alert`: the running time per user, and how often it exceeded the target
        - `database`: round trips and their seconds (None for a Dataset)
        - `process`: memory of the process now and at the peak, in bytes
        - `shared_cache`: counts of each cache on the server, and for how long it was not asked; None without one
        - `snapshot`: the loaded data, or None; its `refused`: table → number of rejected rows
        """
        current, done, shared = self._data.current, self.operations.statistics(), self.shared_cache_stats()
        mean = done.total.ms_per_user
        target = self.PERFORMANCE_TARGET_MS_PER_USER
        caches = self.cache_stats()
        hits, misses, requests = (
            sum(getattr(stats, name) for stats in caches.values()) for name in ("hits", "misses", "requests")
        )
        return {
            "total_calculations": done.total.pairs,
            "total_users": done.total.users,
            "total_seconds": done.total.seconds,
            "avg_calculation_time_ms": mean or 0.0,
            "avg_calculation_time": (mean or 0.0) / 1000,
            "target_ms_per_user": target,
            "target_achievement": None if mean is None else mean <= target,
            "alert": asdict(self.alert.statistics()),
            "operations": done.as_dict()["operations"],
            "cache_hit_rate": hits / requests if requests else 0.0,
            "cache_hits": hits,
            "cache_misses": misses,
            "hits": hits,
            "misses": misses,
            "memory_usage": count_cache_entries(caches),
            "cache_bytes": self.caches.bytes_once({"snapshot": current.footprint if current else Footprint(0)}),
            "caches": {name: asdict(stats) | {"hit_rate": stats.hit_rate} for name, stats in caches.items()},
            "database": self._data.database and self._data.database.traffic.statistics().as_dict(),
            "process": asdict(memory_statistics()),
            "shared_cache": shared and shared.as_dict(),
            "snapshot": current
            and {
                "users": len(current.dataset.users),
                "jobs": len(current.dataset.jobs),
                "actions": len(current.dataset.actions),
                "as_of": current.dataset.as_of.isoformat(),
                "refused": {t.table: t.n_rejected for t in current.dataset.ledger.tables.values() if t.n_rejected},
            },
        }

    def _update_performance_stats(self, operation: str, calc_time: float, count: int = 1) -> None:
        """Add a calculation of the caller to the statistics: `calc_time` seconds for `count` pairs of one user.

        Raises
        ------
        ConfigurationError: If `calc_time` is not a number of 0 or more, or `count` is not an integer of 0 or more.
        """
        seconds = check_number("calc_time", calc_time)
        self.operations.record(operation, 1, check_integer("count", count, 0), seconds)

    @staticmethod
    def _optimize_dataframe_memory(df: pd.DataFrame) -> pd.DataFrame:
        """Return the same values in smaller dtypes, as `scoring.dataset.smaller_dtypes.optimise` does."""
        from scoring.dataset.smaller_dtypes import optimise

        return optimise(df)

    def _chunk_users(self, requested: int) -> int:
        """Return the users of a chunk, at most MAX_BATCH_SIZE. The default means the attribute `chunk_size`."""
        size = require_integer("chunk_size", self.chunk_size if requested == DEFAULT_CHUNK_SIZE else requested, least=1)
        if size > MAX_BATCH_SIZE:
            warnings.warn(
                f"chunk_size {size:,} is reduced to {MAX_BATCH_SIZE:,} users, the maximum of a chunk.",
                UserWarning,
                stacklevel=3,
            )
        return min(size, MAX_BATCH_SIZE)


async def run_in_thread(work: Callable[[Callable[[], bool]], T]) -> T:
    """Call `work(cancelled)` in a worker thread. `cancelled()` returns True once the awaiting task is cancelled."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(work, stop.is_set)
    except asyncio.CancelledError:
        stop.set()
        raise


def require_integer(name: str, value: Any, *, least: int) -> int:
    """Return the value as an int.

    Raises
    ------
    ConfigurationError: If the value is not an integer, or less than `least`.
    """
    return check_integer(name, value, least)


def _open_shared_store(given: str | SharedCache) -> RedisStore:
    options = given if isinstance(given, SharedCache) else SharedCache.parse(given)
    return RedisStore(options, CODECS | {"lists": ListsCodec()})


def _resolve_factor_folder(keep: bool | str | os.PathLike[str]) -> Path | None:
    if isinstance(keep, bool):
        return default_cache() if keep else None
    return expand_path(keep, "keep_factors")
