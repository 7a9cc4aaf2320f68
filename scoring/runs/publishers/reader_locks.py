"""Readers and the remover of a published run keep out of each other's way by locks on its manifest.

Programs that read the Parquet files on their own take no such lock: for them a run goes in one step by its name, and
files that they have open stay readable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scoring.runs.publishers.manifest import MANIFEST
from scoring.storage.file_lock import lock

__all__ = ["alone_with", "reading"]


@contextmanager
def reading(folder: str | Path) -> Iterator[None]:
    """The run is not removed inside. Nothing where there is no run: whoever reads will say so."""
    with _locked(Path(folder), shared=True):
        yield


@contextmanager
def alone_with(folder: Path) -> Iterator[None]:
    """Nobody is inside `reading`. Raises LockHeldError."""
    with _locked(folder, shared=False):
        yield


@contextmanager
def _locked(folder: Path, *, shared: bool) -> Iterator[None]:
    try:
        file = open(folder / MANIFEST, "rb")  # noqa: SIM115 - only opening it may fail without harm
    except OSError:
        yield
        return
    with file:
        lock(file.fileno(), shared=shared, patience=None if shared else 0.0)
        yield
