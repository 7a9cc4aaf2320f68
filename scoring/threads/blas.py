"""Single-threaded matrix products."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

__all__ = ["limit_blas_threads"]


@cache
def _find_blas() -> ThreadpoolController:
    """Find the BLAS libraries, which takes milliseconds. Kernels use SciPy's."""
    import scipy.linalg.cython_blas  # noqa: F401 - threadpoolctl finds only loaded libraries
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class _Limit:
    """The number of open `limit_blas_threads` blocks, and the limits that the last one restores."""

    lock = threading.Lock()
    depth = 0
    files: ClassVar[set[str]] = set()  # the limited libraries
    limits: ClassVar[list[Any]] = []


@contextmanager
def limit_blas_threads(*, rescan: bool = False) -> Iterator[None]:
    """Limit matrix products to one thread each, for code that runs in several threads.

    The limit applies to the process. The first block to start sets it, and the last block to end restores it.
    Otherwise overlapping blocks could restore each other's limit instead of the original one.

    Parameters
    ----------
    rescan: Also limit libraries that were loaded after the first call. Finding them takes milliseconds.
    """
    with _Limit.lock:
        if rescan:
            _find_blas.cache_clear()
        _limit_libraries()
        _Limit.depth += 1
    try:
        yield
    finally:
        with _Limit.lock:
            _Limit.depth -= 1
            if _Limit.depth == 0:
                _restore_libraries()


def _limit_libraries() -> None:
    """Limit the libraries that no open block has limited."""
    blas = [library for library in _find_blas().lib_controllers if library.user_api == "blas"]
    files = {library.filepath for library in blas} - _Limit.files
    if files:
        _release()
        _Limit.limits.append(_find_blas().select(filepath=list(files)).limit(limits=1))
        _Limit.files |= files
        _release()


def _restore_libraries() -> None:
    _release()
    for limit in _Limit.limits:
        limit.restore_original_limits()
    _Limit.limits.clear()
    _Limit.files.clear()
    _release()


def _release() -> None:
    """Allow this thread, and afterwards any other, to set limits.

    In newer versions of threadpoolctl, only the first thread that limits OpenBLAS can change the limit while it is
    alive; limits from other threads are ignored silently. The count in `_Limit` makes this protection unnecessary.
    """
    for library in _find_blas().lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)
