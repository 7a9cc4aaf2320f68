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
    """Delay signal handlers that call `defer_handler` until the end of this block.

    Use it for a step that creates a resource and then records it: otherwise Python can run a handler between the two,
    when nothing refers to the resource. Handlers run in the main thread. The block has no effect in other threads or
    with Python's default handler.
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
    """Return whether a `defer_signals` block is running, and if so call `handler` after it. For signal handlers."""
    global _deferred
    if _depth:
        _deferred = handler
    return bool(_depth)
