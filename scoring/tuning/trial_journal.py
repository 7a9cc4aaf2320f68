"""The journal of a search: a file of trials that survives the processes that write it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scoring.errors import ConfigurationError, OutputError
from scoring.storage.journal import OBJECTS, Journal, LineFormat
from scoring.storage.os_errors import describe_os_error

if TYPE_CHECKING:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

__all__ = ["open_journal"]

# the same bytes as Optuna writes
_LINES: Final = LineFormat(lambda log: json.dumps(log, separators=(",", ":")).encode(), OBJECTS.decode)

_BEGINNING: Final = b'{"op_code":'
"""First bytes of each line that Optuna writes."""

_TRIAL_STATE: Final = 6
"""Optuna's operation code of a line that sets a trial's state, for example when it ends."""


def open_journal(path: Path) -> JournalStorage:
    """Return Optuna's journal in this file, created if it does not exist. It contains trials and no user data.

    A partial line that a killed process left is ignored, and the next append removes it. Optuna's own backend would
    append to the partial line and could not read the file afterwards.

    Raises
    ------
    OutputError: If the file cannot be created or read.
    ConfigurationError: If it contains something else, or is damaged.
    """
    from optuna.storages import JournalStorage

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _open_file(path).acquire(patience=None).release()  # creates the file, and rejects a link
        storage = JournalStorage(_make_backend(path))
        _require_trials(path)
    except OSError as error:
        raise OutputError(
            f"Trials cannot be stored in {path}: {describe_os_error(error)}. Check the folder and its permissions, or "
            "use another file.",
            path=str(path),
            errno=error.errno,
        ) from error
    # errors of a file that is not a journal: lines that are not JSON, unknown operations, inconsistent operations
    except (ValueError, TypeError, AttributeError, LookupError, AssertionError) as error:
        raise ConfigurationError(
            f"{path} does not contain trials of a search, or is damaged. Use another file, or restore it.",
            path=str(path),
        ) from error
    return storage


def _open_file(path: Path) -> Journal[dict[str, Any]]:
    """Return the journal. A new file is readable only by its owner; later changes of its permissions are kept."""
    return Journal(path, _LINES, mode=0o600)


def _make_backend(path: Path) -> JournalFileBackend:
    """Return Optuna's file backend with this package's lock, flushed to disk only when a trial's state changes.

    Flushing each of the about 15 lines of a trial took ten times as long as a small trial itself. A killed process
    loses nothing. A power failure may lose unfinished trials, which are not counted. The lock ends with its process;
    Optuna's own lock survives a kill, and other processes then wait 30 s for it.
    """
    from optuna.storages.journal import JournalFileBackend

    class Backend(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            with _open_file(path).acquire(patience=None) as journal:
                journal.append(*logs, sync=any(log["op_code"] == _TRIAL_STATE for log in logs))

    return Backend(str(path))


def _require_trials(path: Path) -> None:
    """Raise ValueError if a partial last line does not begin like a line of Optuna: the file is not a journal."""
    tail = path.read_bytes().rpartition(b"\n")[2]
    if not (tail.startswith(_BEGINNING) or _BEGINNING.startswith(tail)):
        raise ValueError(tail[:20])
