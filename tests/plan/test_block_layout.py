"""A layout computed in parts, by several threads, equals one computed at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from scoring import Dataset, Prepared, make_market
from scoring.components import category
from scoring.plan import block_layout, blocks
from scoring.threads import pool


def arrays_of(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from arrays_of(part)


def test_layout_in_parts_equals_layout_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset(make_market(70, 1500, 6_000, seed=8).tables)

    def compute() -> list[np.ndarray]:
        search = Prepared.of(dataset, "standard").plan.search
        return [*arrays_of(tuple(getattr(search, name) for name in search.__dataclass_fields__))]

    whole = compute()
    monkeypatch.setattr(blocks, "_BLOCKS_AT_ONCE", 3)
    monkeypatch.setattr(block_layout, "_JOBS_AT_ONCE", 7)
    monkeypatch.setattr(category, "_USERS_AT_ONCE", 9)
    monkeypatch.setattr(pool, "MIN_ROWS_IN_THREADS", 1)
    monkeypatch.setattr(pool, "available_cpus", lambda: 3)
    parts = compute()
    assert len(whole) == len(parts) > 20
    for one, other in zip(whole, parts, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
