"""The id of a run, and its key: what its results depend on. Runs of equal keys have equal results."""

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
from scoring.runs.code_digest import code_digest

__all__ = ["code_version", "new_run_id", "run_key"]

FORMAT: Final = 1
"""Of part files, journals and manifests. A run that was started in another format is not resumed."""


def new_run_id(at: datetime, *content: str) -> str:
    """Return a unique text that sorts by time and can name a folder: 20251130-115903-042-3f2a9c."""
    mark = f"{time.time_ns()} {os.getpid()} {' '.join(content)}"
    digest = hashlib.blake2b(mark.encode(), digest_size=3).hexdigest()
    at = at.astimezone(UTC)
    return f"{at:%Y%m%d-%H%M%S}-{at.microsecond // 1000:03d}-{digest}"


def code_version() -> str:
    """Of this package."""
    # a plain import of the package would tie this layer to the facade, which its public names hold
    return str(sys.modules["scoring"].__version__)


def run_key(
    model: ScoringModel, fingerprint: str, k: int, users: Longs, shard_users: int, reranker: str | None = None
) -> str:
    """Return 32 hex digits of data, model, settings and code, but not of the time, chunks and threads.

    `users` (n,) are the ids that are ranked for, ascending, in shards of `shard_users`; `reranker` is its digest.
    The code is part of the key, so a run is never resumed with different code.
    """
    digest = hashlib.blake2b(digest_size=16)
    own = [_source(type(part.component)) for part in model.parts]
    digest.update(repr((FORMAT, code_digest(), own, model.digest, fingerprint, k, shard_users, reranker)).encode())
    digest.update(users.tobytes())
    return digest.hexdigest()


def _source(kind: type[Component]) -> str:
    """Return the code of a component that is not of this package; a notebook may define a class again."""
    if kind.__module__.startswith("scoring."):
        return ""
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):  # typed into a plain interpreter: its name is all there is, and this process
        return f"{kind.__qualname__} {id(kind)}"
