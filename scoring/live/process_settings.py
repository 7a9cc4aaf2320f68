"""Settings of the whole process that live engines need: threads that take turns, and memory that is returned.

An engine replaces all lists at each tick. Three defaults of Python and of the C library are unsuitable for that:

- A thread keeps the interpreter for 5 ms while others wait. With several busy threads, a read waits for each of them.
- A full garbage collection stops all threads for 0.1 s. It looks at all objects, although lists contain no cycles.
- The C library keeps freed memory between the arrays that are still in use. The process grew by half within minutes.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
from collections import deque
from typing import Any, Final

import pyarrow as pa

__all__ = ["ProcessSettings"]

_SWITCH_SECONDS: Final = 0.001
_NEVER: Final = 1_000_000
"""Collections of younger objects before a full one."""
_MMAP_THRESHOLD: Final = 128 * 1024
"""Bytes from which an array has pages of its own, which are returned when it is freed. The C library starts with this
value too, but raises it up to 32 MiB."""
_M_MMAP_THRESHOLD: Final = -3
_DEPTH: Final = 4


class ProcessSettings:
    """The settings of the process while engines run. The last engine that ends restores them."""

    _lock: Final = threading.Lock()
    _n_users = 0
    _before: tuple[float, tuple[int, int, int]] = (0.005, (700, 10, 10))

    @classmethod
    def acquire(cls) -> None:
        """Change the settings, for one more engine."""
        with cls._lock:
            cls._n_users += 1
            if cls._n_users > 1:
                return
            cls._before = sys.getswitchinterval(), gc.get_threshold()
            sys.setswitchinterval(min(cls._before[0], _SWITCH_SECONDS))
            gc.set_threshold(*cls._before[1][:2], _NEVER)
            _keep_large_arrays_apart()
        gc.freeze()

    @classmethod
    def release(cls) -> None:
        """Restore the settings if no other engine runs."""
        with cls._lock:
            cls._n_users -= 1
            if not cls._n_users:
                sys.setswitchinterval(cls._before[0])
                gc.set_threshold(*cls._before[1])
                gc.unfreeze()

    @staticmethod
    def discard(replaced: list[Any]) -> None:
        """Free objects part by part, and return their memory to the system. The list is emptied.

        To free all lists at once takes 25 ms, in which no other thread runs; a part takes up to 2 ms. Objects that
        remain are excluded from later collections, so that the next one looks only at those that were made since.
        """
        parts = _take_apart(replaced)
        replaced.clear()
        while parts:
            parts.popleft()
            time.sleep(0)
        _return_memory()
        gc.collect()
        gc.freeze()


def _take_apart(owners: list[Any]) -> deque[Any]:
    """Return the owners and the values that they refer to, owners first."""
    parts: deque[Any] = deque(owners)
    level = list(owners)
    for _ in range(_DEPTH):
        found = [value for owner in level for value in _list_values(owner)]
        parts += found
        level = [value for value in found if _is_own(value)]
    return parts


def _list_values(owner: Any) -> list[Any]:
    if isinstance(owner, tuple | list):
        return list(owner)
    return list(vars(owner).values()) if hasattr(owner, "__dict__") else []


def _is_own(value: Any) -> bool:
    return (isinstance(value, tuple | list) and len(value) < 1000) or type(value).__module__.startswith("scoring.")


def _keep_large_arrays_apart() -> None:
    library = _find_c_library()
    if library is not None:
        library.mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)


def _return_memory() -> None:
    """Return freed memory to the system. Other threads run meanwhile."""
    pa.default_memory_pool().release_unused()
    library = _find_c_library()
    if library is not None:
        library.malloc_trim(0)


def _find_c_library() -> Any:
    """Return the GNU C library; None on other systems."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
