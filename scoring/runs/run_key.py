"""The id and the key of a run. The key covers everything that results depend on: equal keys mean equal results."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import time
from datetime import UTC, datetime
from typing import Final

from scoring.array_types import Longs
from scoring.model import Component, ScoringModel
from scoring.runs.code_digest import compute_code_digest

__all__ = ["code_version", "new_run_id", "run_key"]

FORMAT: Final = 1
"""Version of the format of part files, journals and manifests. A run is not resumed in a different format."""


def new_run_id(at: datetime, *content: str) -> str:
    """Return a unique id that sorts by time and is a valid folder name: 20251130-115903-042-3f2a9c."""
    mark = f"{time.time_ns()} {os.getpid()} {' '.join(content)}"
    digest = hashlib.blake2b(mark.encode(), digest_size=3).hexdigest()
    at = at.astimezone(UTC)
    return f"{at:%Y%m%d-%H%M%S}-{at.microsecond // 1000:03d}-{digest}"


def code_version() -> str:
    """Return the version of this package."""
    # an import of the package would make this layer depend on the facade, which the package exports
    return str(sys.modules["scoring"].__version__)


def run_key(
    model: ScoringModel,
    fingerprint: str,
    k: int,
    users: Longs,
    shard_users: int,
    reranker: str | None = None,
    list_rules: str | None = None,
) -> str:
    """Return 32 hex digits that depend on data, model, settings and code, but not on time, chunks and threads.

    `users` (n,) are the ids of the ranked users, ascending, in shards of `shard_users`. `reranker` is the digest of
    the reranker, and `list_rules` that of the rules of lists that are active at the clock. The code is part of the
    key, so a run is never resumed with different code.
    """
    digest = hashlib.blake2b(digest_size=16)
    sources = [_read_source(type(part.component)) for part in model.parts]
    digest.update(
        repr((FORMAT, compute_code_digest(), sources, model.digest, fingerprint, k, shard_users, reranker)).encode()
    )
    digest.update(users.tobytes())
    if list_rules is not None:
        digest.update(list_rules.encode())
    return digest.hexdigest()


def _read_source(kind: type[Component]) -> str:
    """Return the source of a component from outside this package. A notebook may define a class again."""
    if kind.__module__.startswith("scoring."):
        return ""
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):  # a class from an interactive interpreter has no source: use its name and identity
        return f"{kind.__qualname__} {id(kind)}"
