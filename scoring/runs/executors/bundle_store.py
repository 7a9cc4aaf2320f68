"""The bundles of a worker: files in a private folder, opened once and removed at the end of a run or after a day."""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from scoring.array_types import Longs
from scoring.backends.numba.backend import NumbaBackend
from scoring.bundle.bundle import Bundle
from scoring.bundle.bundle_file import BundleFileError
from scoring.bundle.ranked_lists import Ranking
from scoring.errors import ScoringError
from scoring.runs.executors.private_folder import LOCK, is_private
from scoring.runs.shards import Shard, ShardResult
from scoring.storage.atomic_file import write_all
from scoring.storage.file_lock import FileLock, LockHeldError

__all__ = ["KEPT_SECONDS", "LEASE_SECONDS", "BundleStore", "StoppedRunError", "WorkerError"]

KEPT_SECONDS: Final = 24 * 3600
"""A bundle of a driver that ended without removing it is removed after this time."""
LEASE_SECONDS: Final = 60.0
"""Work stops if the driver has not renewed the run for this time."""

_CALL_SECONDS: Final = 0.4
"""Work between two checks for a stop. A kernel in one thread checks only between its calls."""
_FIRST_USERS: Final = 128
"""Users of the first call. Backends choose a strategy once if there are as many."""
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_TOKEN: Final = re.compile("[0-9a-f]{8,64}")


class WorkerError(ScoringError, RuntimeError):
    """A worker cannot do what the driver asks for."""


class StoppedRunError(WorkerError):
    """The run was cancelled, or its driver has not answered for `LEASE_SECONDS`."""


@dataclass
class _Opened:
    """An open bundle with its backend."""

    backend: NumbaBackend
    state: tuple[int, ...]
    users_per_call: int = _FIRST_USERS


@dataclass
class _Run:
    """A run that uses a bundle."""

    digest: str
    renewed_at: float = field(default_factory=time.monotonic)
    is_cancelled: bool = False

    def is_stopped(self) -> bool:
        return self.is_cancelled or time.monotonic() - self.renewed_at > LEASE_SECONDS


class BundleStore:
    """The bundles in a folder, and the runs that use them. The folder is locked for this process.

    Parameters
    ----------
    folder: A folder for this worker alone. It is created with permissions for its owner only.
    threads: Number of threads that rank.
    memory: Bytes that the worker may use.

    Raises
    ------
    WorkerError: If other users may use the folder, or another process uses it.
    OSError: If the folder cannot be created.
    """

    def __init__(self, folder: Path, threads: int, memory: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_private(folder):
            raise WorkerError(f"{folder} is not a folder of this user alone. Use another folder, or chmod 700.")
        self.folder, self.threads, self.memory = folder, threads, memory
        try:
            self._lock = FileLock(folder / LOCK, mode=0o600).acquire(5.0)
        except LockHeldError as error:
            raise WorkerError(f"Another worker uses {folder}. Use another folder.") from error
        self._opened: dict[str, _Opened] = {}
        self._runs: dict[str, _Run] = {}
        self._mutex = threading.Lock()
        self.sweep(partial_files=True)

    # Files

    def sweep(self, *, partial_files: bool = False) -> None:
        """Remove bundles that have not been used for `KEPT_SECONDS`; optionally also files of interrupted transfers."""
        now = time.time()
        in_use = {run.digest for run in self._runs.values() if not run.is_stopped()}
        for path in self.folder.iterdir():
            is_old = path.suffix == ".bundle" and path.stem not in in_use and now - path.stat().st_mtime > KEPT_SECONDS
            if is_old or (partial_files and path.suffix == ".part"):
                with suppress(OSError):
                    path.unlink()
                self._opened.pop(path.stem, None)

    def path_of(self, digest: str) -> Path:
        _require(_DIGEST, digest)
        return self.folder / f"{digest}.bundle"

    def list_digests(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.bundle"))

    def receive(self, token: str, digest: str, offset: int, content: bytes) -> int:
        """Append a chunk to the file of a transfer and return its length. Offset 0 begins the file again.

        Raises
        ------
        WorkerError: If the chunk does not follow the previous one.
        OSError: If the chunk cannot be written.
        """
        path = self._part_of(token, digest)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (0 if offset else os.O_TRUNC)
        handle = os.open(path, flags, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size != offset:
                raise WorkerError(f"A chunk of the bundle begins at {offset:,}, but {size:,} bytes were received.")
            os.lseek(handle, offset, os.SEEK_SET)
            write_all(handle, content)
        finally:
            os.close(handle)
        return offset + len(content)

    def accept(self, token: str, digest: str) -> None:
        """Check a received file, and give it its name.

        Raises
        ------
        BundleFileError: If the file is not the bundle with this digest, or has another format.
        """
        path = self._part_of(token, digest)
        try:
            bundle = Bundle.open(path)
            if bundle.digest != digest:
                raise BundleFileError(path, "altered", "is another bundle than the driver's")
        except BundleFileError:
            with suppress(OSError):
                path.unlink()
            raise
        os.replace(path, self.path_of(digest))

    def _part_of(self, token: str, digest: str) -> Path:
        _require(_DIGEST, digest)
        _require(_TOKEN, token)
        return self.folder / f"{digest}.{token}.part"

    # Runs

    def begin(self, token: str, digest: str) -> None:
        """Register a run that uses a bundle."""
        _require(_TOKEN, token)
        with self._mutex:
            self._runs[token] = _Run(digest)
            if digest not in self._opened:
                with suppress(OSError):
                    os.utime(self.path_of(digest))  # its day begins again

    def renew(self, token: str) -> None:
        """Record that the driver of a run is alive."""
        run = self._runs.get(token)
        if run is not None:
            run.renewed_at = time.monotonic()

    def cancel(self, token: str) -> None:
        """Stop the work of a run at the next check, within a second."""
        run = self._runs.get(token)
        if run is not None:
            run.is_cancelled = True

    def end(self, token: str) -> None:
        """Stop the work of a run, and remove its bundle if no other run uses it."""
        self.cancel(token)
        with self._mutex:
            run = self._runs.pop(token, None)
            if run is None or any(other.digest == run.digest for other in self._runs.values()):
                return
            self._opened.pop(run.digest, None)
            with suppress(OSError):
                self.path_of(run.digest).unlink()

    def close(self) -> None:
        """Stop all work. Bundles stay: a restarted worker uses them again."""
        for token in list(self._runs):
            self.cancel(token)
        self._lock.release()

    # Ranking

    def rank(self, token: str, k: int, rows: Longs) -> Ranking:
        """Return the lists of users of a registered run.

        Raises
        ------
        StoppedRunError: If the run is not registered, was cancelled, or its driver does not answer.
        BundleFileError: If the bundle is invalid, or was changed while it was in use.
        ModelError: If a trained model computes other outputs than in the driver.
        MissingDependencyError: If the runtime of a trained model is not installed.
        """
        run = self._runs.get(token)
        if run is None:
            raise StoppedRunError("The run is not known to this worker.")
        opened, parts, start = self._open(run.digest), [], 0
        while start < len(rows):
            chunk = rows[start : start + opened.users_per_call]
            began = time.perf_counter()
            part = opened.backend.top_k(k, chunk, cancelled=run.is_stopped)
            if run.is_stopped():
                raise StoppedRunError("The run was stopped.")
            parts.append(part)
            start += len(chunk)
            if len(chunk) == opened.users_per_call:
                pace = (time.perf_counter() - began) / len(chunk)
                opened.users_per_call = int(np.clip(_CALL_SECONDS / max(pace, 1e-9), 16, 8 * len(chunk)))
        if _read_state(self.path_of(run.digest)) != opened.state:
            self._opened.pop(run.digest, None)
            raise BundleFileError(self.path_of(run.digest), "altered", "was replaced while it was in use")
        return ShardResult.concatenate(Shard(0, 0, 0, 0), parts).ranking

    def _open(self, digest: str) -> _Opened:
        with self._mutex:
            opened = self._opened.get(digest)
            if opened is None:
                path = self.path_of(digest)
                state, bundle = _read_state(path), Bundle.open(path)
                if bundle.digest != digest:
                    raise BundleFileError(path, "altered", "is another bundle than the driver's")
                for model in bundle.models:
                    _ = model.predict  # a missing runtime or other outputs are an error now
                opened = self._opened[digest] = _Opened(NumbaBackend(bundle, workers=self.threads), state)
            return opened


def _require(pattern: re.Pattern[str], text: str) -> None:
    """Check a value that becomes a part of a file name."""
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise WorkerError("The name of a bundle or a run is invalid.")


def _read_state(path: Path) -> tuple[int, ...]:
    """Return what changes if a file is replaced or written to. Missing files have an own state."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
