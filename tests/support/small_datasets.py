"""Small datasets that tests share, because none of them changes a dataset. One takes 30 ms."""

from __future__ import annotations

import functools
from typing import Any

from scoring import testing
from scoring.dataset import Dataset

__all__ = ["small_dataset"]


@functools.lru_cache(maxsize=32)
def small_dataset(seed: int = 0, **sizes: Any) -> Dataset:
    """Return the dataset of `scoring.testing.small_dataset`, the same object for the same arguments."""
    return testing.small_dataset(seed, **sizes)
