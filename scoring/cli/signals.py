"""Convert Ctrl-C and SIGTERM to exceptions, which are raised again if Python has dropped them."""

from __future__ import annotations

import signal
from types import FrameType

from scoring.telemetry.signal_deferral import defer_handler

__all__ = ["Stops", "Terminated"]


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM."""


class Stops:
    """Signal handlers that record the signal.

    A handler may run at any place of the main thread. Python drops exceptions that are raised in a finalizer or in a
    callback of a library ("Exception ignored in"). Long work therefore calls `lost` between its parts.
    """

    def __init__(self) -> None:
        self._asked: type[KeyboardInterrupt] | None = None

    def listen(self) -> None:
        """Install the handlers. SIGTERM, which stops a container, is handled like Ctrl-C."""
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)

    def lost(self) -> bool:
        """Raise the exception of a recorded signal, or return False."""
        if self._asked is not None:
            raise self._asked
        return False

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._asked = Terminated if number == signal.SIGTERM else KeyboardInterrupt
        if not defer_handler(self.lost):
            raise self._asked


stops = Stops()
"""The signal handlers of the process."""
