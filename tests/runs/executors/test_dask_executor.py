"""A run on a cluster publishes the bytes of a run without it, or stops with a sentence that names the worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

from scoring.database.database import Database
from scoring.ranking import Prepared
from scoring.runs.executors.cluster_process import LocalCluster
from scoring.runs.executors.cluster_session import Limits
from scoring.runs.executors.dask_executor import DaskExecutor
from scoring.runs.publishers import DatabasePublisher, ParquetPublisher, read_results
from tests.support.small_runs import read_parts, run

pytestmark = pytest.mark.usefixtures("small_shards")

QUICK = Limits(part_seconds=0.0005, max_part_users=9, lost_seconds=3.0, join_seconds=3.0, first_join_seconds=2.0)
"""Parts of at most nine users: a shard of 20 users has several."""


def make_executor(cluster: LocalCluster, limits: Limits = QUICK, **settings: Any) -> DaskExecutor:
    return DaskExecutor(cluster.address, certificates=cluster.certificates, limits=limits, **settings)


def test_published_bytes_and_rows_equal_a_local_run(
    cluster: LocalCluster, prepared: Prepared, tmp_path: Path, sqlite_url: str
) -> None:
    """The manifests list the same files, and the records of the run in the database are equal."""
    with Database.open(sqlite_url) as database:
        database.create()
        local = run(prepared, ParquetPublisher(tmp_path / "local"), DatabasePublisher(database))
        rows = read_results(database)
        executor, calls = make_executor(cluster), list[int]()
        other = run(
            prepared,
            ParquetPublisher(tmp_path / "cluster"),
            DatabasePublisher(database),
            executor=executor,
            progress=lambda done, total: calls.append(done),
        )
        assert_frame_equal(read_results(database), rows)
    assert read_parts(tmp_path / "cluster") == read_parts(tmp_path / "local")
    assert len(read_parts(tmp_path / "local")) > 5
    assert other.counts == local.counts
    assert other.metadata.key == local.metadata.key
    assert_frame_equal(other.first.frame(), local.first.frame())
    manifests = [json.loads((tmp_path / name / "_manifest.json").read_text()) for name in ("local", "cluster")]
    assert manifests[0]["files"] == manifests[1]["files"]
    assert calls == sorted(calls)
    assert calls[-1] == len(prepared.active_users)
    assert executor.n_local_users == 0
    assert set(executor.n_parts) == {"local-1", "local-2"}
    assert sum(executor.n_parts.values()) > 10
    # the bundle is removed from the workers
    assert list(cluster.folder.glob("worker-*/*.bundle")) == []
