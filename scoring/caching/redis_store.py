"""A `Store` that engines of several processes share, on a Redis or Valkey server.

The server holds only immutable values, each under a key that names its content. No answer depends on the server: a
value that is missing, refused or late is computed. Values without a valid signature are refused.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol, TypeVar

from numpy.typing import NDArray

from scoring.caching.cache_key import CacheKey
from scoring.caching.circuit_breaker import CircuitBreaker
from scoring.caching.environment_digest import compute_environment_digest
from scoring.caching.server_connections import BYTES_PER_SECOND, ServerConnections
from scoring.caching.shared_cache_options import SharedCache
from scoring.caching.signed_values import (
    CHUNK_BYTES,
    MAX_HEADER_BYTES,
    OVERHEAD,
    Header,
    RefusedError,
    Signer,
    UnknownSecretError,
    encode_arrays,
)
from scoring.caching.stores import CacheStats, MemoryStore
from scoring.errors import ConfigurationError

__all__ = ["Codec", "RedisStore", "SharedCacheCounts", "SharedCacheStats"]

V = TypeVar("V")

EXPIRY_SECONDS: Final = {"lists": 3_600, "company": 3_600}
DEFAULT_EXPIRY_SECONDS: Final = 24 * 3_600
RETIRED_SECONDS: Final = 300
"""Expiry of a value after an engine has newer data. Engines that load later have them too."""
LISTS_SHARE: Final = 0.5
"""Share of the hourly limit after which lists are not written, so that they leave room for values that cost more."""
CHUNK_EXTRA_SECONDS: Final = 60
"""Chunks expire after their header."""

LOCK_MS: Final = 3_000
HEARTBEAT_SECONDS: Final = 1.0
FIRST_POLL_SECONDS: Final = 0.02
MAX_POLL_SECONDS: Final = 0.25
MIN_WAIT_SECONDS: Final = 30.0
WAIT_GRACE_SECONDS: Final = 2.0
"""For how long a process that waits for another one tolerates that the server does not answer."""
WRITE_PATIENCE: Final = 0.05
"""Part of the time of a computation that may be added to the timeout of each command that writes its value."""
MAX_WRITE_PATIENCE: Final = 1.0

_EXTEND: Final = "if redis.call('GET',KEYS[1])==ARGV[1] then return redis.call('PEXPIRE',KEYS[1],ARGV[2]) end return 0"
_RELEASE: Final = "if redis.call('GET',KEYS[1])==ARGV[1] then return redis.call('DEL',KEYS[1]) end return 0"

_LOGGER: Final = logging.getLogger("scoring.shared_cache")


class Codec(Protocol):
    """Converts the values of one cache to named arrays and back."""

    def encode(self, value: Any) -> Mapping[str, NDArray[Any]]: ...

    def decode(self, arrays: Mapping[str, NDArray[Any]]) -> Any:
        """Return the value. Raises ValueError, KeyError or TypeError if the arrays are not those of a value."""


@dataclass
class SharedCacheCounts:
    """Counts of one cache on the server, since the engine was created.

    A request that the local memory cannot answer counts as one of `hits` (read from the server), `misses` (computed
    here, as the server did not contain it) and `skipped` (computed here without the server: the circuit breaker was
    open, the server failed, the wait was too long, or the value cannot be shared).
    """

    hits: int = 0
    misses: int = 0
    skipped: int = 0
    refused: int = 0
    """Values with a wrong signature, size or header."""
    unknown_secrets: int = 0
    """Values signed with a secret that this process does not have."""
    errors: int = 0
    """Commands that failed or timed out."""
    waits: int = 0
    """Requests that waited for the computation of another process."""
    not_shareable: int = 0
    """Requests whose key or value cannot be shared."""
    not_written: int = 0
    """Values that were not written because the hourly limit of the namespace was reached."""
    read_bytes: int = 0
    written_bytes: int = 0


@dataclass(frozen=True)
class SharedCacheStats:
    """The counts of each cache on the server, and the circuit breaker."""

    caches: dict[str, SharedCacheCounts]
    open_seconds: float
    """Seconds for which the server was not asked, after failures."""
    openings: int
    is_open: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Lock:
    """The lock of a computation, held by this process."""

    key: str
    token: str
    stop: threading.Event = field(default_factory=threading.Event)


class _UnavailableError(Exception):
    """The server failed. The caller computes."""


_STORES: Final[weakref.WeakSet[RedisStore]] = weakref.WeakSet()


class RedisStore:
    """A `Store` on a server, below a memory of this process.

    Its methods block: an event loop calls them in a thread.

    Parameters
    ----------
    options: The server, the namespace, secrets, limits.
    codecs: Cache → converter. Values of other caches are not shared.
    clock: Returns the current time in seconds.

    Raises
    ------
    ConfigurationError: If the server is in cluster mode. Other failures of the server are logged.
    MissingDependencyError: If redis is not installed.
    """

    def __init__(
        self, options: SharedCache, codecs: Mapping[str, Codec], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.options = options
        self._codecs, self._clock = dict(codecs), clock
        self._signer = Signer(options.namespace, options.secrets)
        self._last_cost: dict[str, float] = {}
        self._counts: dict[str, SharedCacheCounts] = {name: SharedCacheCounts() for name in codecs}
        self._memory = MemoryStore[CacheKey](options.local_bytes)
        self._is_started, self._is_disabled = False, False
        self._reset()
        _STORES.add(self)
        self._connections = ServerConnections(options)
        with suppress(_UnavailableError):
            # patient: after a timeout here, the first data would be loaded without the server
            self._ask(SharedCacheCounts(), lambda: self._connections.run("PING", patience=options.connect_seconds))
        self._is_started = True

    def get_or_compute(self, key: CacheKey, compute: Callable[[], V]) -> V:
        """Return the value of the key; call `compute` if the server does not contain it. See `Store.get_or_compute`."""
        return self._memory.get_or_compute(key, lambda: self._fetch_or_compute(key, compute))

    def invalidate(self, is_stale: Callable[[CacheKey], bool]) -> int:
        """Return 0: keys name content, so values never become wrong, and other engines use them."""
        return 0

    def retire(self, key: CacheKey) -> None:
        """Let a value expire after `RETIRED_SECONDS`. An engine that still reads it renews it."""
        self._memory.retire(key)
        counts = self._counts.get(key.cache)
        if counts is None:
            return
        with suppress(_UnavailableError, RefusedError, UnknownSecretError, TypeError):
            name = self.name_key(key)
            stored = self._ask(
                counts,
                lambda: self._connections.run("GETRANGE", name, 0, MAX_HEADER_BYTES + OVERHEAD),
            )
            if stored:
                header = self._signer.verify_header(name, bytes(stored))
                commands = _make_renewals(name, header, 1000 * RETIRED_SECONDS, "LT")
                self._ask(counts, lambda: self._connections.run_all(commands))

    def count_not_shareable(self, cache: str) -> None:
        """Count a request of which no key names all content."""
        self._add(self._counts.setdefault(cache, SharedCacheCounts()), not_shareable=1, skipped=1)

    def clear(self) -> None:
        """Remove the values from the memory of this process. Those on the server stay."""
        self._memory.clear()

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    @property
    def stats(self) -> CacheStats:
        """Counts of all caches: values read from the server or the local memory are hits."""
        local, counts = self._memory.stats, list(self._counts.values())
        hits = sum(count.hits for count in counts)
        return CacheStats(
            hits=local.hits + hits,
            misses=local.misses - hits,
            joined=local.joined,
            stored=local.stored - hits,
            failed=local.failed,
            entries=local.entries,
            bytes=local.bytes,
        )

    @property
    def shared_stats(self) -> SharedCacheStats:
        """Counts of the server."""
        caches = {name: SharedCacheCounts(**asdict(counts)) for name, counts in self._counts.items()}
        breaker = self._breaker
        return SharedCacheStats(caches, breaker.open_seconds, breaker.openings, breaker.is_open)

    def _reset(self) -> None:
        """Create the parts that a forked process must not share with its parent: another thread may hold a lock."""
        self._breaker = CircuitBreaker(self._clock)
        self._count_lock = threading.Lock()

    def _reset_after_fork(self) -> None:
        self._reset()
        self._memory = MemoryStore(self.options.local_bytes)

    def _add(self, counts: SharedCacheCounts, **numbers: int) -> None:
        with self._count_lock:
            for name, number in numbers.items():
                setattr(counts, name, getattr(counts, name) + number)

    def _fetch_or_compute(self, key: CacheKey, compute: Callable[[], V]) -> V:
        counts = self._counts.setdefault(key.cache, SharedCacheCounts())
        codec = self._codecs.get(key.cache)
        if codec is None:
            self.count_not_shareable(key.cache)
            return compute()
        try:
            name = self.name_key(key)
        except TypeError:  # a part of the key is compared by identity
            self.count_not_shareable(key.cache)
            return compute()
        try:
            found, lock = self._find_or_lock(name, key.cache, codec, counts)
        except _UnavailableError:
            self._add(counts, skipped=1)
            return compute()
        if lock is None:
            if found is None:
                self._add(counts, skipped=1)
                return compute()
            self._add(counts, hits=1)
            value: V = found[0]
            return value
        self._add(counts, misses=1)
        return self._compute_and_write(name, key.cache, codec, counts, lock, compute)

    def name_key(self, key: CacheKey) -> str:
        """Return the key on the server. Raises TypeError if the key cannot be shared."""
        environment = compute_environment_digest()
        return f"scoring:{self.options.namespace}:{environment}:{key.cache}:{key.digest()}"

    def _find_or_lock(
        self, name: str, cache: str, codec: Codec, counts: SharedCacheCounts
    ) -> tuple[tuple[Any] | None, _Lock | None]:
        """Return the value, or the lock of its computation; neither if the wait was too long."""
        found = self._read(name, cache, codec, counts)
        if found is not None:
            return found, None
        deadline = self._clock() + max(MIN_WAIT_SECONDS, 2 * self._last_cost.get(cache, 0.0))
        lock, pause, waited_at = _Lock(f"{name}:lock", secrets.token_hex(16)), FIRST_POLL_SECONDS, None
        while True:
            try:
                if self._take_lock(lock, counts):
                    found = None
                    with suppress(_UnavailableError):  # if it fails, this process computes under its lock
                        # another process may have written the value and released the lock since it was read
                        found = self._read(name, cache, codec, counts)
                    if found is None:
                        return None, lock
                    self._release(lock)
                    return found, None
                if waited_at is None:
                    self._add(counts, waits=1)
                waited_at = self._clock()
                if waited_at >= deadline:
                    return None, None
                time.sleep(pause)
                pause = min(MAX_POLL_SECONDS, 1.5 * pause)
                found = self._read(name, cache, codec, counts)
                if found is not None:
                    return found, None
            except _UnavailableError:
                if waited_at is None or self._is_disabled or self._clock() - waited_at > WAIT_GRACE_SECONDS:
                    raise
                time.sleep(pause)  # a value that takes long to compute is on its way

    def _take_lock(self, lock: _Lock, counts: SharedCacheCounts) -> bool:
        command = ("SET", lock.key, lock.token, "NX", "PX", LOCK_MS)
        return self._ask(counts, lambda: self._connections.run(*command)) is not None

    def _compute_and_write(
        self, name: str, cache: str, codec: Codec, counts: SharedCacheCounts, lock: _Lock, compute: Callable[[], V]
    ) -> V:
        heartbeat = threading.Thread(target=self._keep_lock, args=(lock,), name="scoring-shared-cache", daemon=True)
        heartbeat.start()
        try:
            began = self._clock()
            value = compute()
            cost = self._clock() - began
            self._last_cost[cache] = cost
            with suppress(_UnavailableError):
                self._write(name, cache, codec.encode(value), cost, counts)
            return value
        finally:
            lock.stop.set()
            self._release(lock)

    def _keep_lock(self, lock: _Lock) -> None:
        while not lock.stop.wait(HEARTBEAT_SECONDS):
            with suppress(Exception):  # the lock only saves work
                self._connections.run("EVAL", _EXTEND, 1, lock.key, lock.token, LOCK_MS)

    def _release(self, lock: _Lock) -> None:
        if not self._breaker.is_open:
            with suppress(Exception):  # the lock expires
                self._connections.run("EVAL", _RELEASE, 1, lock.key, lock.token)

    def _read(self, name: str, cache: str, codec: Codec, counts: SharedCacheCounts) -> tuple[Any] | None:
        """Return the value in a tuple; None if it is missing or refused. Raises _UnavailableError."""
        try:
            arrays = self._read_arrays(name, cache, counts)
            return None if arrays is None else (codec.decode(arrays),)
        except UnknownSecretError:
            self._add(counts, unknown_secrets=1)
        except (RefusedError, ValueError, KeyError, TypeError) as error:
            self._add(counts, refused=1)
            _LOGGER.warning("The shared cache %s: a value of %s is refused: %s.", self.options.display, cache, error)
        return None

    def _read_arrays(self, name: str, cache: str, counts: SharedCacheCounts) -> dict[str, NDArray[Any]] | None:
        commands: list[tuple[Any, ...]] = [("GETRANGE", name, 0, MAX_HEADER_BYTES + OVERHEAD), ("PTTL", name)]
        stored, left_ms = self._ask(counts, lambda: self._connections.run_all(commands, MAX_HEADER_BYTES))
        if not stored:
            return None
        header = self._signer.verify_header(name, bytes(stored))
        content = bytearray()
        began = self._clock()
        for number in range(header.n_chunks):
            chunk, size = _name_chunk(name, header, number), header.chunk_bytes(number) + OVERHEAD
            stored = self._ask(
                counts,
                lambda: self._connections.run("GETRANGE", chunk, 0, size, n_bytes=size),  # noqa: B023
            )
            if not stored:  # evicted, or removed since the header was read
                return None
            content += self._signer.verify_chunk(chunk, bytes(stored), header, number)
            allowed = (number + 1) * self.options.read_seconds + len(content) / BYTES_PER_SECOND
            if self._clock() - began > allowed:
                self._count_failure(counts, "answers slowly", timed_out=True)
                raise _UnavailableError
        self._add(counts, read_bytes=len(content))
        self._last_cost[cache] = header.cost
        expiry_ms = 1000 * _expiry_of(cache)
        if 0 <= left_ms < expiry_ms / 2:
            with suppress(_UnavailableError):
                self._ask(counts, lambda: self._connections.run_all(_make_renewals(name, header, expiry_ms)))
        return header.decode(content)

    def _write(
        self, name: str, cache: str, arrays: Mapping[str, NDArray[Any]], cost: float, counts: SharedCacheCounts
    ) -> None:
        """Write the chunks, then the header. Raises _UnavailableError."""
        try:
            header = Header.of(arrays, cost)
        except ValueError:
            self._add(counts, not_shareable=1)
            return
        content, expiry = memoryview(encode_arrays(arrays)), _expiry_of(cache)
        if not self._reserve(header.n_bytes, cache, counts):
            self._add(counts, not_written=1)
            return
        for number in range(header.n_chunks):
            chunk = _name_chunk(name, header, number)
            part = content[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
            stored = self._signer.sign(chunk, header, number, part)
            self._set(chunk, stored, expiry + CHUNK_EXTRA_SECONDS, cost, counts)
        self._set(name, self._signer.sign(name, header, None, header.text), expiry, cost, counts)
        self._add(counts, written_bytes=header.n_bytes)

    def _set(self, key: str, stored: bytes, seconds: int, cost: float, counts: SharedCacheCounts) -> None:
        patience = min(WRITE_PATIENCE * cost, MAX_WRITE_PATIENCE)
        command = ("SET", key, stored, "EX", seconds)
        self._ask(counts, lambda: self._connections.run(*command, n_bytes=len(stored), patience=patience))

    def _reserve(self, n_bytes: int, cache: str, counts: SharedCacheCounts) -> bool:
        """Return whether the namespace may write these bytes in this hour."""
        limit = self.options.max_bytes_per_hour * (LISTS_SHARE if cache == "lists" else 1)
        key = f"scoring:{self.options.namespace}:written:{int(time.time() // 3600)}"
        commands: list[tuple[Any, ...]] = [("INCRBY", key, n_bytes), ("EXPIRE", key, 7_200)]
        total, _ = self._ask(counts, lambda: self._connections.run_all(commands))
        if int(total) <= limit:
            return True
        with suppress(_UnavailableError):  # bytes that are not written leave room for smaller values
            self._ask(counts, lambda: self._connections.run("INCRBY", key, -n_bytes))
        return False

    def _ask(self, counts: SharedCacheCounts, command: Callable[[], Any]) -> Any:
        """Return the answer of the server. Raises _UnavailableError, after it has counted the failure."""
        from redis.exceptions import AuthenticationError, RedisError, ResponseError
        from redis.exceptions import TimeoutError as LateAnswerError

        if self._is_disabled or not self._breaker.allows():
            raise _UnavailableError
        try:
            answer = command()
        except ConfigurationError as error:  # cluster mode
            if not self._is_started:
                raise
            self._is_disabled = True
            _LOGGER.error("%s This process does not use it.", error)
            raise _UnavailableError from None
        except ResponseError as error:  # the server is alive: full, read-only, a key of another type, no permission
            self._breaker.succeed()
            self._add(counts, errors=1)
            _LOGGER.warning("The shared cache %s refused a command: %s.", self.options.display, _classify(error))
            raise _UnavailableError from None
        except AuthenticationError as error:
            self._count_failure(counts, f"rejects the user name or the password ({_classify(error)})")
            raise _UnavailableError from None
        except (RedisError, OSError) as error:
            is_late = isinstance(error, LateAnswerError | TimeoutError)
            self._count_failure(counts, f"does not answer ({type(error).__name__})", timed_out=is_late)
            raise _UnavailableError from None
        self._breaker.succeed()
        return answer

    def _count_failure(self, counts: SharedCacheCounts, problem: str, *, timed_out: bool = False) -> None:
        self._add(counts, errors=1)
        if self._breaker.fail(timed_out=timed_out):
            _LOGGER.warning(
                "The shared cache %s %s. This process computes values itself and asks the server again within 5 s.",
                self.options.display,
                problem,
            )


def _name_chunk(name: str, header: Header, number: int) -> str:
    return f"{name}:{header.value_id}:{number}"


def _make_renewals(name: str, header: Header, expiry_ms: int, *condition: str) -> list[tuple[Any, ...]]:
    """Return the commands that let a value expire after `expiry_ms`; with the condition LT, never later than before."""
    extra = 1000 * CHUNK_EXTRA_SECONDS
    chunks = [_name_chunk(name, header, number) for number in range(header.n_chunks)]
    commands = [("PEXPIRE", chunk, expiry_ms + extra, *condition) for chunk in chunks]
    return [*commands, ("PEXPIRE", name, expiry_ms, *condition)]


def _expiry_of(cache: str) -> int:
    return EXPIRY_SECONDS.get(cache, DEFAULT_EXPIRY_SECONDS)


def _classify(error: Exception) -> str:
    """Return the code of an error of the server, such as READONLY. Its text may contain arguments."""
    word = str(error).partition(" ")[0]
    return word if word.isupper() else type(error).__name__


def _reset_after_fork() -> None:
    for store in list(_STORES):
        store._reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
