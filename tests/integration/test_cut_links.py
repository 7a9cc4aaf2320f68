"""Runs on two machines whose link is cut or slow: network namespaces, connected by virtual Ethernet devices."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.ranking import Prepared
from scoring.runs.executors.certificates import create_certificates
from scoring.runs.executors.cluster_address import ClusterAddress
from scoring.runs.executors.cluster_process import ChildProcess, LocalCluster, start_scheduler, start_worker
from scoring.runs.executors.dask_executor import DaskExecutor
from scoring.synthetic import make_market
from tests.support.cluster_run import LIMITS, ClusterRun
from tests.support.network_namespace import Namespace, open_namespace
from tests.support.proof_counts import record_count
from tests.support.small_runs import read_parts
from tests.support.tcp_proxy import open_proxy

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
pytestmark = pytest.mark.usefixtures("shards_of_500_rows")

ROOT = Path(__file__).parents[2]
TTL_SECONDS = 15


@dataclass
class TwoMachines:
    """A scheduler and a worker here, and a worker on a machine behind a link."""

    space: Namespace
    address: ClusterAddress
    certificates: Path
    near: ChildProcess

    def start(self, *words: object) -> subprocess.Popen[str]:
        """Start a command on the machine behind the link."""
        command = [*self.space.prefix, sys.executable, "-m", "scoring.cli", *map(str, words)]
        surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, env=surroundings, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoMachines]:
    folder = tmp_path_factory.mktemp("machines")
    folder.chmod(0o700)
    certificates = folder / "certificates"
    create_certificates(certificates)
    with open_namespace() as space, ExitStack() as stack:
        scheduler = stack.enter_context(start_scheduler(ClusterAddress("tls", space.outer, 0), certificates))
        address = ClusterAddress.parse(scheduler.wait_ready()["address"])
        near = start_worker(
            address, certificates, name="near", threads=1, memory=2 * 10**9, folder=folder / "near-worker"
        )
        made = TwoMachines(space, address, certificates, stack.enter_context(near))
        options = ("--certificates", certificates, "--threads", 1, "--memory", 2, "--folder", folder / "far-workers")
        far = stack.enter_context(made.start("cluster", "worker", address, "--name", "far", *options))
        assert far.stdout is not None
        assert far.stdout.readline().startswith("Worker: ")
        near.wait_ready()
        yield made
        far.terminate()


def make_executor(machines: TwoMachines) -> DaskExecutor:
    return DaskExecutor(machines.address, certificates=machines.certificates, limits=replace(LIMITS, max_part_users=3))


def cut_links(
    cuts: int,
    seconds: tuple[float, float],
    machines: TwoMachines,
    market: Prepared,
    files: dict[str, bytes],
    root: Path,
) -> tuple[int, int]:
    """Cut the link while runs last. Return the number of cuts and of runs."""
    chance, happened, runs = random.Random(cuts), 0, 0
    while happened < cuts:
        executor = make_executor(machines)
        run = ClusterRun(market, executor, root / str(runs))
        if chance.random() < 0.8:
            run.wait_for_parts()
        time.sleep(chance.uniform(0.0, 0.3))
        happened += run.is_running
        began = time.monotonic()
        machines.space.cut_for(chance.uniform(*seconds))
        assert run.finish() == files
        assert run.longest_wait(began) < TTL_SECONDS + 10
        assert executor.n_local_users == 0
        runs += 1
    return happened, runs


def test_cut_link_does_not_change_bytes(
    machines: TwoMachines, market: Prepared, expected_files: dict[str, bytes], tmp_path: Path
) -> None:
    counts = cut_links(1, (1.0, 2.0), machines, market, expected_files, tmp_path)
    record_count("cut links", "{} cuts in {} runs", *counts)


@pytest.mark.long
def test_10_cut_links_do_not_change_bytes(
    machines: TwoMachines, market: Prepared, expected_files: dict[str, bytes], tmp_path: Path
) -> None:
    """Some cuts are longer than the time after which the scheduler removes a worker."""
    counts = cut_links(10, (1.0, 20.0), machines, market, expected_files, tmp_path)
    record_count("cut links", "{} cuts in {} runs", *counts)


@pytest.mark.long
def test_driver_behind_a_cut_link_ranks_the_rest(machines: TwoMachines, tmp_path: Path) -> None:
    """The link stays cut. The driver publishes the bytes of a run without a cluster."""
    with Database.open(tmp_path / "market.db") as database:
        save_tables(database, make_market(2_000, 20_000, 60_000, seed=3).tables)
    words = ("run", "--db", tmp_path / "market.db", "--no-database", "--top-k", 2_000, "--instead", "test")
    alone = machines.start(*words, "--out", tmp_path / "alone")
    assert alone.communicate(timeout=120)
    assert alone.returncode == 0
    options = ("--cluster", machines.address, "--certificates", machines.certificates)
    run = machines.start(*words, "--out", tmp_path / "cut", *options)
    assert run.stderr is not None
    while "was admitted" not in (line := run.stderr.readline()):
        assert line, "the run ended before a worker was admitted"
    time.sleep(0.3)
    with machines.space.cut():
        said = run.communicate(timeout=120)[1]
    assert run.returncode == 0, said
    assert "remaining" in said
    assert read_parts(tmp_path / "cut/latest") == read_parts(tmp_path / "alone/latest")


@pytest.mark.long
def test_slow_and_cut_connection_of_the_driver(
    market: Prepared, expected_files: dict[str, bytes], tmp_path: Path
) -> None:
    """The driver connects through a proxy that delays all bytes, and closes the connections twice."""
    with LocalCluster(2, threads=1) as cluster, open_proxy("127.0.0.1", cluster.address.port) as proxy:
        proxy.delay = 0.02
        executor = DaskExecutor(
            replace(cluster.address, port=proxy.port), certificates=cluster.certificates, limits=LIMITS
        )
        run = ClusterRun(market, executor, tmp_path / "run")
        cuts = 0
        for _ in range(2):
            run.wait_for_parts()
            time.sleep(0.5)
            cuts += run.is_running
            proxy.cut()
        assert run.finish() == expected_files
        record_count("cut links", "{} closed connections", cuts)
