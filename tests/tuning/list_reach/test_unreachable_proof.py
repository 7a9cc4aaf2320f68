"""Under any allowed weights, each group has a member that is not behind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.tuning.list_reach import unreachable_proof
from scoring.tuning.list_reach.nearest_weights import WeightRegion
from scoring.tuning.list_reach.unreachable_proof import pack_groups

MARGIN = 1e-4


def room_of(n: int, locked: tuple[int, ...] = ()) -> WeightRegion:
    flat = np.arange(1.0, n + 1)
    return WeightRegion(flat / flat.sum(), np.isin(np.arange(n), locked), 2.0)


def many(region: WeightRegion, count: int = 4000) -> np.ndarray:
    """Return (count, n) weights that the room allows: inside, on edges and at corners."""
    random, free = np.random.default_rng(5), ~region.locked
    weights = np.repeat(region.flat[None, :], count, axis=0)
    share = 1 - region.flat[region.locked].sum()
    inside = random.dirichlet(np.full(free.sum(), 0.3), count - free.sum())
    weights[:, free] = share * np.vstack([np.eye(free.sum()), inside])
    return weights


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 5), m=st.integers(1, 40), ahead=st.floats(-30, 30))
def test_each_group_has_a_competitor_ahead(seed: int, n: int, m: int, ahead: float) -> None:
    random = np.random.default_rng(seed)
    lead = random.normal(ahead, 20, (n, m)).round(random.integers(0, 3))
    region = room_of(n, (0,) if n > 2 and seed % 3 == 0 else ())
    found = pack_groups(lead, region, limit=5, margin=MARGIN)
    leads = many(region) @ lead
    for group in found.groups:
        assert (leads[:, group] < MARGIN).any(axis=1).all()
        assert len(group) <= n + 1
    assert len(set(found.members.tolist())) == len(found.members)
    if found.weights is not None:
        assert len(found.groups) < 5
        behind = found.weights @ lead >= MARGIN - 1e-9
        assert np.delete(behind, found.members).all()
        np.testing.assert_allclose(found.weights[region.locked], region.flat[region.locked], atol=1e-9)
        assert found.weights.sum() == pytest.approx(1, abs=1e-9)
    else:
        assert len(found.groups) == 5
        # under any weights, at least 5 competitors are not behind: the job cannot be in the top 5
        assert ((leads < MARGIN).sum(axis=1) >= 5).all()


def test_working_set_size_does_not_change_result(monkeypatch: pytest.MonkeyPatch) -> None:
    lead = np.random.default_rng(3).normal(12, 10, (4, 400))
    whole = pack_groups(lead, room_of(4), 40, MARGIN)
    monkeypatch.setattr(unreachable_proof, "FIRST", 5)
    monkeypatch.setattr(unreachable_proof, "MORE", 2)
    parts = pack_groups(lead, room_of(4), 40, MARGIN)
    assert whole.weights is not None
    assert parts.weights is not None
    for found in (whole, parts):
        behind = found.weights @ lead >= MARGIN - 1e-9
        assert np.delete(behind, found.members).all()


def test_no_competitors_need_no_group() -> None:
    found = pack_groups(np.full((3, 7), 5.0), room_of(3), 2, MARGIN)
    assert found.groups == ()
    assert found.members.dtype == np.int64
    assert found.weights is not None


def test_gap_below_rounding_error_proves_nothing() -> None:
    found = pack_groups(np.full((3, 7), MARGIN - 1e-12), room_of(3), 2, MARGIN)
    assert found.groups == ()
    assert found.weights is None
