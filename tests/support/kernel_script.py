"""A process that runs a script with a folder of compiled kernels."""

from __future__ import annotations

import contextlib
import io
import runpy
from multiprocessing.connection import Connection

import numba

import scoring.backends.numba.jit  # noqa: F401 - imported before processes are forked

__all__ = ["run_script"]


def run_script(pipe: Connection, script: str, cache: str) -> None:
    """Send the words that the script prints."""
    numba.config.CACHE_DIR = cache  # type: ignore[attr-defined] # defined when numba is imported
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        runpy.run_path(script)
    pipe.send(printed.getvalue().split())
