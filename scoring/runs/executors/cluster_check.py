"""Let all workers of a cluster rank a small generated market, without the data of a run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scoring.dataset import Dataset
from scoring.model_catalog import load_model
from scoring.optional_dependencies import require
from scoring.runs.executors.cluster_address import ClusterAddress
from scoring.runs.executors.cluster_events import Admitted, Excluded, Failed, Lost
from scoring.runs.executors.cluster_session import ClusterSession
from scoring.runs.executors.dask_executor import share_bundle
from scoring.runs.executors.executor import ShardRanker
from scoring.runs.executors.private_folder import PrivateFolder
from scoring.runs.runner import prepare
from scoring.runs.shards import ShardTask, cut_shards
from scoring.synthetic import make_market

__all__ = ["ClusterCheck", "check_cluster"]

_SECONDS: Final = 900.0
_TOP_K: Final = 10


@dataclass(frozen=True)
class ClusterCheck:
    """The workers of a cluster, in the order of their names."""

    workers: tuple[Admitted | Excluded, ...]

    @property
    def n_excluded(self) -> int:
        return sum(isinstance(worker, Excluded) for worker in self.workers)


def check_cluster(address: ClusterAddress, certificates: Path | None) -> ClusterCheck:
    """Return which workers would rank for this process.

    Raises
    ------
    ClusterError: If the scheduler cannot be reached or trusted, has other settings, or has no worker.
    """
    require("A cluster", "cluster", "distributed", "cryptography")
    prepared = prepare(Dataset(make_market(120, 500, 2_000, seed=1).tables), load_model("standard"))
    rank_shard = ShardRanker.of(prepared, _TOP_K)
    rows = prepared.active_users
    shard = cut_shards(prepared.plan.user_id[rows], len(rows))[0]
    found: dict[str, Admitted | Excluded] = {}
    with PrivateFolder("check") as folder:
        shared = share_bundle(rank_shard, [ShardTask(shard, rows)], folder.path)
        session = ClusterSession(address, certificates, shared, None, "check")
        try:
            end = time.monotonic() + _SECONDS
            while time.monotonic() < end and not (found and session.is_settled):
                event = session.next_event(0.1)
                if isinstance(event, Admitted | Excluded):
                    found[event.worker] = event
                elif isinstance(event, Failed):
                    raise event.error
                elif isinstance(event, Lost):
                    break
            while (event := session.next_event(0.1)) is not None:
                if isinstance(event, Admitted | Excluded):
                    found[event.worker] = event
        finally:
            session.close()
    return ClusterCheck(tuple(found[name] for name in sorted(found)))
