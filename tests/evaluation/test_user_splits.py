"""The split of users into three parts depends on their ids and the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ConfigurationError
from scoring.evaluation.user_splits import split_users
from tests.support.errors import raises_at

IDS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60)


@settings(max_examples=60)
@given(IDS, st.integers(0, 2**32 - 1))
def test_part_of_user_is_independent_of_other_users(ids: list[int], seed: int) -> None:
    shares = (0.5, 0.5, 0.0)  # an empty part with a share above 0 is rejected, and few users may all be in one part
    crowd = [*range(-1000, 1000), *ids]
    whole = split_users(crowd, shares, seed)
    parts = [whole.train, whole.validation, whole.test]
    assert sum(map(len, parts)) == len(set(crowd))
    assert set(np.concatenate(parts).tolist()) == set(crowd)
    assert all((np.diff(part) > 0).all() for part in parts)
    assert not len(whole.test)
    some = split_users([*ids[::-1], *range(500), *ids], shares, seed)
    chosen = set(ids) | set(range(500))
    assert set(some.train.tolist()) == chosen & set(whole.train.tolist())
    assert set(some.validation.tolist()) == chosen & set(whole.validation.tolist())


@pytest.mark.parametrize("shares", [(0.5, 0.25, 0.25), (0.1, 0.2, 0.7), (1 / 3, 1 / 3, 1 / 3)])
@pytest.mark.parametrize("ids", [np.arange(30_000), np.arange(0, 3_000_000, 100), np.arange(30_000) << 33])
def test_parts_have_given_shares(ids: np.ndarray, shares: tuple[float, float, float]) -> None:
    for seed in range(5):
        found = split_users(ids, shares, seed)
        for part, share in zip((found.train, found.validation, found.test), shares, strict=True):
            # five standard deviations of a binomial: one in two million such sizes exceeds them
            assert abs(len(part) - 30_000 * share) < 5 * np.sqrt(30_000 * share * (1 - share))


def test_another_seed_gives_independent_split() -> None:
    ids = np.arange(40_000)
    sides = [np.isin(ids, split_users(ids, (0.5, 0.5, 0.0), seed).train) for seed in range(4)]
    for a in range(4):
        for b in range(a):
            assert abs((sides[a] == sides[b]).sum() - 20_000) < 5 * np.sqrt(10_000)


def test_share_of_0_is_empty_and_of_1_has_all() -> None:
    ids = np.arange(1_000)
    assert split_users(ids, (0.0, 0.0, 1.0)).test.tolist() == ids.tolist()
    assert split_users(ids, (0.0, 1.0, 0.0)).validation.tolist() == ids.tolist()
    assert split_users(ids, (1.0, 0.0, 0.0)).train.tolist() == ids.tolist()
    assert repr(split_users(ids, (0.0, 1.0, 0.0))) == "Split(0 train, 1,000 validation, 0 test users)"


def test_split_of_fixed_ids_is_stable() -> None:
    """Reports record splits: with another hash, test users would include users seen in training."""
    found = split_users(range(1, 13), seed=7)
    assert found.train.tolist() == [1, 6, 10]
    assert found.validation.tolist() == [3, 8, 12]
    assert found.test.tolist() == [2, 4, 5, 7, 9, 11]


@pytest.mark.parametrize(
    ("shares", "seed", "ids", "key"),
    [
        ((0.5, 0.6, -0.1), 0, range(100), "shares"),
        ((0.5, 0.2, 0.2), 0, range(100), "shares"),
        ((float("nan"), 0.5, 0.5), 0, range(100), "shares"),
        ((0.5, 0.5), 0, range(100), "shares"),
        ((0.5, 0.25, 0.25), -1, range(100), "seed"),
        ((0.5, 0.25, 0.25), 0, [1.5, 2.0], "user_id"),
        ((0.5, 0.25, 0.25), 0, [], "train"),
        ((0.5, 0.25, 0.25), 0, [1], "train"),
    ],
)
def test_invalid_shares_and_ids_raise(shares: tuple, seed: int, ids: object, key: str) -> None:
    with raises_at(ConfigurationError, key):
        split_users(ids, shares, seed)  # type: ignore[arg-type]
