"""Matrix products without threads of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread"]


@cache
def _blas() -> ThreadpoolController:
    """The libraries that do matrix products; finding them takes milliseconds. Kernels use SciPy's."""
    import scipy.linalg.cython_blas  # noqa: F401 - what is not loaded is not found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class _OneThread:
    """How many are inside, and the limit that the last one takes back."""

    lock = threading.Lock()
    inside = 0
    limit: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products inside our threads start none of their own.

    The setting is the process's: it is made by whoever comes first and taken back by whoever leaves last, so that
    threads that overlap do not take each other's setting for the one to go back to.
    """
    with _OneThread.lock:
        if _OneThread.inside == 0:
            _release()
            _OneThread.limit = _blas().limit(limits=1, user_api="blas")
            _release()
        _OneThread.inside += 1
    try:
        yield
    finally:
        with _OneThread.lock:
            _OneThread.inside -= 1
            if _OneThread.inside == 0:
                _release()
                _OneThread.limit.restore_original_limits()
                _release()


def _release() -> None:
    """Lets this thread, and then any other, set limits.

    The first thread to set OpenBLAS's keeps that right while it lives (in newer versions of threadpoolctl); what
    others set is passed over in silence. Here the threads count themselves.
    """
    for library in _blas().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)
