"""Private folders of drivers and workers. They contain bundles, and are removed even if their process was killed."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from scoring.errors import OutputError
from scoring.storage.file_lock import FileLock, LockHeldError
from scoring.storage.os_errors import wrap_os_errors

__all__ = ["LOCK", "PrivateFolder", "default_folder", "is_private", "make_private", "remove_abandoned"]

LOCK: Final = "lock"
"""Name of the lock file in a folder, which its process holds."""

_NEW_SECONDS: Final = 60.0
"""A folder without a lock may be one that its process has just created."""


def default_folder() -> Path:
    """Return the folder of the drivers and workers of this user."""
    return Path(tempfile.gettempdir()) / f"scoring-cluster-{os.getuid()}"


def is_private(path: Path) -> bool:
    """Return whether a path is a folder, not a link, that only this user may use."""
    found = path.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def make_private(path: Path) -> None:
    """Create a folder for this user alone, or check that it is one.

    Raises
    ------
    OutputError: If the folder cannot be created, or other users may use it.
    """
    with wrap_os_errors(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_private(path):
            raise OutputError(
                f"{path} is not a folder of this user alone. Remove it, or set TMPDIR to another folder.",
                path=str(path),
                errno=errno.EACCES,
            )


def remove_abandoned(parent: Path) -> None:
    """Remove the folders in `parent` whose process has ended without removing them.

    A folder is named after its process, which may start others with the folder: its lock alone does not show its end.
    """
    with suppress(OSError):
        for folder in parent.iterdir():
            with suppress(OSError, LockHeldError):
                if not is_private(folder) or not (folder / LOCK).is_file() or _is_owner_alive(folder.name):
                    continue
                if time.time() - folder.stat().st_mtime < _NEW_SECONDS:
                    continue
                lock = FileLock(folder / LOCK).acquire()
                shutil.rmtree(folder, ignore_errors=True)
                lock.release()


def _is_owner_alive(name: str) -> bool:
    """Return whether the process in the name of a folder, KIND-PID or KIND-PID-TOKEN, exists. True for other names."""
    parts = name.split("-")
    if len(parts) < 2 or not parts[1].isdecimal():
        return True
    try:
        os.kill(int(parts[1]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class PrivateFolder:
    """A folder for this user alone, until the end of a `with` block or of the process.

    After a kill, the next process that needs such a folder removes it.

    Raises
    ------
    OutputError: If the folder cannot be created.
    """

    def __init__(self, name: str) -> None:
        parent = default_folder()
        make_private(parent)
        remove_abandoned(parent)
        self.path = parent / f"{name}-{os.getpid()}-{secrets.token_hex(4)}"
        with wrap_os_errors(self.path):
            self.path.mkdir(mode=0o700)
            self._lock = FileLock(self.path / LOCK, mode=0o600).acquire()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
