"""The number of looks at test users."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scoring.registry.evaluation_log import TestAccess, count_looks, find_same_users
from scoring.registry.held_out_pair_sketch import sketch_pairs
from tests.registry.test_held_out_pair_sketch import KEY, make_pairs

AT = datetime(2026, 1, 5, tzinfo=UTC)


def make_access(holdout: str, look: int, sketch: tuple[str, ...] = (), **fields: Any) -> TestAccess:
    return TestAccess(at=AT, look=look, holdout=holdout, digest="0" * 32, sketch=sketch, **fields)


@pytest.mark.parametrize(("shared", "is_same"), [(1.0, True), (0.5, True), (0.02, False), (0.0, False)])
def test_looks_at_overlapping_holdouts_count_together(shared: float, is_same: bool) -> None:
    """The overlap of the sketches estimates the share of pairs in both holdouts."""
    users, jobs = make_pairs(4_000, seed=3)
    first = slice(0, 2_000)
    second = slice(start := int(2_000 * (1 - shared)), start + 2_000)
    sketches = [sketch_pairs(users[part], jobs[part], KEY) for part in (first, second)]
    accesses = [make_access("a", 1, sketches[0]), make_access("b", 1, sketches[1])]
    assert count_looks(accesses, "b", sketches[1]) == (2 if is_same else 1)
    assert (accesses[0] in find_same_users(accesses, accesses[1])) == is_same


def test_sketches_of_other_keys_are_not_compared() -> None:
    sketch = sketch_pairs(*make_pairs(300, seed=0), KEY)
    accesses = [make_access("a", 1, sketch, sketch_key="x"), make_access("b", 1, sketch, sketch_key="y")]
    assert count_looks(accesses, "b", sketch, "y") == 1
    assert count_looks(accesses, "c", sketch, "x") == 1


def test_all_models_of_a_command_are_one_look() -> None:
    accesses = [make_access("a", 1), make_access("a", 1), make_access("a", 2), make_access("b", 1)]
    assert count_looks(accesses, "a") == 2
    assert count_looks(accesses, "b") == 1
    assert count_looks(accesses, "c") == 0


def test_line_of_version_0_1_is_read() -> None:
    line = f'{{"at":"2026-01-05T22:00:00Z","look":2,"holdout":"a","digest":"{"0" * 32}","metrics":{{}}}}'
    access = TestAccess.model_validate_json(line)
    assert (access.n_users, access.n_fitted_users, access.changes, access.sketch) == (None, None, {}, ())
