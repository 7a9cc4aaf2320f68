"""A small market: prepared in this process, and in a database for new processes."""

from __future__ import annotations

import pytest

from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.dataset import Dataset, Tables
from scoring.model_catalog import load_model
from scoring.profiling import Source
from scoring.ranking import Prepared
from scoring.runs.runner import prepare
from scoring.synthetic import make_market


@pytest.fixture(scope="package")
def tables() -> Tables:
    return make_market(90, 500, 3_000, seed=5).tables


@pytest.fixture(scope="package")
def prepared(tables: Tables) -> Prepared:
    return prepare(Dataset(tables), load_model("standard"))


@pytest.fixture(scope="package")
def source(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("market")
    with Database.open(folder / "market.db") as database:
        save_tables(database, tables)
    return Source(str(folder / "market.db"), factors=folder)
