"""A small prepared market that all tests of this package share."""

from __future__ import annotations

import pytest

from scoring.dataset import Dataset
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.runs import shards
from scoring.runs.runner import prepare
from scoring.synthetic import make_market


@pytest.fixture(scope="session")
def prepared() -> Prepared:
    """Return 130 users, some of them inactive, and 600 jobs, prepared with the model `standard`."""
    return prepare(Dataset(make_market(130, 600, 3_000, seed=5).tables), load_model("standard"))


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write shards of 20 users with 5 jobs each."""
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 100)
