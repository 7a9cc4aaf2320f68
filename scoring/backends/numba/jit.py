"""Compile kernels so that they release the interpreter lock, and cache them on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

__all__ = ["compiled", "internal", "is_cached", "load_cached", "nogil_no_refcount"]


def _stamp() -> str:
    """Return a digest of the sources of all kernels and of the array types that they read."""
    digest = hashlib.blake2b(digest_size=16)
    folder = Path(__file__).parent
    package = folder.parents[1]
    files = [*folder.rglob("*.py"), *(package / "bundle").rglob("*.py"), package / "array_types.py"]
    for file in sorted(files):
        digest.update(str(file.relative_to(package)).encode() + file.read_bytes())
    return digest.hexdigest()


_SOURCES = _stamp()


class KernelCache(FunctionCache):
    """Machine code on disk that is loaded without the modules of Numba that only a compilation needs.

    Numba imports these modules, and `scipy.linalg`, before it loads any function. This takes 0.5 s, in which the
    interpreter lock is held. Machine code needs the memory functions of the runtime only. A compilation imports the
    modules itself.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function of a signature, or None if it is not on disk."""
        rtsys.initialize(target_context)
        return self._load_overload(sig, target_context)


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function at its first call. Numba caches the machine code next to the source or in the user's cache.

    Numba only detects changes of the file that defines a function. Without the stamp, a kernel would keep the old
    machine code of a helper that changed in another file. With it, a change of any kernel recompiles all kernels.
    """
    if function is None:
        return lambda given: compiled(given, **options)
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined] # defined when numba is imported
        # plain Python: for a debugger or for test coverage
        return function
    options["no_cfunc_wrapper"] = True  # C code does not call kernels; the wrapper takes a sixth of the compilation
    dispatcher = numba.njit(nogil=True, error_model="numpy", **options)(function)
    dispatcher._cache = KernelCache(function)
    index = dispatcher._cache._cache_file
    index._source_stamp = _SOURCES
    # compared before the rest of the file is unpickled, which names types that other code may not have
    index._version = f"{numba.__version__} {_SOURCES}"
    return dispatcher


def nogil_no_refcount(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Like `compiled`, without reference counts. The function cannot create arrays, only use those of its arguments.

    The caller keeps the arrays alive. A reference count costs an atomic operation for every array that is read from
    a tuple or passed on. Kernels that score a few jobs at a time spent nine tenths of their time on it.
    """
    return compiled(function, _nrt=False, **options)


def internal(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Like `nogil_no_refcount`, without the CPython wrapper; callable from kernels only."""
    return nogil_no_refcount(function, no_cpython_wrapper=True, **options)


def is_cached(kernel: Any) -> bool:
    """Return whether a kernel is compiled, in this process or on disk."""
    if not hasattr(kernel, "overloads"):  # plain Python
        return True
    return bool(kernel.overloads) or bool(kernel._cache._cache_file._load_index())


def load_cached(kernel: Any) -> None:
    """Load a kernel from disk, for all types of arguments for which this machine has compiled it."""
    if not hasattr(kernel, "overloads"):  # plain Python
        return
    cache, codegen = kernel._cache, kernel.targetctx.codegen()
    for key in cache._cache_file._load_index():
        if cache._index_key(key[0], codegen) == key:  # not of another processor
            kernel.compile(key[0])
