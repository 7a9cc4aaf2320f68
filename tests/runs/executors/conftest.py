"""A cluster on this machine that the tests of this package share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scoring.runs.executors.cluster_process import LocalCluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """Return a scheduler with two workers, each in a process of its own."""
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with LocalCluster(2, threads=1) as cluster:
        yield cluster
