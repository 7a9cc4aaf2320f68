"""Weights found by random search, compared with the exact solution."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.tuning.list_reach.nearest_weights import Competitors, WeightRegion, find_nearest_weights
from scoring.tuning.list_reach.start_weights import sample_start

MARGIN = 1e-3


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(4, 8))])
def test_sample_is_valid_and_not_nearer_than_optimum(seed: int) -> None:
    random = np.random.default_rng(seed)
    lead = random.uniform(-60, 40, (4, 40))
    locked = np.array([False, False, False, seed % 2 == 0])
    region = WeightRegion(np.array([0.1, 0.2, 0.3, 0.4]), locked, 2.0)
    allowed = 20
    found = sample_start(lead, region, allowed, MARGIN)
    exact = find_nearest_weights(Competitors(lead, np.zeros(40, dtype=bool)), region, allowed, MARGIN, 60.0)
    assert exact.is_finished
    if found is None:
        return
    assert ((found @ lead) < MARGIN).sum() <= allowed
    assert found.sum() == pytest.approx(1, abs=1e-12)
    assert found.min() >= 0
    assert (found[locked] == region.flat[locked]).all()
    assert exact.weights is not None
    nearest = abs(exact.weights - region.flat).sum()
    assert nearest <= abs(found - region.flat).sum() + 1e-3 * nearest + 1e-6


def test_sample_finds_weights_in_large_region() -> None:
    lead = np.array([[50.0] * 30, [-50.0] * 30, [0.0] * 30])
    region = WeightRegion(np.array([0.1, 0.8, 0.1]), np.zeros(3, dtype=bool), 2.0)
    found = sample_start(lead, region, 3, MARGIN)
    assert found is not None
    assert 0.69 < abs(found - region.flat).sum() < 0.8


def test_sample_is_none_if_impossible() -> None:
    lead = np.full((3, 10), -5.0)
    assert sample_start(lead, WeightRegion(np.full(3, 1 / 3), np.zeros(3, dtype=bool), 2.0), 2, MARGIN) is None


def test_most_equals_best_vertex_of_region() -> None:
    worth = np.array([[1.0, 9.0], [5.0, 0.0], [8.0, 2.0]])
    flat = np.array([0.5, 0.3, 0.2])
    free = np.zeros(3, dtype=bool)
    np.testing.assert_allclose(WeightRegion(flat, free, 2.0).maximum(worth), [8.0, 9.0])
    np.testing.assert_allclose(WeightRegion(flat, free, 0.2).maximum(worth), flat @ worth + [0.7, 0.9])
    kept = np.array([False, False, True])
    np.testing.assert_allclose(WeightRegion(flat, kept, 2.0).maximum(worth), [0.8 * 5 + 1.6, 0.8 * 9 + 0.4])
