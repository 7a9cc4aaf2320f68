"""One cache."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from scoring.caching.sizes import Footprint, Holdings, Shared, footprint

__all__ = ["Layer", "LayerStats"]

V = TypeVar("V")


@dataclass(frozen=True)
class LayerStats:
    """What a layer has done and what it holds.

    Every request is one of three: `hits` found their value, `misses` computed it, `joined` waited for a computation
    that another thread had begun. Every miss ends as one of `stored`, `failed` (it raised), or `dropped` (too large
    for the layer, or the layer was cleared meanwhile), once it has ended. `bytes` counts what several entries hold
    once.
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
        """Share of the requests that found their value; 0 before the first. Who had to wait did not find it."""
        return self.hits / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class _Entry:
    value: Any
    size: Footprint
    stored_at: float


class _Again(Exception):
    """Whoever computed was interrupted: somebody else has to."""


class Layer(Shared, Generic[V]):
    """Values by key; safe between threads.

    `max_bytes` bounds what is kept (the least recently used goes first), where memory that several values hold counts
    once; `max_entries` bounds how many values. With `ttl`, a value is kept for so many seconds of `clock` and no
    longer. Values are computed outside the lock, once per missing key: threads that ask meanwhile wait for the first
    one's value, or its error. An error is not kept.
    """

    def __init__(
        self,
        max_bytes: int,
        *,
        max_entries: int | None = None,
        ttl: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        size_of: Callable[[Any], Footprint] = footprint,
    ) -> None:
        self.max_bytes, self.max_entries, self.ttl = max_bytes, max_entries, ttl
        self._clock, self._size_of = clock, size_of
        self._held: OrderedDict[Hashable, _Entry] = OrderedDict()  # the least recently used first
        self._holdings = Holdings()
        self._computing: dict[Hashable, tuple[int, Future[Any]]] = {}  # key → (thread, its value to be)
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(
            ("hits", "misses", "joined", "stored", "failed", "dropped", "evictions", "expirations"), 0
        )

    def get(self, key: Hashable, compute: Callable[[], V]) -> V:
        """The value under the key, computed if it is not there. Raises what `compute` raises."""
        while True:
            with self._lock:
                self._expire()
                entry = self._held.get(key)
                if entry is not None:
                    self._counts["hits"] += 1
                    self._held.move_to_end(key)
                    return entry.value
                thread, future = self._computing.get(key, (0, None))
                if future is None:
                    self._counts["misses"] += 1
                    future = Future()
                    self._computing[key] = (threading.get_ident(), future)
                    break
                if thread == threading.get_ident():
                    raise RuntimeError(f"the value of {key!r} needs itself.")
                self._counts["joined"] += 1
            try:
                return future.result()
            except _Again:
                with self._lock:
                    self._counts["joined"] -= 1  # one request counts once
        return self._compute(key, compute, future)

    def discard(self, gone: Callable[[Any], bool]) -> int:
        """Forgets the values whose key is `gone`, also those that are being computed; returns how many were held."""
        with self._lock:
            self._expire()
            keys = [key for key in self._held if gone(key)]
            for key in keys:
                self._drop(key)
            for key in [key for key in self._computing if gone(key)]:
                del self._computing[key]
            return len(keys)

    def clear(self) -> None:
        """Forgets all values; the counts stay."""
        self.discard(lambda key: True)

    @property
    def stats(self) -> LayerStats:
        with self._lock:
            self._expire()
            now = self._clock()
            return LayerStats(
                **self._counts,
                entries=len(self._held),
                bytes=self._holdings.bytes,
                oldest_seconds=max((now - entry.stored_at for entry in self._held.values()), default=0.0),
            )

    @property
    def footprint(self) -> Footprint:
        """Of all values together."""
        with self._lock:
            self._expire()
            return self._holdings.footprint

    def _compute(self, key: Hashable, compute: Callable[[], V], future: Future[V]) -> V:
        try:
            value = compute()
            size = self._size_of(value)
        except BaseException as error:
            with self._lock:
                self._counts["failed"] += 1
                self._finish(key, future)
            future.set_exception(error if isinstance(error, Exception) else _Again())
            raise
        with self._lock:
            if self._finish(key, future) and max(size.bytes, 1) <= self.max_bytes and self.max_entries != 0:
                self._keep(key, _Entry(value, size, self._clock()))
            else:
                self._counts["dropped"] += 1
        future.set_result(value)
        return value

    def _finish(self, key: Hashable, future: Future[V]) -> bool:
        """Whether nobody has cleared the layer since the computation began."""
        mine = self._computing.get(key, (0, None))[1] is future
        if mine:
            del self._computing[key]
        return mine

    def _keep(self, key: Hashable, entry: _Entry) -> None:
        self._expire()
        while self._held and (
            self._holdings.bytes + self._holdings.added_by(entry.size) > self.max_bytes
            or (self.max_entries is not None and len(self._held) >= self.max_entries)
        ):
            self._drop(next(iter(self._held)))
            self._counts["evictions"] += 1
        self._held[key] = entry
        self._holdings.add(entry.size)
        self._counts["stored"] += 1

    def _drop(self, key: Hashable) -> None:
        self._holdings.remove(self._held.pop(key).size)

    def _expire(self) -> None:
        if self.ttl is None or not self._held:
            return
        now = self._clock()
        for key in [key for key, entry in self._held.items() if now - entry.stored_at >= self.ttl]:
            self._drop(key)
            self._counts["expirations"] += 1
