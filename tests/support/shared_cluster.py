"""A cluster on this machine that all tests of a process share, and its repair after a test has damaged it."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scoring.runs.executors.cluster_process import LocalCluster

__all__ = ["cluster", "damaged_cluster"]

N_WORKERS = 3


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """Return a scheduler with three workers, each in a process of its own. Killed workers are started again."""
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    from scoring.runs.executors.cluster_process import LocalCluster

    with LocalCluster(N_WORKERS, threads=1) as cluster:
        for worker in cluster.workers:
            worker.wait_ready()
        yield cluster


@pytest.fixture
def damaged_cluster(cluster: LocalCluster) -> Iterator[LocalCluster]:
    """Return the cluster, whose workers a test may damage. The scheduler must live."""
    from tests.support import broken_worker

    yield cluster
    for worker in cluster.workers:
        with suppress(ProcessLookupError):  # it was killed, and is started again now
            os.kill(worker.pid, signal.SIGCONT)
            for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
                hard = resource.prlimit(worker.pid, kind)[1]
                resource.prlimit(worker.pid, kind, (hard, hard))
    with broken_worker.worker_client(cluster.address, cluster.certificates, N_WORKERS) as client:
        client.run(broken_worker.repair)
