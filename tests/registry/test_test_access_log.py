"""Sketches of held-out pairs, and the number of looks at test users."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from scoring.array_types import Longs
from scoring.registry.test_access_log import (
    SKETCH_SIZE,
    TestAccess,
    count_looks,
    find_same_users,
    find_sketched,
    sketch_pairs,
)

AT = datetime(2026, 1, 5, tzinfo=UTC)


def make_pairs(n: int, seed: int) -> tuple[Longs, Longs]:
    """Return n pairs of user and job without duplicates."""
    pairs = np.random.default_rng(seed).choice(10**12, n, replace=False)
    return pairs // 10**6, pairs % 10**6


def make_access(holdout: str, look: int, sketch: tuple[str, ...] = (), **fields: Any) -> TestAccess:
    return TestAccess(at=AT, look=look, holdout=holdout, digest="0" * 32, sketch=sketch, **fields)


def test_sketch_does_not_depend_on_the_order_of_pairs() -> None:
    users, jobs = make_pairs(1_000, seed=0)
    order = np.random.default_rng(1).permutation(1_000)
    sketch = sketch_pairs(users, jobs)
    assert len(sketch) == SKETCH_SIZE
    assert sketch == sketch_pairs(users[order], jobs[order]) == tuple(sorted(sketch))
    assert sketch != sketch_pairs(jobs, users)  # a user and a job with exchanged ids are another pair
    assert len(sketch_pairs(*make_pairs(7, seed=0))) == 7


def test_sketched_pairs_are_found_among_other_pairs() -> None:
    users, jobs = make_pairs(1_000, seed=0)
    sketch = sketch_pairs(users, jobs)
    others = make_pairs(5_000, seed=9)
    more = (np.concatenate([users, others[0]]), np.concatenate([jobs, others[1]]))
    assert find_sketched(sketch, *more).all()
    assert not find_sketched(sketch, *others).any()
    assert 0.4 < find_sketched(sketch, users[:500], jobs[:500]).mean() < 0.6


@pytest.mark.parametrize(("shared", "is_same"), [(1.0, True), (0.5, True), (0.02, False), (0.0, False)])
def test_looks_at_overlapping_holdouts_count_together(shared: float, is_same: bool) -> None:
    """The overlap of the sketches estimates the share of pairs in both holdouts."""
    users, jobs = make_pairs(4_000, seed=3)
    first = slice(0, 2_000)
    second = slice(start := int(2_000 * (1 - shared)), start + 2_000)
    sketches = [sketch_pairs(users[part], jobs[part]) for part in (first, second)]
    accesses = [make_access("a", 1, sketches[0]), make_access("b", 1, sketches[1])]
    assert count_looks(accesses, "b", sketches[1]) == (2 if is_same else 1)
    assert (accesses[0] in find_same_users(accesses, accesses[1])) == is_same


def test_all_models_of_a_command_are_one_look() -> None:
    accesses = [make_access("a", 1), make_access("a", 1), make_access("a", 2), make_access("b", 1)]
    assert count_looks(accesses, "a") == 2
    assert count_looks(accesses, "b") == 1
    assert count_looks(accesses, "c") == 0


def test_line_of_version_0_1_is_read() -> None:
    line = f'{{"at":"2026-01-05T22:00:00Z","look":2,"holdout":"a","digest":"{"0" * 32}","metrics":{{}}}}'
    access = TestAccess.model_validate_json(line)
    assert (access.n_users, access.n_fitted_users, access.changes, access.sketch) == (None, None, {}, ())
