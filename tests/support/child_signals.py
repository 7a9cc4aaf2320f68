"""Signals of child processes as in a terminal, also if the tests run under `nohup` or in the background.

A child inherits that a signal is ignored. A test that sends the signal would wait for a process that never ends.
"""

from __future__ import annotations

import signal

__all__ = ["restore_signals"]

STOPPING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""Signals that a parent may ignore: `nohup` the first, a shell without job control the next two in the background."""


def restore_signals() -> None:
    """Handle the signals that stop a process by default. For `preexec_fn` of `subprocess.Popen`."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_DFL)
