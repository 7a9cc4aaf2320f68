"""The data that an engine answers from, loaded once and exchanged whole between requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from scoring.dataset import Dataset, Tables
from scoring.dataset.database import Database
from scoring.dataset.loaders import load_tables, load_tables_async
from scoring.dataset.validation import code_width
from scoring.engine import Prepared
from scoring.model import Inputs, ScoringModel
from scoring.statistics import Statistics

__all__ = ["Snapshot", "SnapshotHolder"]


@dataclass
class Snapshot:
    """A dataset, its statistics, and the last plan for its own rows. Requests hold on to the one they began with."""

    statistics: Statistics
    plan_hits: int = 0
    plan_misses: int = 0
    _prepared: Prepared | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(cls, dataset: Dataset, factor_cache: Path | None) -> Snapshot:
        """With the factors trained, so that threads find them ready."""
        statistics = Statistics(dataset, factor_cache=factor_cache)
        statistics.factors  # noqa: B018 - computed when first asked for
        return cls(statistics)

    @property
    def dataset(self) -> Dataset:
        return self.statistics.dataset

    @cached_property
    def code_widths(self) -> Mapping[str, int | None]:
        """How wide a request's prefecture codes are padded: as the reference table's."""
        return {"prefecture_code": code_width(self.dataset.tables.prefectures["prefecture_code"])}

    def prepared(self, model: ScoringModel, workers: int | None = None) -> Prepared:
        """The model made ready on the dataset's own rows; kept for the next request with the same model."""
        with self._lock:
            known = self._prepared
            if known is not None and known.model == model:
                self.plan_hits += 1
            else:
                self.plan_misses += 1
                known = known.with_model(model) if known else Prepared.of(Inputs.of(self.statistics), model)
            self._prepared = known if known.workers == workers else replace(known, workers=workers)
            return self._prepared

    def forget_plan(self) -> None:
        with self._lock:
            self._prepared = None

    @property
    def has_plan(self) -> bool:
        return self._prepared is not None


class SnapshotHolder:
    """Where an engine's snapshot is held: loaded when first asked for, kept until `forget` or `refresh`.

    `source` is what names a database (see `Database.open`) or a Dataset, which is then the whole data.
    Raises what `Database.open` raises.
    """

    def __init__(self, source: Any, as_of: datetime | str | None, factor_cache: Path | None) -> None:
        self._given = source if isinstance(source, Dataset) else None
        self.database = None if self._given is not None else Database.open(source)
        self.as_of = as_of
        self.hits = 0
        self.misses = 0
        self._factor_cache = factor_cache
        self._now: Snapshot | None = None
        self._generation = 0  # of loads: one that began before a `forget` is not kept
        self._lock = threading.Lock()  # around `_now` and the counters, never around work
        self._loading = threading.RLock()  # one thread loads, the others wait for it
        # waiting for a thread's lock would hold up an event loop, and an asyncio lock belongs to one loop
        self._loop_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    @property
    def current(self) -> Snapshot | None:
        """What is held now, without loading."""
        return self._now

    def get(self) -> Snapshot:
        """The snapshot, loaded in this thread if there is none. Raises DatabaseError, DataError."""
        found = self._held()
        if found is not None:
            return found
        with self._loading:
            return self._held(again=True) or self._keep(self._generation, self._build(self._load()))

    async def get_async(self) -> Snapshot:
        """The same without holding up the event loop."""
        found = self._held()
        if found is not None:
            return found
        async with self._loop_lock():
            return self._held(again=True) or await self._load_async()

    async def refresh(self) -> Snapshot:
        """Loads anew; requests that have begun keep the old snapshot, later ones get the new one."""
        async with self._loop_lock():
            return await self._load_async()

    def forget(self) -> None:
        """The next request loads anew."""
        with self._lock:
            self._generation += 1
            self._now = None

    def close(self) -> None:
        """Lets go of the data, and of a database engine that was made for this holder."""
        self.forget()
        if self.database is not None:
            self.database.close()

    def _held(self, *, again: bool = False) -> Snapshot | None:
        with self._lock:
            if not again:
                self.hits += self._now is not None
                self.misses += self._now is None
            return self._now

    def _load(self) -> Tables | None:
        return None if self.database is None else load_tables(self.database)

    async def _load_async(self) -> Snapshot:
        generation = self._generation
        tables = None if self.database is None else await load_tables_async(self.database)
        return self._keep(generation, await asyncio.to_thread(self._build, tables))

    def _build(self, tables: Tables | None) -> Snapshot:
        if self._given is not None:
            dataset = self._given
        else:
            assert tables is not None
            dataset = Dataset(tables, as_of=self.as_of)
        return Snapshot.of(dataset, self._factor_cache)

    def _keep(self, generation: int, snapshot: Snapshot) -> Snapshot:
        with self._lock:
            if generation == self._generation:
                self._now = snapshot
            return snapshot

    def _loop_lock(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        with self._lock:
            return self._loop_locks.setdefault(loop, asyncio.Lock())
