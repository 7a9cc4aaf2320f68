"""A database with small tables that most tests of this package share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoring.database.database import Database
from scoring.database.writers import save_tables
from tests.support.small_tables import small_tables


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with the small tables. To copy it takes less time than to create it again."""
    path = tmp_path_factory.mktemp("small") / "small.db"
    with Database.open(path) as database:
        save_tables(database, small_tables())
    return path


@pytest.fixture
def small_url(small_file: Path, tmp_path: Path) -> str:
    """Return the URL of a SQLite file with the small tables, which the test may change."""
    return f"sqlite:///{shutil.copy(small_file, tmp_path / 'scoring.db')}"


@pytest.fixture
def database(request: pytest.FixtureRequest, database_url: str) -> Iterator[Database]:
    """Yield an open database with the small tables."""
    is_copied = database_url.startswith("sqlite")
    with Database.open(request.getfixturevalue("small_url") if is_copied else database_url) as found:
        if not is_copied:
            save_tables(found, small_tables())
        yield found
