"""A run on a cluster publishes the bytes of a run without it, or stops with a sentence that names the worker."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from pandas.testing import assert_frame_equal

import scoring
from scoring.bundle import bundle_file
from scoring.database.database import Database
from scoring.errors import ClusterError, ModelError
from scoring.model import Component, Inputs, Pair, Reason, ScoringModel
from scoring.model.terms import AffineLink, PairTerm, Value
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.runs.executors import cluster_events
from scoring.runs.executors.certificates import create_certificates
from scoring.runs.executors.cluster_address import ClusterAddress
from scoring.runs.executors.cluster_process import LocalCluster, start_worker
from scoring.runs.executors.cluster_session import Limits
from scoring.runs.executors.dask_executor import DaskExecutor, to_ranking
from scoring.runs.executors.executor import ShardRanker
from scoring.runs.executors.part_queue import Part, PartQueue
from scoring.runs.publishers import DatabasePublisher, FramePublisher, ParquetPublisher, read_results
from scoring.runs.shards import Shard, ShardTask, cut_shards, digest_lists
from tests.support import broken_worker
from tests.support.broken_worker import call_worker, worker_client
from tests.support.errors import raises_at, raises_with
from tests.support.learned_models import JOB_INPUTS, PAIR_INPUTS, USER_INPUTS, write_network, write_trees
from tests.support.memory_group import MemoryGroup, memory_group
from tests.support.small_runs import read_parts, run

__all__ = ["memory_group"]  # a fixture

pytestmark = pytest.mark.usefixtures("small_shards")

QUICK = Limits(part_seconds=0.0005, max_part_users=9, lost_seconds=3.0, join_seconds=3.0, first_join_seconds=2.0)
"""Parts of at most nine users: a shard of 20 users has several."""


def make_executor(cluster: LocalCluster, limits: Limits = QUICK, **settings: Any) -> DaskExecutor:
    """Return an executor that waits for the preflight of all workers, so that each gets a part."""
    for worker in cluster.workers:
        worker.wait_ready()
    limits = replace(limits, first_workers=max(limits.first_workers, len(cluster.workers)))
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
    assert set(executor.n_parts) == {"local-1", "local-2", "local-3"}
    assert sum(executor.n_parts.values()) > 10
    # the bundle is removed from the workers
    assert list(cluster.folder.glob("worker-*/*.bundle")) == []


@pytest.mark.parametrize("kind", ["job", "tables", "pairs", ".onnx", ".tflite"])
def test_trained_models_are_published_equally(
    cluster: LocalCluster, prepared: Prepared, tmp_path: Path, kind: str
) -> None:
    """Models of each shape and runtime."""
    run_model = prepared.with_model(add_trained_model(tmp_path, prepared, kind))
    publishers = [ParquetPublisher(tmp_path / name) for name in ("local", "cluster")]
    executor = make_executor(cluster)
    run(run_model, publishers[0])
    run(run_model, publishers[1], executor=executor)
    assert read_parts(tmp_path / "cluster") == read_parts(tmp_path / "local")
    assert executor.n_local_users == 0
    assert executor.excluded == []


def add_trained_model(folder: Path, prepared: Prepared, kind: str) -> ScoringModel:
    """Return a model with a trained component: a network in a format, or trees of a shape."""
    both = (*JOB_INPUTS, *USER_INPUTS)
    names = {"job": JOB_INPUTS, "tables": both, "pairs": (*both, *PAIR_INPUTS)}
    if kind in names:
        component = write_trees(folder, prepared.inputs, names[kind])
    else:
        component = write_network(folder, prepared.inputs, ("job.fee", *PAIR_INPUTS), suffix=kind)
    return load_model("standard").with_component(component, "personal", 0.3, "learned")


# Damaged workers


@pytest.fixture(scope="module")
def expected(prepared: Prepared) -> pd.DataFrame:
    return prepared.top_k(5).frame()


def run_and_compare(prepared: Prepared, expected: pd.DataFrame, executor: DaskExecutor, **settings: Any) -> None:
    publisher = FramePublisher()
    run(prepared, publisher, executor=executor, **settings)
    assert_frame_equal(publisher.frame, expected)


def break_workers(cluster: LocalCluster, calls: dict[str, tuple[Any, ...]], n_workers: int | None = None) -> None:
    """Call functions of `broken_worker`, by the name of the worker."""
    with worker_client(cluster.address, cluster.certificates) as client:
        client.wait_for_workers(n_workers or len(cluster.workers), timeout=30)
        for name, call in calls.items():
            call_worker(client, name, *call)


def at_call(number: int, action: Callable[[], object]) -> Callable[[int, int], None]:
    """Return a function that counts its calls, and acts at one of them."""
    calls = [0]

    def count(done: int, total: int) -> None:
        calls[0] += 1
        if calls[0] == number:
            action()

    return count


def test_killed_worker_is_replaced(damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame) -> None:
    executor = make_executor(damaged_cluster)
    starts = damaged_cluster.workers[0].n_starts
    kill = at_call(3, lambda: os.kill(damaged_cluster.workers[0].pid, signal.SIGKILL))
    run_and_compare(prepared, expected, executor, progress=kill)
    assert executor.n_local_users == 0
    # it is started again, and ranks in the next run without a new transfer of the bundle
    again = make_executor(damaged_cluster)
    run_and_compare(prepared, expected, again)
    assert again.n_local_users == 0
    assert damaged_cluster.workers[0].n_starts == starts + 1


def test_stopped_worker_is_replaced(damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame) -> None:
    """The other worker repeats its parts, before the scheduler removes it."""
    pid = damaged_cluster.workers[0].pid
    executor = make_executor(damaged_cluster, replace(QUICK, min_repeat_seconds=0.3))
    try:
        run_and_compare(prepared, expected, executor, progress=at_call(3, lambda: os.kill(pid, signal.SIGSTOP)))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert executor.n_local_users == 0


def test_slow_worker_does_not_delay_the_run(
    damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame
) -> None:
    break_workers(damaged_cluster, {"local-1": (broken_worker.slow_down, 30.0)})
    executor = make_executor(damaged_cluster, replace(QUICK, min_repeat_seconds=0.3))
    began = time.monotonic()
    run_and_compare(prepared, expected, executor)
    assert time.monotonic() - began < 20
    assert "local-1" not in executor.n_parts


def test_hanging_worker_is_excluded(damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame) -> None:
    """Workers that answer the scheduler and return nothing: first one, then all."""
    limits = replace(QUICK, min_hang_seconds=0.5, min_repeat_seconds=100.0, join_seconds=0.3)
    for hanging, is_rest_local in ((["local-1"], False), (["local-1", "local-2", "local-3"], True)):
        break_workers(damaged_cluster, dict.fromkeys(hanging, (broken_worker.hang,)))
        executor = make_executor(damaged_cluster, limits)
        run_and_compare(prepared, expected, executor)
        assert sorted(one.worker for one in executor.excluded) == hanging
        assert (executor.n_local_users > 0) == is_rest_local


def test_hanging_preflight_excludes_the_worker(
    damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame
) -> None:
    break_workers(damaged_cluster, {"local-1": (broken_worker.hang, "preflight")})
    executor = make_executor(damaged_cluster, replace(QUICK, min_preflight_seconds=1.0))
    run_and_compare(prepared, expected, executor)
    assert [one.worker for one in executor.excluded] == ["local-1"]
    assert set(executor.n_parts) == {"local-2", "local-3"}


@pytest.mark.parametrize("kind", ["wrong score", "changed on the way"])
def test_wrong_result_stops_the_run_and_names_the_worker(
    damaged_cluster: LocalCluster, prepared: Prepared, tmp_path: Path, kind: str
) -> None:
    """The worker passes the preflight and returns wrong results afterwards."""
    break_workers(damaged_cluster, {"local-1": (broken_worker.break_results, kind)})
    with raises_with(ClusterError, reason="wrong result", worker="local-1"):
        run(prepared, ParquetPublisher(tmp_path / "run"), executor=make_executor(damaged_cluster))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kinds", [("text", "error"), ("no memory",)])
def test_failing_workers_are_excluded_by_name(
    damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame, kinds: tuple[str, ...]
) -> None:
    broken = {f"local-{number}": (broken_worker.break_results, kind) for number, kind in enumerate(kinds, start=1)}
    break_workers(damaged_cluster, broken)
    executor = make_executor(damaged_cluster)
    run_and_compare(prepared, expected, executor)
    reasons = {one.worker: one.reason for one in executor.excluded}
    assert set(reasons) == set(broken)
    assert kinds != ("no memory",) or "memory limit" in reasons["local-1"]
    assert executor.n_local_users == 0


def test_unfit_workers_are_excluded_by_name(
    damaged_cluster: LocalCluster,
    prepared: Prepared,
    expected: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One has no disk, one ranks otherwise, one has little memory, and on one a byte of a kernel differs."""
    shutil.copytree(Path(scoring.__file__).parent, tmp_path / "scoring", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "scoring/backends/numba/pruned_topk.py").open("a") as kernel:
        kernel.write("# patched\n")
    with ExitStack() as stack:
        stack.enter_context(join(damaged_cluster, "small", tmp_path, memory=1_000_000))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        stack.enter_context(join(damaged_cluster, "skewed", tmp_path))
        break_workers(damaged_cluster, {"local-2": (broken_worker.break_preflight,)}, n_workers=5)
        pid = damaged_cluster.workers[0].pid
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1_000, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]))
        executor = make_executor(damaged_cluster, replace(QUICK, first_workers=5))
        run_and_compare(prepared, expected, executor)
    assert list(damaged_cluster.folder.glob("worker-1/*.bundle")) == []
    reasons = {one.worker: one.reason for one in executor.excluded}
    assert set(reasons) == {"local-1", "local-2", "small", "skewed"}
    assert "store the bundle" in reasons["local-1"]
    assert "other lists" in reasons["local-2"]
    assert "of memory" in reasons["small"]
    assert "code" in reasons["skewed"]
    assert set(executor.n_parts) == {"local-3"}


@contextmanager
def join(cluster: LocalCluster, name: str, folder: Path, *, memory: int = 10**10) -> Iterator[None]:
    """Start one more worker."""
    options: dict[str, Any] = {"threads": 1, "memory": memory, "folder": folder / name}
    with start_worker(cluster.address, cluster.certificates, name=name, **options) as worker:
        worker.wait_ready()
        yield


def test_worker_with_full_disk_is_excluded(
    cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame, small_disk: Path
) -> None:
    with join(cluster, "full", small_disk):
        executor = make_executor(cluster, replace(QUICK, first_workers=4))
        run_and_compare(prepared, expected, executor)
        assert list((small_disk / "full").glob("*.bundle")) == []
    assert [(one.worker, "No space left" in one.reason) for one in executor.excluded] == [("full", True)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system with room for less than a bundle, if this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=100k,mode=700", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this process may not mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_workers_without_equal_runtimes_are_excluded(
    damaged_cluster: LocalCluster, prepared: Prepared, tmp_path: Path
) -> None:
    """One has no ONNX Runtime, on one the network has other outputs, and one has the driver's."""
    learned = prepared.with_model(add_trained_model(tmp_path, prepared, ".onnx"))
    broken = {"local-1": (broken_worker.hide_package, "onnxruntime"), "local-2": (broken_worker.change_outputs,)}
    break_workers(damaged_cluster, broken)
    executor = make_executor(damaged_cluster)
    run_and_compare(learned, learned.top_k(5).frame(), executor)
    reasons = {one.worker: one.reason for one in executor.excluded}
    assert set(reasons) == set(broken)
    assert "pip install 'scoring[learned]'" in reasons["local-1"]
    assert "other outputs" in reasons["local-2"]
    assert set(executor.n_parts) == {"local-3"}


def test_lost_scheduler_leaves_the_rest_to_the_driver(prepared: Prepared, expected: pd.DataFrame) -> None:
    said, calls = list[str](), list[int]()
    with LocalCluster(1, threads=1, restarts=False) as cluster:
        executor = make_executor(cluster, replace(QUICK, lost_seconds=1.0), report=said.append)
        kill = at_call(3, lambda: os.kill(cluster.scheduler.pid, signal.SIGKILL))

        def progress(done: int, total: int) -> None:
            calls.append(done)
            kill(done, total)

        run_and_compare(prepared, expected, executor, progress=progress)
        assert any(str(cluster.address) in text and "remaining" in text for text in said)
    assert executor.n_local_users > 0
    assert calls == sorted(calls)
    assert calls[-1] == len(prepared.active_users)


@pytest.mark.long
def test_lost_workers_leave_the_rest_to_the_driver(prepared: Prepared, expected: pd.DataFrame) -> None:
    with LocalCluster(1, threads=1, restarts=False) as cluster:
        executor = make_executor(cluster, replace(QUICK, join_seconds=0.3))
        kill = at_call(3, lambda: os.kill(cluster.workers[0].pid, signal.SIGKILL))
        run_and_compare(prepared, expected, executor, progress=kill)
    assert executor.n_local_users > 0


def test_damaged_bundle_of_a_worker_is_sent_again(
    damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame, tmp_path: Path
) -> None:
    """A file with the name of the bundle that is truncated, another bundle, or of another format."""
    bundle, path = prepared.plan.bundle, tmp_path / "bundle"
    replace(bundle, user_id=bundle.user_id + 1).save(path)
    other = path.read_bytes()
    digest = bundle.save(path)
    content = path.read_bytes()
    other_format = content.replace(f'"format": {bundle_file.FORMAT}'.encode(), b'"format": 9', 1)
    for number, damaged in enumerate((content[: len(content) // 2], other, other_format), start=1):
        (damaged_cluster.folder / f"worker-{number}" / f"{digest}.bundle").write_bytes(damaged)
    executor = make_executor(damaged_cluster)
    run_and_compare(prepared, expected, executor)
    assert executor.excluded == []
    assert len(executor.admitted) == 3


def test_bundle_replaced_during_a_run_excludes_the_worker(
    damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame, tmp_path: Path
) -> None:
    replace(prepared.plan.bundle, user_id=prepared.plan.bundle.user_id + 1).save(tmp_path / "other")

    def replace_bundle() -> None:
        path = next(damaged_cluster.folder.glob("worker-1/*.bundle"))
        os.replace(tmp_path / "other", path)

    break_workers(damaged_cluster, {"local-1": (broken_worker.slow_down, 0.05)})
    executor = make_executor(damaged_cluster)
    run_and_compare(prepared, expected, executor, progress=at_call(3, replace_bundle))
    assert [(one.worker, "replaced" in one.reason) for one in executor.excluded] == [("local-1", True)]


def test_worker_on_another_processor_ranks_equally(
    cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NumPy and the compiler use only the oldest instructions there. Values are sent, not computed again."""
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", " ".join(_list_cpu_features()))
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    with join(cluster, "other", tmp_path):
        executor = make_executor(cluster, replace(QUICK, first_workers=4))
        run_and_compare(prepared, expected, executor)
    assert "other" in executor.n_parts
    assert executor.excluded == []


def _list_cpu_features() -> list[str]:
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]


def test_two_drivers_share_one_cluster(cluster: LocalCluster, prepared: Prepared) -> None:
    """The runs use the same bundle, and the first to end does not remove it from the other one."""
    frames: dict[int, pd.DataFrame] = {}

    def drive(k: int) -> None:
        publisher = FramePublisher()
        run(prepared, publisher, k=k, executor=make_executor(cluster, replace(QUICK, max_part_users=10 - k)))
        frames[k] = publisher.frame

    threads = [threading.Thread(target=drive, args=(k,)) for k in (3, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in (3, 5, 7):
        assert_frame_equal(frames[k], prepared.top_k(k).frame())
    assert list(cluster.folder.glob("worker-*/*.bundle")) == []


def test_certificates_of_another_ca_are_rejected(cluster: LocalCluster, prepared: Prepared, tmp_path: Path) -> None:
    create_certificates(tmp_path / "other")
    executor = DaskExecutor(cluster.address, certificates=tmp_path / "other", limits=QUICK)
    with raises_with(ClusterError, reason="certificates", address=str(cluster.address)):
        run(prepared, FramePublisher(), executor=executor)


def test_scheduler_and_worker_of_dask_are_rejected(prepared: Prepared) -> None:
    """Preflight names a setting of the scheduler, and a worker that this package did not start."""
    code = (
        "import asyncio, sys\nfrom distributed import Scheduler, Worker\nimport dask\n"
        "dask.config.set({'distributed.scheduler.allowed-failures': 5, "
        "'distributed.scheduler.worker-ttl': '15s', 'distributed.scheduler.work-stealing': False})\n"
        "async def main():\n"
        "    async with Scheduler(host='127.0.0.1', port=0, dashboard_address='127.0.0.1:0') as scheduler:\n"
        "        async with Worker(scheduler.address, name='foreign', dashboard_address='127.0.0.1:0'):\n"
        "            print(scheduler.address, flush=True)\n            await asyncio.to_thread(sys.stdin.read)\n"
        "asyncio.run(main())\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as process:  # type: ignore[call-overload]
        address = process.stdout.readline().strip()
        executor = DaskExecutor(address, limits=replace(QUICK, first_join_seconds=0.3))
        for reason, name in (("scheduler settings", "allowed-failures 5"), ("no worker", "foreign")):
            with raises_with(ClusterError, reason=reason) as caught:
                run(prepared, FramePublisher(), executor=executor)
            assert name in str(caught.value)
            with worker_client(ClusterAddress.parse(address), None) as client:
                client.run_on_scheduler(allow_failures, 2)
        process.stdin.close()


def allow_failures(number: int, dask_scheduler: Any = None) -> None:
    dask_scheduler.allowed_failures = number


def test_cancelled_run_stops_workers_within_a_second(cluster: LocalCluster, prepared: Prepared) -> None:
    """Each part takes seconds without the stop."""
    executor = make_executor(cluster, Limits(part_seconds=600.0, max_part_users=600_000, bytes_in_flight=1 << 32))
    rank = replace(ShardRanker.of(prepared, 5), k=5)
    rows = np.tile(prepared.active_users, 20_000)
    shard = Shard(0, int(rows.min()), int(rows.max()), len(rows))
    with closing(
        executor.map(rank, [ShardTask(shard, rows)], progress=lambda done: None, cancelled=executor_is_full(executor))
    ) as results:
        began = time.monotonic()
        assert list(results) == []
    assert time.monotonic() - began < 60
    stopped = time.monotonic()
    while any(psutil.Process(worker.pid).cpu_percent(0.1) > 50 for worker in cluster.workers):
        assert time.monotonic() - stopped < 1.0


def executor_is_full(executor: DaskExecutor) -> Callable[[], bool]:
    """Return a function that is true half a second after the first worker was admitted."""
    since: list[float] = []

    def is_cancelled() -> bool:
        if executor.admitted and not since:
            since.append(time.monotonic())
        return bool(since) and time.monotonic() - since[0] > 0.5

    return is_cancelled


def test_late_duplicate_that_differs_stops_the_run(
    damaged_cluster: LocalCluster, prepared: Prepared, tmp_path: Path
) -> None:
    """Its part was repeated by another worker, which returned before. The run still waits for other parts."""
    late = tmp_path / "late"
    break_workers(
        damaged_cluster,
        {"local-1": (broken_worker.break_results, "wrong score"), "local-3": (broken_worker.wait_for_file, "never")},
    )
    break_workers(
        damaged_cluster,
        {"local-1": (broken_worker.wait_for_file, str(late)), "local-2": (broken_worker.slow_down, 0.3)},
    )
    said, repeated = list[str](), list[int]()
    limits = replace(QUICK, max_part_users=20, min_repeat_seconds=0.2)
    executor = make_executor(damaged_cluster, limits, report=said.append)

    def release(done: int, total: int) -> None:
        """Release the late part after the oldest part of both workers was ranked again by the third one."""
        repeated.extend([done] if any("repeated" in text for text in said) else [])
        if len(repeated) == 2:
            late.touch()

    with raises_with(ClusterError, match="different lists", reason="wrong result", worker="local-1"):
        run(prepared, ParquetPublisher(tmp_path / "run"), executor=executor, progress=release)
    assert [path.name for path in tmp_path.iterdir()] == ["late"]


class ScriptedSession:
    """A session that returns given events."""

    def __init__(self, events: list[cluster_events.Event]) -> None:
        self._events = events

    def next_event(self, timeout: float) -> cluster_events.Event | None:
        return self._events.pop(0)


def test_different_duplicate_names_both_workers(prepared: Prepared) -> None:
    rank = ShardRanker.of(prepared, 5)
    rows = prepared.active_users[:20]
    shard = cut_shards(prepared.plan.user_id[rows], 20)[0]
    queue = PartQueue([ShardTask(shard, rows)])
    part = queue.take(10)
    assert part is not None
    lists = rank.rank(part.rows)
    one = {
        "job_row": lists.job_row.astype(np.int32), "scores": lists.scores, "count": lists.count, "n_scored": 1,
        "choice": None, "digest": digest_lists(lists).hex(),
    }  # fmt: skip
    changed = replace(lists, scores=lists.scores + np.float32(1))
    two = one | {"scores": changed.scores, "digest": digest_lists(changed).hex()}
    equal = [cluster_events.Ranked("a", part, one), cluster_events.Ranked("b", part, one), cluster_events.Finished()]
    different = [cluster_events.Ranked("a", part, one), cluster_events.Ranked("b", part, two)]
    for events, is_equal in ((equal, True), (different, False)):
        executor = DaskExecutor("tcp://127.0.0.1:1")
        received = executor._receive(ScriptedSession(list(events)), queue, rank, lambda done: None, lambda: False)  # type: ignore[arg-type]
        if is_equal:
            assert list(received) == []
            assert executor.n_parts == {"a": 1}
        else:
            with pytest.raises(ClusterError, match="Workers a and b") as caught:
                list(received)
            assert caught.value.worker == "b"


@pytest.mark.parametrize(
    "change",
    [
        {"scores": np.zeros((1, 5, 4), np.float32)}, {"count": [1, 2]}, {"job_row": None}, {"n_scored": None},
        {"job_row": np.full((10, 5), 10**6, np.int32)}, {"job_row": np.full((10, 5), -1, np.int32)},
        {"count": np.full(10, 9, np.int32)}, {"digest": ""}, {"choice": (1,)},
    ],
)  # fmt: skip
def test_damaged_result_is_not_a_ranking(prepared: Prepared, change: dict[str, Any]) -> None:
    rank = ShardRanker.of(prepared, 5)
    rows = prepared.active_users[:10]
    part = Part(0, ShardTask(cut_shards(prepared.plan.user_id[rows], 10)[0], rows), 0, 10)
    lists = rank.rank(rows)
    result = {
        "job_row": lists.job_row.astype(np.int32), "scores": lists.scores, "count": lists.count, "n_scored": 1,
        "choice": None, "digest": digest_lists(lists).hex(),
    }  # fmt: skip
    found = to_ranking(result, part, rank.bundle, 5)
    assert found is not None
    assert digest_lists(found) == digest_lists(lists)
    assert to_ranking(result | change, part, rank.bundle, 5) is None


def test_worker_at_its_memory_limit_does_not_change_lists(
    damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame
) -> None:
    """The system refuses all memory that the worker asks for from the third part on."""
    break_workers(damaged_cluster, {"local-1": (broken_worker.slow_down, 0.03)})
    pid = damaged_cluster.workers[0].pid

    def limit() -> None:
        used = psutil.Process(pid).memory_info().vms
        resource.prlimit(pid, resource.RLIMIT_AS, (used, resource.prlimit(pid, resource.RLIMIT_AS)[1]))

    executor = make_executor(damaged_cluster, replace(QUICK, min_repeat_seconds=0.5))
    run_and_compare(prepared, expected, executor, progress=at_call(3, limit))
    assert executor.n_local_users == 0


def test_worker_killed_for_memory_is_named(
    damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame, memory_group: MemoryGroup
) -> None:
    """The kernel kills the worker, because it exceeds the limit of its group. It is started again outside of it."""
    break_workers(damaged_cluster, {"local-1": (broken_worker.use_memory, 3, 500_000_000)})
    memory_group.add(damaged_cluster.workers[0].pid, limit=100_000_000)
    said: list[str] = []
    executor = make_executor(damaged_cluster, report=said.append)
    run_and_compare(prepared, expected, executor)
    assert memory_group.count_kills() == 1
    assert executor.n_local_users == 0
    lost = [text for text in said if "was lost" in text]
    assert len(lost) == 1
    assert "local-1" in lost[0]
    assert "memory limit" in lost[0]


@pytest.mark.long
def test_worker_that_is_always_lost_is_excluded(
    damaged_cluster: LocalCluster, prepared: Prepared, expected: pd.DataFrame
) -> None:
    """It is killed whenever it receives the bundle."""
    executor, stop = make_executor(damaged_cluster, replace(QUICK, max_worker_losses=2)), threading.Event()

    def kill() -> None:
        while not stop.wait(0.005):
            received = list(damaged_cluster.folder.glob("worker-1/*.[pb]*"))
            if received:
                damaged_cluster.workers[0].kill()
            for path in received:
                path.unlink(missing_ok=True)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        run_and_compare(prepared, expected, executor)
    finally:
        stop.set()
        thread.join()
    assert [(one.worker, "lost 2 times" in one.reason) for one in executor.excluded] == [("local-1", True)]


class PerPair(Component):
    """A value that only a function of pairs can compute."""

    kind = "per_pair"

    def terms(self, inputs: Inputs) -> Value:
        user_id, job_id = inputs.users.user_id, inputs.jobs.job_id
        return Value((PairTerm(lambda users, jobs: (user_id[users] + job_id[jobs]) % 7.0),), link=AffineLink(0.0, 7.0))

    def explain(self, pair: Pair) -> Reason:
        raw = float((pair.user["user_id"] + pair.job["job_id"]) % 7)
        return Reason(float(AffineLink(0.0, 7.0)(np.array([raw]))[0]), {"raw": raw})


def test_model_evaluated_per_pair_is_rejected_before_ranking(
    cluster: LocalCluster, prepared: Prepared, tmp_path: Path
) -> None:
    """Its functions exist in this process only."""
    text = "name: mine\ngroups:\n  base:\n    weight: 1\n    components:\n      per_pair: {weight: 1}\n"
    (tmp_path / "mine.yaml").write_text(text)
    model = load_model(tmp_path / "mine.yaml", components=[PerPair])
    with raises_at(ModelError, "pairs"):
        run(prepared.with_model(model), FramePublisher(), executor=make_executor(cluster))
