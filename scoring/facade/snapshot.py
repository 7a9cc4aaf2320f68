"""The data that an engine answers from, loaded once and exchanged whole between requests."""

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

from scoring.caching import Layers, LayerStats
from scoring.caching.sizes import Footprint, footprint
from scoring.database.change_tokens import ChangeToken, change_tokens, change_tokens_async
from scoring.database.database import Database
from scoring.database.quarantine import AcceptedData, RejectionDigest, read_usable, read_usable_async, warn_of
from scoring.dataset import Dataset
from scoring.dataset.dataset import clock_of
from scoring.facade.keys import encoding_key, model_key
from scoring.facade.turn import Turn
from scoring.model import Inputs, ScoringModel
from scoring.ranking import Prepared
from scoring.statistics import Statistics
from scoring.statistics.popularity import WINDOW_DAYS
from scoring.validation.normalise import code_width
from scoring.validation.report import DataLedger

__all__ = ["CHECK_SECONDS", "Snapshot", "SnapshotHolder"]

CHECK_SECONDS = 5.0
"""Between two looks whether the database holds something new."""

Tokens = tuple[dict[str, ChangeToken], RejectionDigest | None]
"""The change tokens of the data, and the digest of its rejected rows."""

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot:
    """A dataset and its statistics, as one request sees them; what is made of them is kept in layers."""

    statistics: Statistics
    layers: Layers
    _made: dict[Callable[[Statistics], Any], Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, dataset: Dataset, factor_cache: Path | None, layers: Layers, epoch: object = None) -> Snapshot:
        """With the factors trained, so that threads find them ready. Popularity is that of the epoch."""
        statistics = Statistics(dataset, factor_cache=factor_cache, layers=layers, epoch=epoch)
        statistics.factors  # noqa: B018 - computed when first asked for
        statistics.areas  # noqa: B018 - as above
        statistics.company_actions(WINDOW_DAYS)  # (what a key must name before the first model asks for it)
        return cls(statistics, layers)

    def view(self) -> Snapshot:
        """For one request: company popularity stays what it is now."""
        return replace(self, statistics=self.statistics.view())

    @property
    def dataset(self) -> Dataset:
        return self.statistics.dataset

    @cached_property
    def footprint(self) -> Footprint:
        """Of the tables, the arrays made of them, and the statistics."""
        return footprint(self.statistics)

    def once(self, make: Callable[[Statistics], T]) -> T:
        """`make(statistics)`, made once for all views: of nothing that they differ in, company popularity."""
        if make not in self._made:
            self._made[make] = make(self.statistics)
        found: T = self._made[make]
        return found

    @property
    def code_widths(self) -> Mapping[str, int | None]:
        """How wide a request's prefecture codes are padded: as the reference table's."""
        return self.once(_code_widths)

    def prepared(self, model: ScoringModel, workers: int | None = None) -> Prepared:
        """The model made ready on the dataset's own rows."""
        version = self.statistics.version

        def encode() -> Prepared:
            return Prepared.of(Inputs.of(self.statistics), model, workers=workers)

        def plan() -> Prepared:
            encoded = self.layers.encoded.get((*version, encoding_key(model), workers), encode)
            prepared = encoded if encoded.model == model else encoded.with_model(model)
            if len(prepared.plan.job_id) and len(prepared.plan.user_id):
                prepared.plan.index  # noqa: B018 - laid out now, so that its bytes are counted and no list waits for it
            return prepared

        return self.layers.plans.get((*version, model_key(model), workers), plan)


def _code_widths(statistics: Statistics) -> Mapping[str, int | None]:
    return {"prefecture_code": code_width(statistics.dataset.tables.prefectures["prefecture_code"])}


@dataclass(frozen=True)
class _Load:
    """A load that has begun: which one, when, and whose popularity it takes over."""

    number: int
    began_at: float
    epoch: object


Found = tuple[Snapshot, bool]
"""A snapshot, and whether it was loaded for whoever asks."""


class SnapshotHolder:
    """Where an engine's snapshot is held: loaded when first asked for, kept until the data changes.

    Each request gets a view of its own. A request that begins `check_seconds` or more of `clock` after the last look
    at the database looks for new data (one round trip) and, where there are some, loads them; requests under way keep
    what they began with. Rows that cannot be used are left out with a warning, once, and looked at again each time:
    whoever mends one in place is heard. `source` is what names a database (see `Database.open`) or a Dataset, which
    is then the whole data and never changes. Raises what `Database.open` raises.
    """

    def __init__(
        self,
        source: Any,
        as_of: datetime | str | None,
        factor_cache: Path | None,
        layers: Layers,
        *,
        check_seconds: float = CHECK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given = source if isinstance(source, Dataset) else None
        self.database = None if self._given is not None else Database.open(source)
        self.as_of = as_of
        self.layers = layers
        self.check_seconds = check_seconds
        self._clock = clock
        self._factor_cache = factor_cache
        self._now: Snapshot | None = None
        self._tokens: Tokens | None = None
        self._ledger: DataLedger | None = None  # that was told of last
        self._checked_at = -math.inf
        self._hits = 0
        self._misses = 0
        self._begun = 0  # loads
        self._kept = 0  # the newest load kept, or begun before a `forget`: an older one is not kept in its place
        self._epoch = object()  # whose popularity is taken over from snapshot to snapshot
        self._lock = threading.Lock()  # around what is held and the counters, never around work
        self._loading, self._refreshing = Turn(), Turn()  # one loads, the others wait for it

    @property
    def current(self) -> Snapshot | None:
        """What is held now, without loading."""
        return self._now

    @property
    def stats(self) -> LayerStats:
        """Requests that found the data held, and those that had to load them."""
        with self._lock:
            held, hits, misses = self._now, self._hits, self._misses
        size = 0 if held is None else held.footprint.bytes
        return LayerStats(hits=hits, misses=misses, stored=misses, entries=int(held is not None), bytes=size)

    def get(self) -> Snapshot:
        """The snapshot, loaded in this thread if need be. Raises DatabaseError, DataError."""
        found = self._fresh()
        if found is None:
            with self._loading.of_thread():
                found = self._fresh()
                if found is None and self._now is not None and self.database is not None:
                    found = self._unchanged(_look(self.database, self._refused))
                if found is None:
                    found = self._loaded(self._begin(), *self._load())
        return self._count(found)

    async def get_async(self) -> Snapshot:
        """The same without holding up the event loop."""
        found = self._fresh()
        if found is None:
            async with self._loading.of_task():
                found = self._fresh()
                if found is None and self._now is not None and self.database is not None:
                    found = self._unchanged(await _look_async(self.database, self._refused))
                if found is None:
                    found = await self._load_async()
        return await asyncio.to_thread(self._count, found)

    async def refresh(self) -> Snapshot:
        """Loads anew, company popularity too; requests that have begun keep the old snapshot."""
        async with self._refreshing.of_task():
            with self._lock:
                self._kept = self._begun  # (a load that is under way may have read what was there before)
                before, self._epoch = self._epoch, object()
            try:
                return (await self._load_async())[0]
            finally:
                # an epoch of its own, and not an empty layer: a request under way would fill that from old data
                self.layers.company.discard(lambda key: key[1] is before)

    def forget(self) -> None:
        """The next request loads anew."""
        with self._lock:
            self._kept = self._begun
            self._now = None

    def close(self) -> None:
        """Lets go of the data, and of a database engine that was made for this holder."""
        self.forget()
        self.layers.clear()
        if self.database is not None:
            self.database.close()

    @property
    def _refused(self) -> RejectionDigest | None:
        """The digest of the rejected rows, if there are any."""
        with self._lock:
            return None if self._tokens is None else self._tokens[1]

    def _fresh(self) -> Found | None:
        """What is held, unless it is time to look for new data."""
        with self._lock:
            due = self.database is not None and self._clock() - self._checked_at >= self.check_seconds
            return None if self._now is None or due else (self._now, False)

    def _unchanged(self, tokens: Tokens) -> Found | None:
        with self._lock:
            if self._now is None or tokens != self._tokens:
                return None
            self._checked_at = self._clock()
            return self._now, False

    def _count(self, found: Found) -> Snapshot:
        snapshot, loaded = found
        with self._lock:
            self._hits += not loaded
            self._misses += loaded
        return snapshot.view()

    def _load(self) -> tuple[Tokens | None, AcceptedData | None]:
        """Tokens first: what is written while the tables are read makes them differ at the next look."""
        if self.database is None:
            return None, None
        tokens, found = change_tokens(self.database), read_usable(self.database, as_of=clock_of(self.as_of))
        return (tokens, found.rejected), found

    def _begin(self) -> _Load:
        with self._lock:
            self._begun += 1
            return _Load(self._begun, self._clock(), self._epoch)

    async def _load_async(self) -> Found:
        load = self._begin()
        if self.database is None:
            return await asyncio.to_thread(self._loaded, load, None, None)
        tokens = await change_tokens_async(self.database)
        found = await read_usable_async(self.database, clock_of(self.as_of))
        return await asyncio.to_thread(self._loaded, load, (tokens, found.rejected), found)

    def _loaded(self, load: _Load, tokens: Tokens | None, found: AcceptedData | None) -> Found:
        """Makes a snapshot; unless the data were forgotten or read again meanwhile, later requests get it too."""
        if self._given is not None:
            dataset = self._given
        else:
            assert found is not None
            dataset = Dataset(found.tables, as_of=self.as_of, ledger=found.ledger)
        snapshot = Snapshot.of(dataset, self._factor_cache, self.layers, load.epoch)
        with self._lock:
            if load.number > self._kept:
                self._kept = load.number
                self._now, self._tokens, self._checked_at = snapshot, tokens, load.began_at
        for layer in (self.layers.similarity, self.layers.encoded, self.layers.plans, self.layers.scores):
            layer.discard(lambda key: key[0] != dataset.fingerprint)  # (never asked for again)
        self.layers.explanations.discard(lambda key: key[0] != dataset.fingerprint)
        if self._given is None:
            self._tell(dataset.ledger)
        return snapshot, True

    def _tell(self, ledger: DataLedger) -> None:
        """Of rows that were left out: once, and again when there are others."""
        with self._lock:
            before, self._ledger = self._ledger, ledger
        if before is None or before.reasons() != ledger.reasons():
            warn_of(ledger, stacklevel=2)


def _look(database: Database, refused: RejectionDigest | None) -> Tokens:
    return change_tokens(database), None if refused is None else refused.again(database)


async def _look_async(database: Database, refused: RejectionDigest | None) -> Tokens:
    tokens = await change_tokens_async(database)
    return tokens, None if refused is None else await database.run(refused.again, database)
