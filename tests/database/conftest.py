"""A database with small tables that most tests of this package share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scoring.database.database import Database
from scoring.database.writers import save_tables
from tests.support.small_tables import small_tables


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Yield an open database with the small tables."""
    with Database.open(database_url) as found:
        save_tables(found, small_tables())
        yield found
