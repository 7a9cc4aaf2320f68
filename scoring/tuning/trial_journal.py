"""The journal of a search: a file of trials that outlives the processes that write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scoring.errors import ConfigurationError, OutputError
from scoring.storage.journal import OBJECTS, Journal, LineFormat
from scoring.storage.os_errors import reason

if TYPE_CHECKING:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

__all__ = ["open_journal"]

# as Optuna writes them
_LINES: Final = LineFormat(lambda log: json.dumps(log, separators=(",", ":")).encode(), OBJECTS.decode)

_BEGINNING: Final = b'{"op_code":'
"""Of each line that Optuna writes."""

_TRIAL_STATE: Final = 6
"""Optuna's code of a line that begins a trial, or says how it ended."""


def open_journal(path: Path) -> JournalStorage:
    """Return Optuna's journal in this file, created if it does not exist. It holds trials, and no user.

    A line that a killed process did not finish is not read, and the next append removes it. Optuna itself would
    append to it, and then could not read the file again.

    Raises
    ------
    OutputError: If the file cannot be created or read.
    ConfigurationError: If it contains something else, or is damaged.
    """
    from optuna.storages import JournalStorage

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _journal(path).acquire(patience=None).release()  # creates the file, and refuses a link
        storage = JournalStorage(_backend(path))
        _require_trials(path)
    except OSError as error:
        raise OutputError(f"trials cannot be kept in {path}: {reason(error)}.") from error
    # whatever a file holds that is none: lines that are no JSON, JSON that is no step, steps that do not fit together
    except (ValueError, TypeError, AttributeError, LookupError, AssertionError) as error:
        raise ConfigurationError(f"{path} holds no trials, or is damaged; name another file, or mend it.") from error
    return storage


def _journal(path: Path) -> Journal[dict[str, Any]]:
    """Readable by its owner alone when it is created; a later change of its permissions stays."""
    return Journal(path, _LINES, mode=0o600)


def _backend(path: Path) -> JournalFileBackend:
    """Optuna's file backend, but it waits for the disk when a trial ends, and not at each of the 15 lines before.

    That took ten times as long as a small trial itself. A kill loses nothing by it. If the power fails, trials that
    have not ended may be lost, and those count for nothing. The lock ends with its process: Optuna's own outlives a
    kill, and other processes then wait half a minute for it.
    """
    from optuna.storages.journal import JournalFileBackend

    class Backend(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            with _journal(path).acquire(patience=None) as journal:
                journal.append(*logs, sync=any(log["op_code"] == _TRIAL_STATE for log in logs))

    return Backend(str(path))


def _require_trials(path: Path) -> None:
    """Raises `ValueError`: If an unfinished last line does not begin as Optuna's do: the file is something else."""
    tail = path.read_bytes().rpartition(b"\n")[2]
    if not (tail.startswith(_BEGINNING) or _BEGINNING.startswith(tail)):
        raise ValueError(tail[:20])
