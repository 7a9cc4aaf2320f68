"""Sketches of held-out pairs: they identify a holdout, and reveal no pair without their key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scoring.array_types import Longs
from scoring.errors import ModelError
from scoring.registry.held_out_pair_sketch import (
    SKETCH_SIZE,
    SketchKeys,
    find_sketched,
    identify_key,
    share_pairs,
    sketch_pairs,
)
from tests.support.errors import raises_at

KEY = bytes(range(32))
OTHER_KEY = bytes(32)


def make_pairs(n: int, seed: int) -> tuple[Longs, Longs]:
    """Return n pairs of user and job without duplicates."""
    pairs = np.random.default_rng(seed).choice(10**12, n, replace=False)
    return pairs // 10**6, pairs % 10**6


@pytest.mark.parametrize("key", [KEY, None], ids=["key", "no key"])
def test_sketch_does_not_depend_on_the_order_of_pairs(key: bytes | None) -> None:
    users, jobs = make_pairs(1_000, seed=0)
    order = np.random.default_rng(1).permutation(1_000)
    sketch = sketch_pairs(users, jobs, key)
    assert len(sketch) == SKETCH_SIZE
    assert sketch == sketch_pairs(users[order], jobs[order], key) == tuple(sorted(sketch))
    assert sketch != sketch_pairs(jobs, users, key)  # a user and a job with exchanged ids are another pair
    assert len(sketch_pairs(*make_pairs(7, seed=0), key)) == 7


@pytest.mark.parametrize("key", [KEY, None], ids=["key", "no key"])
def test_sketched_pairs_are_found_among_other_pairs(key: bytes | None) -> None:
    users, jobs = make_pairs(1_000, seed=0)
    sketch = sketch_pairs(users, jobs, key)
    others = make_pairs(5_000, seed=9)
    more = (np.concatenate([users, others[0]]), np.concatenate([jobs, others[1]]))
    assert find_sketched(sketch, *more, key).all()
    assert not find_sketched(sketch, *others, key).any()
    assert 0.4 < find_sketched(sketch, users[:500], jobs[:500], key).mean() < 0.6


def test_pairs_are_not_found_without_the_key() -> None:
    pairs = make_pairs(1_000, seed=0)
    sketch = sketch_pairs(*pairs, KEY)
    for other in (OTHER_KEY, None):
        assert not find_sketched(sketch, *pairs, other).any()
    assert identify_key(KEY) != identify_key(OTHER_KEY)


def test_sketch_without_a_key_is_as_in_earlier_journals() -> None:
    assert sketch_pairs(np.array([1]), np.array([2]), None) == ("fbb2a97a19fb1731",)


@pytest.mark.parametrize("n_cuts", [1, 6, 24])
def test_one_cut_is_found_in_the_sketch_of_all_cuts(n_cuts: int) -> None:
    users, jobs = make_pairs(500 * n_cuts, seed=3)
    last = slice(500 * (n_cuts - 1), None)
    assert share_pairs(sketch_pairs(users, jobs, KEY), sketch_pairs(users[last], jobs[last], KEY))
    assert not share_pairs(sketch_pairs(users, jobs, KEY), sketch_pairs(*make_pairs(500, seed=4), KEY))


def test_small_sketches_share_pairs() -> None:
    assert share_pairs(("00", "01"), ("01", "02"))
    assert not share_pairs(("00",), ("02",))
    assert not share_pairs((), ("02",))


# The file of keys


def test_first_key_is_used_and_added_keys_are_found(tmp_path: Path) -> None:
    keys = SketchKeys(tmp_path / "profiles")
    assert keys.find(identify_key(KEY)) is None
    key = keys.require()
    assert keys.require() == SketchKeys(tmp_path / "profiles").require() == key
    assert SketchKeys(tmp_path / "others").require() != key
    with keys.path.open("a") as file:
        file.write(f"\n{KEY.hex()}\n")
    assert (keys.require(), keys.find(identify_key(key)), keys.find(identify_key(KEY))) == (key, key, KEY)


@pytest.mark.parametrize(("content", "line"), [(f"{KEY.hex()}\nabc\n", 2), ("x" * 64, 1)])
def test_invalid_key_is_reported_with_its_line(tmp_path: Path, content: str, line: int) -> None:
    keys = SketchKeys(tmp_path)
    keys.path.write_text(content)
    with pytest.raises(ModelError) as raised:
        keys.require()
    assert (raised.value.path, raised.value.line) == (str(keys.path), line)


def test_empty_file_of_keys_is_reported(tmp_path: Path) -> None:
    keys = SketchKeys(tmp_path)
    keys.path.touch()
    with raises_at(ModelError, path=str(keys.path), line=None):
        keys.require()
