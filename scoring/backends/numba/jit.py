"""How kernels are compiled: without the interpreter lock, and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

__all__ = ["bare", "compiled", "inner"]


def _stamp() -> str:
    """Return a digest of the source of every kernel, and of the arrays that kernels read."""
    digest = hashlib.blake2b(digest_size=16)
    here = Path(__file__).parent
    package = here.parents[1]
    files = [*here.rglob("*.py"), *(package / "bundle").rglob("*.py"), package / "array_types.py"]
    for file in sorted(files):
        digest.update(str(file.relative_to(package)).encode() + file.read_bytes())
    return digest.hexdigest()


_SOURCES = _stamp()


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compiles when first called; the machine code is kept beside the source, or in the user's cache folder.

    Numba notices a change of a function's own file only, so a kernel would go on using machine code of a helper
    in another file that has changed since. Here every kernel is as new as all of them.
    """
    if function is None:
        return lambda given: compiled(given, **options)
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined] # it is made when numba is imported
        # as plain Python: for a debugger, or to measure what tests reach
        return function
    options["no_cfunc_wrapper"] = True  # for C to call back: nobody does, and it is a sixth of the compilation
    dispatcher = numba.njit(nogil=True, cache=True, error_model="numpy", **options)(function)
    index = dispatcher._cache._cache_file
    index._source_stamp = _SOURCES
    # compared before the rest of the file is unpickled, which names types that other code may not have
    index._version = f"{numba.__version__} {_SOURCES}"
    return dispatcher


def bare(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """As `compiled`, without counting references to arrays; such a function cannot make any, only use its arguments'.

    Whoever calls holds the arrays. Counting costs an atomic operation for every array that is taken out of a tuple
    or passed on: kernels that look at a few jobs at a time spent nine tenths of their time on it.
    """
    return compiled(function, _nrt=False, **options)


def inner(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """As `bare`, for kernels alone to call: nothing is compiled to take Python's objects apart."""
    return bare(function, no_cpython_wrapper=True, **options)
