"""Advisory file locks that end with their process, whether it exits or is killed."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from scoring.errors import ScoringError

__all__ = ["PATIENCE_SECONDS", "FileLock", "LockHeldError", "is_named", "lock", "try_lock"]

PATIENCE_SECONDS: Final = 1.0
"""How long a writer waits for a process that only checks whether the lock is free, and holds it meanwhile."""

_RETRY_SECONDS: Final = 0.02
# a link in the place of the file is not followed, and a pipe does not block
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LockHeldError(ScoringError, RuntimeError):
    """Another process, or another part of this one, holds the lock."""

    def __init__(self, message: str = "Another process holds the lock. Wait for it.") -> None:
        super().__init__(message)


def try_lock(handle: int, *, shared: bool = False) -> bool:
    """Lock an open file without waiting; return False if another process holds its lock.

    The lock ends when the file is closed or the process ends. Raises `OSError`: If the file system has no locks.
    """
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock(handle: int, *, shared: bool = False, patience: float | None = None) -> None:
    """Lock an open file, waiting `patience` seconds for it; None waits until it is free.

    Raises
    ------
    LockHeldError: If another process still holds the lock after that time.
    OSError: If the file system has no locks.
    """
    if patience is None:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        return
    deadline = time.monotonic() + patience
    while not try_lock(handle, shared=shared):
        if time.monotonic() >= deadline:
            raise LockHeldError
        time.sleep(_RETRY_SECONDS)


def is_named(handle: int, path: str | Path, folder: int | None = None) -> bool:
    """Return whether `path` still names this open file: an earlier holder of its lock may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return False


class FileLock:
    """An exclusive lock on a file, which is created if it does not exist.

    Parameters
    ----------
    path
        The file. A link in its place is an error.
    folder
        An open folder that contains the file; the path's last part is looked up there.
    mode
        Permissions of a new file, less the umask.
    """

    def __init__(self, path: Path, *, folder: int | None = None, mode: int = 0o666) -> None:
        self.path = path
        self._name: str | Path = path if folder is None else path.name
        self._folder, self._mode = folder, mode
        self._handle = -1

    def acquire(self, patience: float | None = 0.0) -> Self:
        """Open the file and lock it, waiting `patience` seconds; None waits until the lock is free.

        Raises
        ------
        LockHeldError: If another process still holds the lock after that time.
        OSError: If the file cannot be created or locked.
        """
        assert self._handle < 0, "the lock is not reentrant"
        deadline = None if patience is None else time.monotonic() + patience
        while self._handle < 0:
            handle = os.open(self._name, _FLAGS, self._mode, dir_fd=self._folder)
            try:
                lock(handle, patience=None if deadline is None else max(0.0, deadline - time.monotonic()))
                if is_named(handle, self._name, self._folder):
                    self._handle = handle
            except BaseException as error:
                if not isinstance(error, LockHeldError):
                    self._remove_if_empty(handle)
                os.close(handle)
                self._handle = -1
                raise
            if self._handle < 0:  # its last holder removed the file: this is the lock of a file without a name
                os.close(handle)
        return self

    def release(self, *, remove: bool = False) -> None:
        """End the lock; `remove` deletes the file first. Nothing happens if the lock is not held."""
        if self._handle < 0:
            return
        try:
            if remove:  # before the lock ends, or a new holder's file would be removed
                self._unlink()
        finally:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def _remove_if_empty(self, handle: int) -> None:
        """After an interrupt, such as Ctrl-C: leave no file that contains nothing."""
        with suppress(OSError):
            if try_lock(handle) and not os.fstat(handle).st_size and is_named(handle, self._name, self._folder):
                self._unlink()

    def _unlink(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
