"""Convert Ctrl-C and SIGTERM to exceptions, which are raised again if Python has dropped them."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import TypeVar

from scoring.telemetry.signal_deferral import defer_handler

__all__ = ["StopSignals", "TerminatedError", "call_in_thread", "stop_signals"]

T = TypeVar("T")


class TerminatedError(KeyboardInterrupt):
    """The process received SIGTERM."""


class StopSignals:
    """Signal handlers that record the signal.

    A handler may run at any place of the main thread. Python drops exceptions that are raised in a finalizer or in a
    callback of a library ("Exception ignored in"). Long work therefore calls `raise_pending` between its parts.
    """

    def __init__(self) -> None:
        self._pending: type[KeyboardInterrupt] | None = None

    def listen(self) -> None:
        """Install the handlers. SIGTERM, which stops a container, is handled like Ctrl-C."""
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)
        sys.unraisablehook = partial(self._report_dropped, sys.unraisablehook)

    def raise_pending(self) -> bool:
        """Raise the exception of a recorded signal, or return False."""
        if self._pending is not None:
            raise self._pending
        return False

    def _report_dropped(
        self, report: Callable[[sys.UnraisableHookArgs], object], dropped: sys.UnraisableHookArgs
    ) -> None:
        """Report an exception that Python has dropped. That of a recorded signal is raised again instead."""
        if self._pending is None or dropped.exc_type is not self._pending:
            report(dropped)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._pending = TerminatedError if number == signal.SIGTERM else KeyboardInterrupt
        if not defer_handler(self.raise_pending):
            raise self._pending


stop_signals = StopSignals()
"""The signal handlers of the process."""


def call_in_thread(function: Callable[[], T]) -> T:
    """Call a function in another thread and return its result, or raise its exception.

    Python handles signals between two steps of the main thread. A solver is one step of up to a minute; in another
    thread, it does not delay Ctrl-C. If the main thread is stopped, the process ends without waiting for the function.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            errors.append(error)

    thread = threading.Thread(target=run, name="command", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
        stop_signals.raise_pending()
    if errors:
        raise errors[0]
    return results[0]
