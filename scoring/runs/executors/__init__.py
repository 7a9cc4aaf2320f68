"""Executors rank the shards of a run.

- `executor`: the protocol `Executor`, and `ShardRanker`, which ranks one shard
- `local_executor`: ranks in this process
- `dask_executor`: ranks in the workers of a Dask cluster; `cluster_session`: its connection, which admits workers and
  sends them parts (`part_queue`); `cluster_events`: what it reports
- `worker_tasks`: functions that workers execute; `bundle_store`: the bundles of a worker
- `cluster_process`: schedulers, workers, and a cluster on this machine; `cluster_address`, `certificates`: connections
- `private_folder`: folders of bundles, which are removed after a kill too
- `cluster_check`: lets all workers rank a small market

Modules of the cluster import Dask only when they are used.
"""
