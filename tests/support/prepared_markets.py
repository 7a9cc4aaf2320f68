"""Small prepared markets."""

from __future__ import annotations

import scoring
from scoring.ranking import Prepared


def small(seed: int = 1, n_users: int = 30, n_jobs: int = 300, weights: dict[str, float] | None = None) -> Prepared:
    model = scoring.load_model("standard")
    if weights is not None:
        model = model.with_weights(weights)
    tables = scoring.make_market(n_users, n_jobs, 20 * n_users, seed=seed).tables
    return Prepared.of(scoring.Dataset(tables), model, workers=2)
