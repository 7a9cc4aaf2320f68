"""Readers and the remover of a published run keep out of each other's way by locks on its manifest.

Programs that read the Parquet files on their own take no such lock: for them a run goes in one step by its name, and
files that they have open stay readable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scoring.runs.publishers.manifest import MANIFEST
from scoring.runs.publishers.run_journal import Held

__all__ = ["alone_with", "reading"]


@contextmanager
def reading(folder: str | Path) -> Iterator[None]:
    """The run is not removed inside. Nothing where there is no run: whoever reads will say so."""
    with _locked(Path(folder), shared=True):
        yield


@contextmanager
def alone_with(folder: Path) -> Iterator[None]:
    """Nobody is inside `reading`. Raises Held."""
    with _locked(folder, shared=False):
        yield


@contextmanager
def _locked(folder: Path, *, shared: bool) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # no such thing on Windows, which does not remove files that are open
        yield
        return
    try:
        file = open(folder / MANIFEST, "rb")  # noqa: SIM115 - only opening it may fail without harm
    except OSError:
        yield
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held from None
        yield
