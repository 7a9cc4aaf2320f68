"""A run on a cluster in a thread of its own, while a test damages the cluster."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

from scoring.ranking import Prepared
from scoring.runs import runner
from scoring.runs.executors.cluster_session import Limits
from scoring.runs.executors.dask_executor import DaskExecutor
from scoring.runs.publishers import ParquetPublisher
from tests.support.small_runs import read_parts

__all__ = ["LIMITS", "ClusterRun"]

LIMITS = Limits(part_seconds=0.002, max_part_users=6, min_repeat_seconds=1.0)
"""Small parts, so that a run of 600 users has 100."""


class ClusterRun:
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
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)

    def finish(self) -> dict[str, bytes]:
        """Return the published files."""
        self._thread.join(120)
        assert not self.is_running
        if self._error is not None:
            raise self._error
        return read_parts(self._folder)
