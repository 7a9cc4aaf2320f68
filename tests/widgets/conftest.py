"""A small market with one holdout for all tests of the panel."""

from __future__ import annotations

import pytest

from scoring import Dataset, load_model, make_market
from scoring.evaluation import Evaluator, Holdout, by_time
from scoring.model import ScoringModel
from scoring.statistics import Statistics
from scoring.widgets.panel_computation import METRICS, TuningSession

USERS = 60


@pytest.fixture(scope="package")
def standard() -> ScoringModel:
    return load_model("standard")


@pytest.fixture(scope="package")
def holdout() -> Holdout:
    return by_time(Dataset(make_market(260, 900, 26_000, seed=3).tables), days=14)


@pytest.fixture(scope="package")
def statistics(holdout) -> Statistics:
    """Shared, so that factors are trained once."""
    return Statistics(holdout.data)


@pytest.fixture
def session(holdout, statistics, standard) -> TuningSession:
    """The measures are of the first users. All other users of the holdout can confirm."""
    measured, confirming = (
        Evaluator(holdout, users=users, k=40, metrics=METRICS, statistics=statistics)
        for users in (holdout.user_id[:USERS], holdout.user_id[USERS:])
    )
    return TuningSession(measured, standard, confirmation=confirming)
