"""What a run is called, and what its results depend on, as one name: equal keys, equal results."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from scoring.array_types import Longs
from scoring.model import Component, ScoringModel

__all__ = ["code_version", "new_run_id", "run_key"]

FORMAT: Final = 1
"""Of part files, journals and manifests. A run that was begun in another one cannot be gone on with."""

_DECIDES: Final = (
    "backends",
    "bundle",
    "columns",
    "components",
    "database",
    "dataset",
    "model",
    "plan",
    "ranking",
    "runs",
    "statistics",
    "storage",
    "synthetic",
    "threads",
    "validation",
)
"""Where the code is that results come from."""


def new_run_id(at: datetime, *content: str) -> str:
    """Text that sorts by time, is no other run's, and can name a folder: 20251130-115903-042-3f2a9c."""
    mark = f"{time.time_ns()} {os.getpid()} {' '.join(content)}"
    digest = hashlib.blake2b(mark.encode(), digest_size=3).hexdigest()
    at = at.astimezone(UTC)
    return f"{at:%Y%m%d-%H%M%S}-{at.microsecond // 1000:03d}-{digest}"


def code_version() -> str:
    """Of this package."""
    # a plain import of the package would tie this layer to the facade, which its public names hold
    return str(sys.modules["scoring"].__version__)


def run_key(model: ScoringModel, fingerprint: str, k: int, users: Longs, shard_users: int) -> str:
    """32 hex digits of data, model, settings and code. Neither the time, nor chunks and threads: they change nothing.

    `users` (n,) are the ids that are ranked for, ascending; `shard_users` of them are kept together.
    """
    digest = hashlib.blake2b(digest_size=16)
    own = [_source(type(part.component)) for part in model.parts]
    digest.update(repr((FORMAT, _code(), own, model.digest, fingerprint, k, shard_users)).encode())
    digest.update(users.tobytes())
    return digest.hexdigest()


@cache
def _code() -> str:
    """Of every module that a score goes through: half of a run by other code is not gone on with by this one."""
    digest = hashlib.blake2b(digest_size=16)
    root = Path(__file__).parents[1]
    for name in _DECIDES:
        files = sorted((root / name).rglob("*.py")) if (root / name).is_dir() else [root / name]
        for file in files:
            digest.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return digest.hexdigest()


def _source(kind: type[Component]) -> str:
    """The code of a component that is not of this package; a class from a notebook may be defined again."""
    if kind.__module__.startswith("scoring."):
        return ""
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):  # typed into a plain interpreter: its name is all there is, and this process
        return f"{kind.__qualname__} {id(kind)}"
