"""Runs on a cluster of two worker processes with one thread each, compared with two threads of one process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import psutil

from benchmarks.learned_models import make_network
from benchmarks.measurement import print_progress
from benchmarks.results import Figure, Section, Table, at_most
from benchmarks.sections.learned import ALL_INPUTS
from benchmarks.sections.worst_cases import concentrate_weight
from benchmarks.workspace import Size, Workspace
from scoring import Prepared, load_model
from scoring.model import Inputs
from scoring.runs import runner
from scoring.runs.executors.cluster_process import LocalCluster
from scoring.runs.executors.dask_executor import DaskExecutor
from scoring.runs.runner import RunResult

__all__ = ["measure"]

_WORKERS: Final = 2
_LEARNED: Final = "network, all weight on it"
_LARGEST_RATIO, _LARGEST_SHARE = 1.25, 5.0


@dataclass(frozen=True)
class _Case:
    """Seconds of ranking, and processor seconds."""

    name: str
    users: int
    threads: float
    cluster: float
    driver_cpu: float
    workers_cpu: float

    @property
    def ratio(self) -> float:
        """The time of the cluster as a multiple of that of the threads."""
        return self.cluster / self.threads

    @property
    def driver_share(self) -> float:
        """Processor time of the driver in percent of that of the workers."""
        return 100 * self.driver_cpu / self.workers_cpu


def measure(size: Size, work: Workspace) -> Section:
    """Rank with threads and with a cluster in turn, without writing."""
    from tests.learning.network_files import make_onnx

    base, statistics = load_model("standard"), work.statistics(size)
    inputs = Inputs.of(statistics)
    with tempfile.TemporaryDirectory(dir=work.folder) as folder, LocalCluster(_WORKERS, threads=1) as cluster:
        network = make_network(Path(folder), "network.onnx", inputs, ALL_INPUTS, make_onnx)
        learned = base.with_component(network, "personal", 0.5, "network").with_weights({"network": 1.0})
        executor = DaskExecutor(cluster.address, certificates=cluster.certificates, run_name="benchmark")
        models = {
            _LEARNED: (learned, size.users // 10),
            "80 % of the weight on factors": (concentrate_weight(base, "collaborative", 0.8), size.users),
            "standard": (base, size.users),
        }
        cases = [
            _measure_case(
                name, Prepared.of(inputs, model, workers=_WORKERS), n_users, executor, max(1, size.repeats // 3)
            )
            for name, (model, n_users) in models.items()
        ]
    dense = cases[0]
    columns = ("model", "users", "two threads, s", "cluster, s", "ratio", "driver's processor time, % of the workers'")
    rows = [
        [case.name, f"{case.users:,}", f"{case.threads:.2f}", f"{case.cluster:.2f}", f"{case.ratio:.2f}",
         f"{case.driver_share:.1f}"]
        for case in cases
    ]  # fmt: skip
    return Section(
        name="cluster",
        title="Cluster of two worker processes with one thread each",
        size=f"{size.text}, top 40; ranking with preflight and the transfer of the bundle, without writing",
        figures=[
            Figure(f"{dense.name}: time of the cluster", dense.ratio, "× two threads", at_most(_LARGEST_RATIO)),
            *(
                Figure(
                    f"{case.name}: processor time of the driver", case.driver_share, "% of the workers'",
                    at_most(_LARGEST_SHARE),
                )
                for case in cases
            ),
        ],
        tables=[Table("Runs on a cluster", columns, rows)],
    )  # fmt: skip


def _measure_case(name: str, prepared: Prepared, n_users: int, executor: DaskExecutor, repeats: int) -> _Case:
    users = prepared.plan.user_id[prepared.active_users][:n_users]
    print_progress(f"ranking {len(users):,} users with {name}")

    def rank(by: DaskExecutor | None) -> RunResult:
        return runner.run(prepared, users=users, executor=by)

    first, other = rank(None), rank(executor)  # compile, and start the workers' runtimes
    if not np.array_equal(first.first.job_id, other.first.job_id):
        raise AssertionError(f"{name}: the lists of the cluster differ.")
    of_threads, of_cluster = [], []
    for _ in range(max(1, repeats)):
        of_threads.append(rank(None).ranking_seconds)
        of_cluster.append(_measure_cpu(lambda: rank(executor).ranking_seconds))
    cluster, driver_cpu, workers_cpu = min(of_cluster)
    return _Case(name, len(users), min(of_threads), cluster, driver_cpu, workers_cpu)


def _measure_cpu(work: Callable[[], float]) -> tuple[float, float, float]:
    """Return (the result, processor seconds of this process, those of its worker processes)."""
    workers = [child for child in psutil.Process().children(recursive=True) if '"worker"' in " ".join(child.cmdline())]
    before, start = sum(map(_read_cpu, workers)), time.process_time()
    result = work()
    return result, time.process_time() - start, sum(map(_read_cpu, workers)) - before


def _read_cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
