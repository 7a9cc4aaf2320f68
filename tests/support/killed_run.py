"""A process that runs a command and kills itself at a point."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection

from scoring.cli import main
from scoring.telemetry import fault_injection

__all__ = ["run_until_killed"]


def run_until_killed(_: Connection, words: list[str], folder: str, point: str) -> None:
    """Run the command in a folder, which also contains its caches. At the first pass of the point, end the process."""
    os.chdir(folder)
    os.environ["XDG_CACHE_HOME"] = folder
    with fault_injection.arm(point):
        main(words)
