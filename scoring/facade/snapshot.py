"""The data that an engine answers from, loaded once and replaced as a whole between requests."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from scoring.caching import CacheStats, EngineCaches
from scoring.caching.cache_key import CacheKey, DataKey
from scoring.caching.memory_footprints import Footprint, measure_footprint
from scoring.columns.city_code_padding import find_city_width
from scoring.database.change_tokens import ChangeToken, is_same_database, read_change_tokens, read_change_tokens_async
from scoring.database.database import Database
from scoring.database.sqlite_file_identity import FilePin
from scoring.database.validated_reader import (
    AcceptedData,
    RejectionDigest,
    read_accepted,
    read_accepted_async,
    warn_about_rejections,
)
from scoring.dataset import Dataset
from scoring.dataset.dataset import parse_clock
from scoring.facade.async_lock import AsyncLock
from scoring.facade.cache_keys import make_encoding_key, make_plan_key
from scoring.model import Inputs, ScoringModel
from scoring.ranking import Prepared
from scoring.statistics import Statistics
from scoring.statistics.company_popularity import WINDOW_DAYS
from scoring.validation.referenced_ids import OwnerIds, Owners
from scoring.validation.report import DataReport
from scoring.validation.table_validator import code_width

__all__ = ["CHECK_SECONDS", "LoadedSnapshot", "Snapshot", "SnapshotHolder"]

CHECK_SECONDS = 5.0
"""Seconds between two checks whether the database has changed."""

Tokens = tuple[dict[str, ChangeToken], RejectionDigest | None]
"""The change tokens of the data, and the digest of its rejected rows."""

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot:
    """A dataset and its statistics, as one request sees them; values computed from them are kept in caches."""

    statistics: Statistics
    caches: EngineCaches
    models_of_pairs: dict[str, frozenset[CacheKey]] = field(default_factory=dict, repr=False, compare=False)
    """Digest of a model → `Statistics.missing_keys` when it scored a pair without computing a value of the data."""
    _made: dict[Callable[[Statistics], Any], Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        factor_cache: Path | None,
        caches: EngineCaches,
        epoch: object = None,
        workers: int | None = None,
    ) -> Snapshot:
        """Return the snapshot of a dataset, with trained factors, so that no thread waits for them later."""
        statistics = Statistics(dataset, factor_cache=factor_cache, workers=workers, caches=caches, epoch=epoch)
        statistics.factors  # noqa: B018 - computed on first access
        statistics.areas  # noqa: B018 - as above
        statistics.company_actions(WINDOW_DAYS)  # keys must name it before the first model requests it
        return cls(statistics, caches)

    def view(self) -> Snapshot:
        """Return a view for one request, in which company popularity does not change."""
        return replace(self, statistics=self.statistics.view())

    @property
    def dataset(self) -> Dataset:
        return self.statistics.dataset

    @cached_property
    def footprint(self) -> Footprint:
        """Memory of the tables, the arrays made of them, and the statistics."""
        return measure_footprint(self.statistics)

    def compute_once(self, make: Callable[[Statistics], T]) -> T:
        """Return `make(statistics)`, called once for all views. It must not depend on company popularity."""
        if make not in self._made:
            self._made[make] = make(self.statistics)
        found: T = self._made[make]
        return found

    @property
    def code_widths(self) -> Mapping[str, int | None]:
        """Width to which the prefecture codes of a request are padded: that of the reference table."""
        return self.compute_once(_find_code_widths)

    @property
    def city_width(self) -> int | None:
        """Width to which the city codes of a request are padded: that of the dataset."""
        return self.compute_once(_measure_city_width)

    @property
    def owners(self) -> Owners:
        """The ids of the data, which decide the numbers of the text ids of a request."""
        return self.compute_once(_make_owners)

    def prepared(self, model: ScoringModel, workers: int | None = None) -> Prepared:
        """Return the model prepared on all rows of the dataset."""
        statistics = self.statistics

        def encode() -> Prepared:
            return Prepared.of(Inputs.of(statistics), model, workers=workers)

        def plan() -> Prepared:
            encoded = self.caches.encoded.get_or_compute(make_encoding_key(statistics, model, workers), encode)
            prepared = encoded if encoded.model == model else encoded.with_model(model)
            if len(prepared.plan.job_id) and len(prepared.plan.user_id):
                prepared.plan.search  # noqa: B018 - laid out now, so that its bytes count and no list waits for it
            return prepared

        return self.caches.plans.get_or_compute(make_plan_key(statistics, model, workers), plan)


def _find_code_widths(statistics: Statistics) -> Mapping[str, int | None]:
    return {"prefecture_code": code_width(statistics.dataset.tables.prefectures["prefecture_code"])}


def _measure_city_width(statistics: Statistics) -> int | None:
    tables = statistics.dataset.tables
    return find_city_width([tables.jobs["city_code"], tables.users["city_code"]])


def _make_owners(statistics: Statistics) -> Owners:
    tables = statistics.dataset.tables
    return {
        "users": OwnerIds(tables.users["user_id"], tables.users["external_id"]),
        "jobs": OwnerIds(tables.jobs["job_id"], tables.jobs["external_id"]),
    }


@dataclass(frozen=True)
class _Load:
    """A load that has begun: its number, its start, and the epoch whose popularity it uses."""

    number: int
    started_at: float
    epoch: object


LoadedSnapshot = tuple[Snapshot, bool]
"""A snapshot, and whether it was loaded for this request."""


class SnapshotHolder:
    """The holder of an engine's snapshot, which is loaded on first use and kept until the data changes.

    Each request gets its own view. A request that begins `check_seconds` or more of `clock` after the last check
    checks the database for changes (one round trip) and loads changed data. Requests in progress keep the data they
    began with. Invalid rows are omitted with one warning. Each check reads them again, so a row that was corrected in
    place is noticed. `source` names a database (see `Database.open`) or is a Dataset, which is then the whole data
    and never changes. Raises what `Database.open` raises.
    """

    def __init__(
        self,
        source: Any,
        as_of: datetime | str | None,
        factor_cache: Path | None,
        caches: EngineCaches,
        *,
        check_seconds: float = CHECK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        workers: int | None = None,
    ) -> None:
        self._given = source if isinstance(source, Dataset) else None
        self.database = None if self._given is not None else Database.open(source, pooled=False)
        self._pin = FilePin()
        self.as_of = as_of
        self.caches = caches
        self.check_seconds = check_seconds
        self._clock = clock
        self._factor_cache = factor_cache
        self._workers = workers
        self._snapshot: Snapshot | None = None
        self._tokens: Tokens | None = None
        self._ledger: DataReport | None = None  # of the last warning
        self._checked_at = -math.inf
        self._hits = 0
        self._misses = 0
        self._loads_started = 0  # loads
        self._newest_kept = 0  # the newest load kept, or begun before `forget`: an older load does not replace it
        self._epoch = object()  # snapshots of one epoch share popularity
        self._fingerprint: str | None = None  # of the last data
        self._changed_at = -math.inf
        self._lock = threading.Lock()  # around the attributes above, never around work
        self._loading, self._refreshing = AsyncLock(), AsyncLock()  # one request loads, other requests wait

    @property
    def current(self) -> Snapshot | None:
        """The present snapshot, without loading."""
        return self._snapshot

    @property
    def stats(self) -> CacheStats:
        """Requests that found the data loaded (hits), and those that loaded them (misses)."""
        with self._lock:
            snapshot, hits, misses = self._snapshot, self._hits, self._misses
        size = 0 if snapshot is None else snapshot.footprint.bytes
        return CacheStats(hits=hits, misses=misses, stored=misses, entries=int(snapshot is not None), bytes=size)

    def get(self) -> Snapshot:
        """Return the snapshot, loaded in this thread if necessary. Raises DatabaseError, DataError."""
        found = self._current_if_checked()
        if found is None:
            with self._loading.for_thread():
                found = self._current_if_checked()
                if found is None and self._snapshot is not None and self.database is not None:
                    found = self._keep_if_unchanged(_read_tokens(self.database, self._rejection_digest))
                if found is None:
                    found = self._publish_snapshot(self._start_load(), *self._read_data())
        return self.count_request(found)

    async def get_async(self) -> Snapshot:
        """Return the snapshot without blocking the event loop. Raises DatabaseError, DataError."""
        return await asyncio.to_thread(self.count_request, await self.find_async())

    async def find_async(self) -> LoadedSnapshot:
        """Return what `count_request` takes, without blocking the event loop. Raises DatabaseError, DataError.

        A short request passes it to the thread that does its work: a change of threads takes 0.1 to 0.3 ms.
        """
        found = self._current_if_checked()
        if found is None:
            async with self._loading.for_task():
                found = self._current_if_checked()
                if found is None and self._snapshot is not None and self.database is not None:
                    found = self._keep_if_unchanged(await _read_tokens_async(self.database, self._rejection_digest))
                if found is None:
                    found = await self._load_async()
        return found

    def count_request(self, found: LoadedSnapshot) -> Snapshot:
        """Count a request, and return its view. The view may read company popularity, so it is made in a thread."""
        snapshot, loaded = found
        with self._lock:
            self._hits += not loaded
            self._misses += loaded
        return snapshot.view()

    async def refresh(self) -> Snapshot:
        """Load the data again, and company popularity too. Requests in progress keep the old snapshot."""
        async with self._refreshing.for_task():
            with self._lock:
                self._newest_kept = self._loads_started  # a load in progress may have read the data as they were before
                before, self._epoch = self._epoch, object()
            try:
                return (await self._load_async())[0]
            finally:
                # a new epoch, not an emptied cache: a request in progress would fill that from the old data
                self.caches.company.invalidate(lambda key: key.epoch is before)

    def forget(self) -> None:
        """Make the next request load the data."""
        with self._lock:
            self._newest_kept = self._loads_started
            self._snapshot = None

    def close(self) -> None:
        """Release the data, and close a database that this holder opened."""
        self.forget()
        self.caches.clear()
        if self.database is not None:
            self.database.close()
        with self._lock:
            self._pin.release()

    @property
    def seconds_unchanged(self) -> float:
        """Seconds of `clock` since a load found other data than the load before; infinite before that."""
        with self._lock:
            return self._clock() - self._changed_at

    @property
    def _rejection_digest(self) -> RejectionDigest | None:
        """The digest of the rejected rows; None: no data is loaded, or no row was rejected."""
        with self._lock:
            return None if self._tokens is None else self._tokens[1]

    def _current_if_checked(self) -> LoadedSnapshot | None:
        """Return the present snapshot, unless the database must be checked."""
        with self._lock:
            due = self.database is not None and self._clock() - self._checked_at >= self.check_seconds
            return None if self._snapshot is None or due else (self._snapshot, False)

    def _keep_if_unchanged(self, tokens: Tokens) -> LoadedSnapshot | None:
        with self._lock:
            if self._snapshot is None or tokens != self._tokens:
                return None
            self._checked_at = self._clock()
            return self._snapshot, False

    def _read_data(self) -> tuple[Tokens | None, AcceptedData | None]:
        """Read the change tokens before the tables. The next check then detects writes during the load."""
        if self.database is None:
            return None, None
        self._reopen(self.database)
        tokens, found = read_change_tokens(self.database), read_accepted(self.database, as_of=parse_clock(self.as_of))
        return (tokens, found.rejected), found

    def _reopen(self, database: Database) -> None:
        """Open the database again, which may be another one at the same place, and keep its file in use."""
        database.reopen()
        with self._lock:
            self._pin.move(database.file)

    def _start_load(self) -> _Load:
        with self._lock:
            self._loads_started += 1
            return _Load(self._loads_started, self._clock(), self._epoch)

    async def _load_async(self) -> LoadedSnapshot:
        load = self._start_load()
        if self.database is None:
            return await asyncio.to_thread(self._publish_snapshot, load, None, None)
        self._reopen(self.database)
        tokens = await read_change_tokens_async(self.database)
        found = await read_accepted_async(self.database, parse_clock(self.as_of))
        return await asyncio.to_thread(self._publish_snapshot, load, (tokens, found.rejected), found)

    def _publish_snapshot(self, load: _Load, tokens: Tokens | None, found: AcceptedData | None) -> LoadedSnapshot:
        """Make a snapshot. Later requests get it too, unless `forget` was called or newer data was loaded meanwhile."""
        if self._given is not None:
            dataset = self._given
        else:
            assert found is not None
            dataset = Dataset(found.tables, as_of=self.as_of, ledger=found.ledger)
        epoch = self._choose_epoch(load, tokens)
        snapshot = Snapshot.of(dataset, self._factor_cache, self.caches, epoch, self._workers)
        fingerprint = dataset.fingerprint
        with self._lock:
            if load.number > self._newest_kept:
                self._newest_kept = load.number
                self._snapshot, self._tokens, self._checked_at = snapshot, tokens, load.started_at
            if fingerprint != self._fingerprint:
                self._changed_at = -math.inf if self._fingerprint is None else self._clock()
                self._fingerprint = fingerprint
        # values of other data are not requested again
        self.caches.invalidate(lambda key: isinstance(key, DataKey) and key.data != fingerprint)
        if self._given is None:
            self._warn(dataset.ledger)
        return snapshot, True

    def _choose_epoch(self, load: _Load, tokens: Tokens | None) -> object:
        """Return the epoch of a load. Another database at the same place begins a new one, as `refresh` does."""
        with self._lock:
            if tokens is None or self._tokens is None or is_same_database(self._tokens[0], tokens[0]):
                return load.epoch
            before, self._epoch = self._epoch, object()
            epoch = self._epoch
        self.caches.company.invalidate(lambda key: key.epoch is before)
        return epoch

    def _warn(self, ledger: DataReport) -> None:
        """Warn of omitted rows: once, and again when they change."""
        with self._lock:
            before, self._ledger = self._ledger, ledger
        if before is None or before.reasons() != ledger.reasons():
            warn_about_rejections(ledger, stacklevel=2)


def _read_tokens(database: Database, digest: RejectionDigest | None) -> Tokens:
    return read_change_tokens(database), None if digest is None else digest.recompute(database)


async def _read_tokens_async(database: Database, digest: RejectionDigest | None) -> Tokens:
    tokens = await read_change_tokens_async(database)
    return tokens, None if digest is None else await database.run(digest.recompute, database)
