"""Convert Ctrl-C and SIGTERM to exceptions, which are raised again if Python has dropped them."""

from __future__ import annotations

import signal
from types import FrameType

from scoring.telemetry.signal_deferral import defer_handler

__all__ = ["StopSignals", "TerminatedError"]


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

    def raise_pending(self) -> bool:
        """Raise the exception of a recorded signal, or return False."""
        if self._pending is not None:
            raise self._pending
        return False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._pending = TerminatedError if number == signal.SIGTERM else KeyboardInterrupt
        if not defer_handler(self.raise_pending):
            raise self._pending


stop_signals = StopSignals()
"""The signal handlers of the process."""
