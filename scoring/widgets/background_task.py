"""A task on its own thread, one at a time, that can be stopped and that reports its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Literal

from scoring.errors import RunCancelledError, ScoringError

__all__ = ["BackgroundTask", "End"]

End = Literal["done", "stopped", "failed"]

_CLOSE_SECONDS: Final = 10.0


class BackgroundTask:
    """Runs one action at a time. All methods return at once, apart from `wait` and `close`.

    Parameters
    ----------
    name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self.stopping = threading.Event()
        """Set by `stop`. The action reads it, and raises RunCancelledError."""

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, action: Callable[[], object], end: Callable[[End, str], object]) -> None:
        """Start an action. `end` is called on its thread with how it ended, and the text of its error or ""."""
        self.stopping.clear()
        self._thread = threading.Thread(target=self._run, args=(action, end), name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()

    def wait(self, timeout: float | None, message: str) -> None:
        """Wait for the end of the action. Raise TimeoutError with this message if it does not end in time."""
        if self._thread is not None:
            self._thread.join(timeout)
        if self.is_running:
            raise TimeoutError(message)

    def close(self) -> None:
        """Stop the action and wait for its thread."""
        self.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_SECONDS)

    @staticmethod
    def _run(action: Callable[[], object], end: Callable[[End, str], object]) -> None:
        kind: End = "done"
        message = ""
        try:
            action()
        except RunCancelledError:
            kind = "stopped"
        except ScoringError as error:
            kind, message = "failed", str(error)
        except Exception as error:  # noqa: BLE001  # the page shows it; the thread has no caller
            kind, message = "failed", f"{type(error).__name__}: {error}"
        end(kind, message)
