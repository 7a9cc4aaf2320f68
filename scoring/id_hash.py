"""Hash of ids for pseudorandom splits. Ids that follow a pattern are spread like random numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Longs

__all__ = ["hash_ids"]


def hash_ids(ids: Longs, seed: int = 0) -> NDArray[np.uint64]:
    """Return (n,) hashes that depend only on the id and the seed.

    SplitMix64: Steele, Lea & Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
    """
    start = np.array([0x9E3779B97F4A7C15 * (2 * seed + 1) % 2**64], dtype=np.uint64)
    z = ids.astype(np.uint64) + start  # array arithmetic wraps around without a warning
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
