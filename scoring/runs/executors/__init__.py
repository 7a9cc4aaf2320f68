"""Executors rank the shards of a run.

- `executor`: the protocol `Executor`, and `ShardRanker`, which ranks one shard
- `local_executor`: ranks in this process
"""
