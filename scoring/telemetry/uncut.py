"""Short steps that a Ctrl-C or SIGTERM does not cut in two."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["put_off", "uncut"]

_depth = 0
_put_off: Callable[[], object] | None = None


@contextmanager
def uncut() -> Iterator[None]:
    """A handler of signals that asks `put_off` raises behind this block, not in it.

    For a step that makes something and notes that it did: Python runs handlers between the two, where what was made
    is nobody's yet. Handlers run in the main thread: elsewhere, and under Python's own handler, this does nothing.
    """
    global _depth, _put_off
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth and _put_off is not None:
            late, _put_off = _put_off, None
            late()


def put_off(raise_it: Callable[[], object]) -> bool:
    """For handlers: whether such a step is under way. Then `raise_it` is called behind it."""
    global _put_off
    if _depth:
        _put_off = raise_it
    return bool(_depth)
