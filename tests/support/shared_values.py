"""Values, keys and stores of the tests of shared caches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scoring.caching import CacheKey, RedisStore, SharedCache, SharedCacheCounts


@dataclass(frozen=True)
class NumberKey(CacheKey):
    cache: ClassVar[str] = "factors"
    number: int


class ArrayCodec:
    """Values are arrays of float64."""

    def encode(self, value: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        return {"value": value}

    def decode(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return arrays["value"]


class Computation:
    """Counts its calls."""

    def __init__(self, value: NDArray[Any], before: Callable[[], object] = lambda: None) -> None:
        self.value, self.calls, self._before = value, 0, before

    def __call__(self) -> NDArray[Any]:
        self.calls += 1
        self._before()
        return self.value


def open_store(options: SharedCache) -> RedisStore:
    return RedisStore(options, {"factors": ArrayCodec()})


def counts_of(store: RedisStore) -> SharedCacheCounts:
    return store.shared_stats.caches["factors"]


def make_value(size: int = 100, seed: int = 0) -> NDArray[Any]:
    return np.random.default_rng(seed).random(size)
