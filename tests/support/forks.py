"""Processes that start in milliseconds: a server, started once, has imported the package and forks each of them.

The server has one thread and no open file or connection of a test.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

__all__ = ["FORKS", "start_fork"]

FORKS: Final = get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "optuna",
        *(
            f"tests.support.{name}"
            for name in (
                "engine_process",
                "kernel_script",
                "killed_run",
                "live_process",
                "lock_holder",
                "migrating_process",
                "registry_writers",
                "search_worker",
                "shared_cache_worker",
            )
        ),
    ]
)


def start_fork(work: Callable[..., object], *arguments: object) -> tuple[BaseProcess, Connection]:
    """Start a process that calls `work` with its end of a pipe and the arguments; return it with the other end."""
    ours, theirs = FORKS.Pipe()
    process = FORKS.Process(target=work, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    return process, ours
