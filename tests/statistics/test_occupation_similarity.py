"""Products of the user × occupation counts equal those of SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from scoring.statistics import occupation_similarity
from scoring.statistics.occupation_similarity import Similarity
from tests.support.small_datasets import small_dataset


@pytest.mark.parametrize("at_once", [1, 7, 4_000_000])
@pytest.mark.parametrize(("n_users", "n", "n_actions"), [(5, 4, 60), (40, 30, 500), (3, 50, 4), (2, 3, 0)])
def test_products_equal_the_sparse_product(
    n_users: int, n: int, n_actions: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(occupation_similarity, "_PAIRS_AT_ONCE", at_once)
    random = np.random.default_rng(n_actions)
    users, occupations = random.integers(n_users, size=n_actions), random.integers(n, size=n_actions)
    counts = sparse.coo_matrix((np.ones(n_actions, dtype=np.int64), (users, occupations)), shape=(n_users, n)).tocsr()
    found = occupation_similarity._multiply_counts(users.astype(np.int64) * n + occupations, n_users, n)
    np.testing.assert_array_equal(found, (counts.T @ counts).toarray())


def test_no_occupations_have_no_cosines() -> None:
    data = small_dataset(0)
    none = data.actions.take(np.flatnonzero(data.actions.kind == 9))
    assert Similarity.compute(none, data.jobs, len(data.users), 0).cosine.shape == (0, 0)
    assert not Similarity.compute(none, data.jobs, len(data.users), 3).cosine.any()
