"""Values that are kept for later requests, each under a key that names everything it depends on.

- `cache_key`: `CacheKey`, and one subclass for each cache
- `content_identity`: hashable forms and digests of values and of code
- `stores`: the `Store` protocol, and `MemoryStore`: bounded, counted, one computation for each missing key
- `engine_caches`: `EngineCaches`, the caches of an engine over an optional shared store
- `memory_footprints`: bytes that values occupy
"""

from scoring.caching.cache_key import CacheKey
from scoring.caching.engine_caches import CACHE_NAMES, GROUPS, EngineCaches
from scoring.caching.stores import CacheStats, MemoryStore, Store

__all__ = ["CACHE_NAMES", "GROUPS", "CacheKey", "CacheStats", "EngineCaches", "Layers", "MemoryStore", "Store"]

Layers = EngineCaches
"""Deprecated name of `EngineCaches`."""
