"""Locks on the manifest of a published run: shared by its readers, exclusive for the process that removes it.

Other programs that read the Parquet files take no such lock. For them a run is removed in one step by a rename, and
open files stay readable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scoring.runs.publishers.manifest import MANIFEST
from scoring.storage.file_lock import lock
from scoring.storage.home_folder_expansion import expand_path

__all__ = ["lock_for_reading", "lock_for_removal"]


@contextmanager
def lock_for_reading(folder: str | Path) -> Iterator[None]:
    """Protect the run from removal inside the context. Without a manifest no lock is taken; the reader reports it."""
    with _hold_lock(expand_path(folder, "folder"), shared=True):
        yield


@contextmanager
def lock_for_removal(folder: Path) -> Iterator[None]:
    """Exclude readers inside the context. Raises LockHeldError if a reader is inside `lock_for_reading`."""
    with _hold_lock(folder, shared=False):
        yield


@contextmanager
def _hold_lock(folder: Path, *, shared: bool) -> Iterator[None]:
    try:
        file = open(folder / MANIFEST, "rb")  # noqa: SIM115 - only an error of open may be ignored
    except OSError:
        yield
        return
    with file:
        lock(file.fileno(), shared=shared, patience=None if shared else 0.0)
        yield
