"""What several packages need of a file system: locks that end with their process, names that are on disk."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["has_name", "locked", "sync_folder"]


def locked(handle: int) -> bool:
    """Takes the lock of an open file, and tells whether it is ours now, until it is closed or the process ends."""
    try:
        import fcntl
    except ImportError:  # no such thing on Windows: nobody is kept out, and a file that is open cannot be removed
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def has_name(handle: int, path: Path) -> bool:
    """Whether this is still the file of that name; whoever held its lock may have removed it. No link is followed."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def sync_folder(folder: Path) -> None:
    """The names in it are on disk when this returns."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
