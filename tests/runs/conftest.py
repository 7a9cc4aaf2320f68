"""A small prepared market that all tests of this package share."""

from __future__ import annotations

import pytest

from scoring.catalog import load_model
from scoring.dataset import Dataset
from scoring.ranking import Prepared
from scoring.runs.runner import prepare
from scoring.synthetic import make_market


@pytest.fixture(scope="session")
def prepared() -> Prepared:
    """Return 130 users, some of them inactive, and 600 jobs, prepared with the model `standard`."""
    return prepare(Dataset(make_market(130, 600, 3_000, seed=5).tables), load_model("standard"))
