"""A file of trials that outlives whoever writes it, killed or not."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scoring.errors import ConfigurationError, OutputError

if TYPE_CHECKING:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

__all__ = ["open_journal"]

_BEGINNING: Final = b'{"op_code":'
"""Of each line that Optuna writes."""

_TRIAL_STATE: Final = 6
"""What Optuna calls a line that says that a trial begins, or how it ended."""


def open_journal(path: Path) -> JournalStorage:
    """Optuna's journal in this file, made if it is not there. It holds what was tried and found, and no user.

    Half a line that somebody left who was killed while writing is taken away; Optuna would write on behind it, and
    never read the file again.

    Raises OutputError: it cannot be made or read; ConfigurationError: it is something else, or damaged.
    """
    from optuna.storages import JournalStorage

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # what others may do with it is for its owner to say, and no link leads to another file
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
        storage = JournalStorage(_backend(path))
        _cut_half_a_line(path)
    except OSError as error:
        raise OutputError(f"trials cannot be kept in {path}: {error.strerror or error}.") from error
    # whatever a file holds that is none: lines that are no JSON, JSON that is no step, steps that do not fit together
    except (ValueError, TypeError, AttributeError, LookupError, AssertionError) as error:
        raise ConfigurationError(f"{path} holds no trials, or is damaged; name another file, or mend it.") from error
    return storage


def _backend(path: Path) -> JournalFileBackend:
    """Optuna's, but that it waits for the disk when a trial ends, and not at each of the fifteen lines before.

    That took ten times as long as a small trial itself. A kill loses nothing by it; if the power fails, trials that
    have not ended may be gone, which count for nothing anyway.
    """
    from optuna.storages.journal import JournalFileBackend

    lock = _lock(path)
    if lock is None:
        return JournalFileBackend(str(path))

    class Backend(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
            lock.acquire()
            try:
                with open(path, "ab") as file:
                    file.write(lines.encode())
                    file.flush()
                    if any(log["op_code"] == _TRIAL_STATE for log in logs):
                        os.fsync(file.fileno())
            finally:
                lock.release()

    return Backend(str(path), lock_obj=lock)


class _Lock:
    """Ends with its process; Optuna's own outlives a kill, and then everybody waits half a minute for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def acquire(self) -> bool:
        import fcntl

        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._handle = handle
        return True

    def release(self) -> None:
        os.close(self._handle)  # and with it the lock


def _lock(path: Path) -> Any:
    """As Optuna calls it; None, for Optuna's own, on Windows, which has no such locks."""
    return _Lock(path) if find_spec("fcntl") else None


def _cut_half_a_line(path: Path) -> None:
    """Raises ValueError where the last line is not half of one of Optuna's: then the file is somebody else's."""
    lock = _lock(path)
    if lock is None:
        return
    lock.acquire()
    try:
        content = path.read_bytes()
        tail = content[content.rfind(b"\n") + 1 :]
        if not (tail.startswith(_BEGINNING) or _BEGINNING.startswith(tail)):
            raise ValueError(tail[:20])
        if tail:
            os.truncate(path, len(content) - len(tail))
    finally:
        lock.release()
