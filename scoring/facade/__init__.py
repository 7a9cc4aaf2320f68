"""`ScoringEngine`, for code written against the legacy async interface.

- `engine`: the class, one thin method per legacy name
- `snapshot`: the data that an engine answers from; the only place that holds it
- `legacy_objects`: objects, mappings and rows to canonical frames
- `requests`: the work behind the methods, synchronous, on a snapshot
- `job_scores`: the same for what depends on the job alone
- `pairs_store`: every pair as a Parquet dataset, and the lazy handle to it
"""

from scoring.facade.engine import (
    DEFAULT_CHUNK_SIZE,
    MAX_BATCH_SIZE,
    PERFORMANCE_TARGET_MS_PER_USER,
    ScoringEngine,
)
from scoring.facade.pair_results import ScoredPairs

__all__ = [
    "DEFAULT_CHUNK_SIZE",
    "MAX_BATCH_SIZE",
    "PERFORMANCE_TARGET_MS_PER_USER",
    "ScoredPairs",
    "ScoringEngine",
]
