"""Stores of cached values: the protocol, and the store in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from scoring.caching.cache_key import CacheKey
from scoring.caching.memory_footprints import Footprint, TotalFootprint, Uncounted, measure_footprint

__all__ = ["CacheStats", "MemoryStore", "Store"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class CacheStats:
    """Counts of a store since it was created, and its present size.

    Every request counts once: as one of `hits` (the value was stored), `misses` (the value was computed) or `joined`
    (another thread was computing the value). A miss that has ended counts as one of `stored`, `failed` (the
    computation raised an error) or `dropped` (the value was too large, or its key was invalidated meanwhile). `bytes`
    counts memory once that several values share.
    """

    hits: int = 0
    misses: int = 0
    joined: int = 0
    stored: int = 0
    failed: int = 0
    dropped: int = 0
    evictions: int = 0
    expirations: int = 0
    entries: int = 0
    bytes: int = 0
    oldest_seconds: float = 0.0

    @property
    def requests(self) -> int:
        return self.hits + self.misses + self.joined

    @property
    def hit_rate(self) -> float:
        """Hits as a share of the requests; 0 without requests."""
        return self.hits / self.requests if self.requests else 0.0


class Store(Protocol):
    """Values by key, safe between threads.

    A stored value is immutable. Its users must not write to it, and its key names everything
    it depends on, so a stored value never becomes wrong. A store that several engines or processes share relies on
    both: it may return one object to all of them, and it may keep a value as long as it likes.

    `key.cache` is the kind of the value, and `key.digest()` names the key in other processes. Engines share trained
    factors, similarity of occupations, popularity readings and lists: arrays that take long to compute. Plans, pair
    scores and explanations are not shared: they are cheaper to compute than to fetch.
    """

    def get_or_compute(self, key: CacheKey, compute: Callable[[], V]) -> V:
        """Return the value of the key; call `compute` if it is not stored.

        Requests for one missing key cause one computation. All other requests wait for it, and get its value or its
        error. Errors are not stored. If the computation is interrupted (an exception that is not an `Exception`), one
        of the waiting requests computes. A store that fails calls `compute`: no failure of a store reaches the caller.
        """

    def invalidate(self, is_stale: Callable[[CacheKey], bool]) -> int:
        """Remove the values whose key is stale, also those being computed; return how many were removed.

        A store that others use too may keep all values and return 0.
        """

    def clear(self) -> None:
        """Remove all values. The counts stay. A store that others use too may keep all values."""

    def retire(self, key: CacheKey) -> None:
        """Note that the caller has newer data, so that the value of the key is requested less often, or never again.

        A store may remove the value soon, or ignore the call.
        """

    @property
    def stats(self) -> CacheStats: ...


@dataclass(frozen=True, slots=True)
class _Entry(Generic[K]):
    key: K
    value: Any
    size: Footprint
    stored_at: float


class _Interrupted(Exception):
    """The computing thread was interrupted. A waiting thread must compute."""


class MemoryStore(Uncounted, Generic[K]):
    """A `Store` in the memory of this process. Any hashable value may be a key.

    Values are computed outside the lock.

    Parameters
    ----------
    max_bytes: Limit of the memory of all values; memory that several values share counts once. The least recently
        used value is evicted first. A value larger than the limit is returned, but not stored.
    max_entries: Limit of the number of values (None: no limit).
    ttl: Seconds of `clock` after which a value expires, counted from its computation (None: never).
    clock: Returns the current time in seconds.
    size_of: Returns the footprint of a value.
    """

    def __init__(
        self,
        max_bytes: int,
        *,
        max_entries: int | None = None,
        ttl: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        size_of: Callable[[Any], Footprint] = measure_footprint,
    ) -> None:
        self.max_bytes, self.max_entries, self.ttl = max_bytes, max_entries, ttl
        self._clock, self._size_of = clock, size_of
        self._entries: OrderedDict[K, _Entry[K]] = OrderedDict()  # the least recently used first
        self._total = TotalFootprint()
        self._computing: dict[K, tuple[int, Future[Any]]] = {}  # key → (thread, future value)
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(
            ("hits", "misses", "joined", "stored", "failed", "dropped", "evictions", "expirations"), 0
        )

    def get_or_compute(self, key: K, compute: Callable[[], V]) -> V:
        """Return the value of the key; call `compute` if it is not stored. See `Store.get_or_compute`.

        Raises
        ------
        RuntimeError: If the computation of a value asks for that value.
        """
        while True:
            with self._lock:
                if self.ttl is not None:
                    self._expire()
                entry = self._entries.get(key)
                if entry is not None:
                    self._counts["hits"] += 1
                    self._entries.move_to_end(entry.key)  # found by identity, without a second comparison
                    found: V = entry.value
                    return found
                thread, future = self._computing.get(key, (0, None))
                if future is None:
                    self._counts["misses"] += 1
                    future = Future()
                    self._computing[key] = (threading.get_ident(), future)
                    break
                if thread == threading.get_ident():
                    raise RuntimeError(
                        f"The computation of {key!r} requests its own value. `compute` must not call get_or_compute "
                        "with the same key."
                    )
                self._counts["joined"] += 1
            try:
                joined: V = future.result()
                return joined
            except _Interrupted:
                with self._lock:
                    self._counts["joined"] -= 1  # the request counts once, by its next attempt
        return self._compute(key, compute, future)

    def __contains__(self, key: K) -> bool:
        """Return whether the value of a key is stored and has not expired. This does not count as a request."""
        with self._lock:
            entry = self._entries.get(key)
            return entry is not None and (self.ttl is None or self._clock() - entry.stored_at < self.ttl)

    def invalidate(self, is_stale: Callable[[K], bool]) -> int:
        """Remove the values whose key is stale, also those being computed; return how many were stored."""
        with self._lock:
            self._expire()
            keys = [key for key in self._entries if is_stale(key)]
            for key in keys:
                self._remove(key)
            for key in [key for key in self._computing if is_stale(key)]:
                del self._computing[key]
            return len(keys)

    def retire(self, key: K) -> None:
        """Remove the value of the key, if it is stored."""
        with self._lock:
            if key in self._entries:
                self._remove(key)

    def clear(self) -> None:
        """Remove all values. The counts stay."""
        self.invalidate(lambda key: True)

    @property
    def stats(self) -> CacheStats:
        with self._lock:
            self._expire()
            now = self._clock()
            return CacheStats(
                **self._counts,
                entries=len(self._entries),
                bytes=self._total.bytes,
                oldest_seconds=max((now - entry.stored_at for entry in self._entries.values()), default=0.0),
            )

    @property
    def footprint(self) -> Footprint:
        """The memory of all values together."""
        with self._lock:
            self._expire()
            return self._total.footprint

    def _compute(self, key: K, compute: Callable[[], V], future: Future[V]) -> V:
        try:
            value = compute()
            size = self._size_of(value)
        except BaseException as error:
            with self._lock:
                self._counts["failed"] += 1
                self._end_computation(key, future)
            future.set_exception(error if isinstance(error, Exception) else _Interrupted())
            raise
        with self._lock:
            if self._end_computation(key, future) and max(size.bytes, 1) <= self.max_bytes and self.max_entries != 0:
                self._store(_Entry(key, value, size, self._clock()))
            else:
                self._counts["dropped"] += 1
        future.set_result(value)
        return value

    def _end_computation(self, key: K, future: Future[V]) -> bool:
        """Return whether the value may be stored: the key was not invalidated since the computation began."""
        is_current = self._computing.get(key, (0, None))[1] is future
        if is_current:
            del self._computing[key]
        return is_current

    def _store(self, entry: _Entry[K]) -> None:
        self._expire()
        while self._entries and (
            self._total.bytes + self._total.added_by(entry.size) > self.max_bytes
            or (self.max_entries is not None and len(self._entries) >= self.max_entries)
        ):
            self._remove(next(iter(self._entries)))
            self._counts["evictions"] += 1
        self._entries[entry.key] = entry
        self._total.add(entry.size)
        self._counts["stored"] += 1

    def _remove(self, key: K) -> None:
        self._total.remove(self._entries.pop(key).size)

    def _expire(self) -> None:
        if self.ttl is None or not self._entries:
            return
        now = self._clock()
        for key in [key for key, entry in self._entries.items() if now - entry.stored_at >= self.ttl]:
            self._remove(key)
            self._counts["expirations"] += 1
