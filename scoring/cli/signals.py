"""Ctrl-C and SIGTERM: an exception wherever the work is, and raised again where it got lost."""

from __future__ import annotations

import signal
from types import FrameType

from scoring.telemetry.signal_deferral import defer_handler

__all__ = ["Stops", "Terminated"]


class Terminated(KeyboardInterrupt):
    """SIGTERM."""


class Stops:
    """Remembers what asked the process to stop.

    Python drops an exception that is raised while an object is finalised or a callback of a library runs ("Exception
    ignored in"), and a signal's handler runs wherever the main thread happens to be. Work that asks `lost` between
    its pieces ends all the same.
    """

    def __init__(self) -> None:
        self._asked: type[KeyboardInterrupt] | None = None

    def listen(self) -> None:
        """From here on; a container that is stopped cleans up as after Ctrl-C."""
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)

    def lost(self) -> bool:
        """False; raises what a signal asked for and nobody has heard of."""
        if self._asked is not None:
            raise self._asked
        return False

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._asked = Terminated if number == signal.SIGTERM else KeyboardInterrupt
        if not defer_handler(self.lost):
            raise self._asked


stops = Stops()
"""The process's."""
