"""Runs on a cluster whose workers, drivers and links are lost: the bytes of a run without a cluster."""

from __future__ import annotations

import random
import shutil
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scoring.ranking import Prepared
from scoring.runs.executors.cluster_process import LocalCluster, start_worker
from scoring.runs.executors.dask_executor import DaskExecutor
from tests.integration.test_killed_runs import (
    KILLED,
    Place,
    Server,
    Undisturbed,
    server,
    survive,
    undisturbed,
    yesterday,
)
from tests.support import broken_worker
from tests.support.broken_worker import call_worker, worker_client
from tests.support.cluster_run import LIMITS, ClusterRun
from tests.support.proof_counts import record_count

__all__ = ["server", "undisturbed", "yesterday"]  # fixtures

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


def survive_killed_workers(
    kills: int,
    seed: int,
    pause: float,
    cluster: LocalCluster,
    market: Prepared,
    expected_files: dict[str, bytes],
    folder: Path,
) -> tuple[int, int, int]:
    """Kill workers while runs last, after random pauses. A worker starts again in a second or two.

    Return the number of kills, the wanted number, and the number of runs.
    """
    chance, happened, runs, local, longest = random.Random(seed), 0, 0, 0, 0.0
    while happened < kills:
        executor = DaskExecutor(cluster.address, certificates=cluster.certificates, limits=LIMITS)
        run = ClusterRun(market, executor, folder / str(runs))
        if chance.random() < 0.8:  # otherwise also during the preflight
            run.wait_for_parts()
        killed = time.monotonic()
        while run.is_running and happened < kills:
            time.sleep(chance.uniform(0.0, pause))
            is_running = run.is_running
            happened += chance.choice(cluster.workers).kill() and is_running
            killed = time.monotonic()
        assert run.finish() == expected_files
        longest = max(longest, run.longest_wait(killed))
        local += executor.n_local_users
        runs += 1
    assert longest < 10
    assert local < runs * 600 / 4  # the cluster ranks, not the driver
    return happened, kills, runs


@pytest.mark.usefixtures("shards_of_500_rows")
def test_5_killed_workers_do_not_change_bytes(
    damaged_cluster: LocalCluster, market: Prepared, expected_files: dict[str, bytes], tmp_path: Path
) -> None:
    counts = survive_killed_workers(5, 1, 0.5, damaged_cluster, market, expected_files, tmp_path)
    record_count("lost workers", "{} of {} kills in {} runs", *counts)


@pytest.mark.long
@pytest.mark.usefixtures("shards_of_500_rows")
def test_100_killed_workers_do_not_change_bytes(
    damaged_cluster: LocalCluster, market: Prepared, expected_files: dict[str, bytes], tmp_path: Path
) -> None:
    counts = survive_killed_workers(100, 2, 1.5, damaged_cluster, market, expected_files, tmp_path)
    record_count("lost workers", "{} of {} kills in {} runs", *counts)


@pytest.mark.long
@pytest.mark.usefixtures("shards_of_500_rows")
@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_number_of_workers_does_not_change_bytes(
    market: Prepared, expected_files: dict[str, bytes], tmp_path: Path, n_workers: int
) -> None:
    with LocalCluster(n_workers, threads=2 if n_workers == 1 else 1) as cluster:
        executor = DaskExecutor(cluster.address, certificates=cluster.certificates, limits=LIMITS)
        assert ClusterRun(market, executor, tmp_path / "run").finish() == expected_files
        assert executor.n_local_users == 0


class ClusterPlace(Place):
    """A place whose runs use a cluster."""

    cluster: LocalCluster

    def run(self, *extra: object, k: int = 8, **trouble: Any) -> dict[str, Any]:
        address, certificates = self.cluster.address, self.cluster.certificates
        return super().run(*extra, "--cluster", address, "--certificates", certificates, k=k, **trouble)

    def copy(self, root: Path) -> ClusterPlace:
        shutil.copytree(self.root, root, symlinks=True)
        return make_place(root, self.server, self.cluster)


def make_place(root: Path, server: Server, cluster: LocalCluster) -> ClusterPlace:
    place = ClusterPlace(root, server)
    place.cluster = cluster
    return place


@pytest.fixture(scope="module")
def clustered(yesterday: Place, cluster: LocalCluster) -> ClusterPlace:
    """Return the place of `yesterday` with a cluster."""
    return make_place(yesterday.root, yesterday.server, cluster)


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.long)])
def test_killed_driver_resumes_identically(
    undisturbed: Undisturbed, clustered: ClusterPlace, tmp_path: Path, kills: int
) -> None:
    slower = replace(undisturbed, seconds=2.5)  # a run on the cluster takes longer: a kill may happen at any time of it
    counts = survive(kills, kills, slower, clustered, tmp_path)
    record_count("lost drivers", "{} of {} kills in {} runs", *counts)
    deadline = time.monotonic() + 10
    while list(clustered.cluster.folder.glob("worker-*/*.part")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert KILLED == -9
    for bundle in clustered.cluster.folder.glob("worker-*/*.bundle"):
        bundle.unlink()  # of killed drivers: workers keep them for a day


@pytest.mark.usefixtures("shards_of_500_rows")
def test_joining_worker_ranks_within_5_seconds(
    damaged_cluster: LocalCluster, market: Prepared, expected_files: dict[str, bytes], tmp_path: Path
) -> None:
    """The time begins when the new worker has imported its modules, and includes the transfer and the preflight."""
    with worker_client(damaged_cluster.address, damaged_cluster.certificates) as client, ExitStack() as stack:
        for worker in ("local-1", "local-2", "local-3"):
            call_worker(client, worker, broken_worker.slow_down, 0.2)
        executor = DaskExecutor(damaged_cluster.address, certificates=damaged_cluster.certificates, limits=LIMITS)
        run = ClusterRun(market, executor, tmp_path / "run")
        run.wait_for_parts()
        options: dict[str, Any] = {"name": "late", "threads": 1, "memory": 10**10, "folder": tmp_path / "late"}
        late = start_worker(damaged_cluster.address, damaged_cluster.certificates, **options)
        stack.enter_context(late).wait_ready()
        joined = time.monotonic()
        while run.is_running and "late" not in executor.n_parts:
            time.sleep(0.01)
        assert "late" in executor.n_parts
        assert time.monotonic() - joined < 5
        client.run(broken_worker.repair)
        assert run.finish() == expected_files
