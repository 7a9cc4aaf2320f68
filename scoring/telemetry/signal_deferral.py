"""Short steps that Ctrl-C and SIGTERM do not interrupt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["defer_handler", "defer_signals"]

_depth = 0
_deferred: Callable[[], object] | None = None


@contextmanager
def defer_signals() -> Iterator[None]:
    """A signal handler that calls `defer_handler` raises after this block, not inside it.

    For a step that creates something and then records it: Python runs handlers between the two, when nothing refers
    to what was created. Handlers run in the main thread; in other threads, and under Python's own handler, this has
    no effect.
    """
    global _depth, _deferred
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth and _deferred is not None:
            late, _deferred = _deferred, None
            late()


def defer_handler(handler: Callable[[], object]) -> bool:
    """Return whether such a block is running; then `handler` is called after it. Called by signal handlers."""
    global _deferred
    if _depth:
        _deferred = handler
    return bool(_depth)
