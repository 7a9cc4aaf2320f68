"""Signals of child processes as in a terminal, also if the tests run under `nohup` or in the background.

A child inherits that a signal is ignored. A test that sends the signal would wait for a process that never ends.
"""

from __future__ import annotations

import signal

__all__ = ["restore_signals"]


def restore_signals() -> None:
    """Handle SIGHUP and SIGINT by default. For `preexec_fn` of `subprocess.Popen`."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
