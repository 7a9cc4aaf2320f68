"""Values that are kept for later requests, each under a key that names everything it depends on.

- `cache_key`: `CacheKey`, and one subclass for each cache
- `content_identity`: hashable forms and digests of values and of code
- `stores`: the `Store` protocol, and `MemoryStore`: bounded, counted, one computation for each missing key
- `engine_caches`: `EngineCaches`, the caches of an engine over an optional shared store
- `shared_cache_options`: `SharedCache`, the address and the limits of a server that several processes use
- `redis_store`: `RedisStore`, a `Store` on such a server
- `signed_values`, `server_connections`, `circuit_breaker`, `environment_digest`: its format, connections, and guards
- `memory_footprints`: bytes that values occupy
"""

from scoring.caching.cache_key import CacheKey
from scoring.caching.engine_caches import CACHE_NAMES, GROUPS, EngineCaches
from scoring.caching.redis_store import RedisStore, SharedCacheCounts, SharedCacheStats
from scoring.caching.shared_cache_options import SharedCache
from scoring.caching.stores import CacheStats, MemoryStore, Store

__all__ = [
    "CACHE_NAMES",
    "GROUPS",
    "CacheKey",
    "CacheStats",
    "EngineCaches",
    "Layers",
    "MemoryStore",
    "RedisStore",
    "SharedCache",
    "SharedCacheCounts",
    "SharedCacheStats",
    "Store",
]

Layers = EngineCaches
"""Deprecated name of `EngineCaches`."""
