"""`ScoringEngine`, for code written against the legacy async interface.

- `engine`: the class
- `batch_methods`, `pair_methods`, `component_methods`, `batch_loading_methods`: one thin method for each legacy name
- `engine_state`: what all methods use: settings, the snapshot, caches, counters
- `snapshot`: the data that an engine answers from; the only place that holds it
- `legacy_input`: objects, mappings and rows to canonical frames
- `legacy_computation`: the results of the methods, computed synchronously from a snapshot
- `legacy_result_types`: the shapes of the legacy engine: lists and dictionaries, columns, names of arguments
- `classic_values`: values of single components of `classic`, for any model
- `job_only_scores`: the work behind the methods whose results depend on the job alone
- `cache_keys`: cache keys of what is computed from a model
- `pair_chunks`, `pair_parquet_dataset`: all pairs in chunks; as a Parquet dataset with a lazy handle
- `async_lock`: a lock for threads and tasks
"""

from scoring.facade.engine import (
    DEFAULT_CHUNK_SIZE,
    MAX_BATCH_SIZE,
    PERFORMANCE_TARGET_MS_PER_USER,
    ScoringEngine,
)
from scoring.facade.pair_parquet_dataset import ScoredPairs

__all__ = [
    "DEFAULT_CHUNK_SIZE",
    "MAX_BATCH_SIZE",
    "PERFORMANCE_TARGET_MS_PER_USER",
    "ScoredPairs",
    "ScoringEngine",
]
