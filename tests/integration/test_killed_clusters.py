"""Runs on a cluster whose workers, drivers and links are lost: the bytes of a run without a cluster."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scoring.dataset import Dataset
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.runs import runner, shards
from scoring.runs.executors.cluster_process import LocalCluster
from scoring.runs.executors.cluster_session import Limits
from scoring.runs.executors.dask_executor import DaskExecutor
from scoring.runs.publishers import ParquetPublisher
from scoring.synthetic import make_market
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
from tests.support.proof_counts import record_count
from tests.support.small_runs import read_parts

__all__ = ["server", "undisturbed", "yesterday"]  # fixtures

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

ROOT = Path(__file__).parents[2]
TTL_SECONDS = 15
LIMITS = Limits(part_seconds=0.002, max_part_users=6, min_repeat_seconds=1.0)
"""Small parts, so that a run of 600 users has 100."""


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return runner.prepare(Dataset(make_market(600, 2_000, 6_000, seed=5).tables), load_model("standard"), workers=1)


@pytest.fixture(scope="module")
def expected(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the part files of a run without a cluster."""
    folder = tmp_path_factory.mktemp("local") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "ROWS_PER_SHARD", 500)
        runner.run(prepared, k=10, publishers=[ParquetPublisher(folder)])
    return read_parts(folder)


class Run:
    """A run on a cluster in a thread of its own."""

    def __init__(self, prepared: Prepared, executor: DaskExecutor, folder: Path) -> None:
        self.executor, self._folder = executor, folder
        self.times = [time.monotonic()]
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(prepared,))
        self._thread.start()

    def _run(self, prepared: Prepared) -> None:
        try:
            runner.run(
                prepared,
                k=10,
                publishers=[ParquetPublisher(self._folder)],
                executor=self.executor,
                progress=lambda done, total: self.times.append(time.monotonic()),
            )
        except BaseException as error:  # noqa: BLE001 - raised by `finish`
            self._error = error

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @property
    def has_parts(self) -> bool:
        return len(self.times) > 3

    def wait_for_parts(self) -> None:
        while self.is_running and not self.has_parts:
            time.sleep(0.01)

    def longest_wait(self, since: float) -> float:
        """Return the longest time between two parts, or before the first one, after a moment."""
        times = [since, *(moment for moment in self.times if moment > since)]
        return max((later - earlier for earlier, later in zip(times, times[1:], strict=False)), default=0.0)

    def finish(self) -> dict[str, bytes]:
        """Return the published files."""
        self._thread.join(120)
        assert not self.is_running
        if self._error is not None:
            raise self._error
        return read_parts(self._folder)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 500)


def survive_killed_workers(
    kills: int, seed: int, prepared: Prepared, expected: dict[str, bytes], folder: Path
) -> tuple[int, int, int]:
    """Kill workers while runs last. Return the number of kills, the wanted number, and the number of runs."""
    chance, happened, runs, local, longest = random.Random(seed), 0, 0, 0, 0.0
    with LocalCluster(3, threads=1) as cluster:
        while happened < kills:
            executor = DaskExecutor(cluster.address, certificates=cluster.certificates, limits=LIMITS)
            run = Run(prepared, executor, folder / str(runs))
            if chance.random() < 0.8:  # otherwise also during the preflight
                run.wait_for_parts()
            killed = time.monotonic()
            while run.is_running and happened < kills:
                time.sleep(chance.uniform(0.0, 0.4))
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(cluster.workers).pid, signal.SIGKILL)
                    happened += run.is_running
                killed = time.monotonic()
            assert run.finish() == expected
            longest = max(longest, run.longest_wait(killed))
            local += executor.n_local_users
            runs += 1
    assert longest < 10
    assert local < runs * 600 / 4  # the cluster ranks, not the driver
    return happened, kills, runs


@pytest.mark.usefixtures("small_shards")
def test_5_killed_workers_do_not_change_bytes(prepared: Prepared, expected: dict[str, bytes], tmp_path: Path) -> None:
    counts = survive_killed_workers(5, 1, prepared, expected, tmp_path)
    record_count("lost workers", "{} of {} kills in {} runs", *counts)


@pytest.mark.long
@pytest.mark.usefixtures("small_shards")
def test_100_killed_workers_do_not_change_bytes(prepared: Prepared, expected: dict[str, bytes], tmp_path: Path) -> None:
    counts = survive_killed_workers(100, 2, prepared, expected, tmp_path)
    record_count("lost workers", "{} of {} kills in {} runs", *counts)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("n_workers", [1, pytest.param(2, marks=pytest.mark.long), 3])
def test_number_of_workers_does_not_change_bytes(
    prepared: Prepared, expected: dict[str, bytes], tmp_path: Path, n_workers: int
) -> None:
    with LocalCluster(n_workers, threads=2 if n_workers == 1 else 1) as cluster:
        executor = DaskExecutor(cluster.address, certificates=cluster.certificates, limits=LIMITS)
        assert Run(prepared, executor, tmp_path / "run").finish() == expected
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
def clustered(yesterday: Place) -> Iterator[ClusterPlace]:
    """Return the place of `yesterday` with a cluster."""
    with LocalCluster(2, threads=1) as cluster:
        yield make_place(yesterday.root, yesterday.server, cluster)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.long)])
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
