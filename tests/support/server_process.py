"""`scoring lab` and `scoring panel` as processes: start, kernels, and end."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

from tests.support.child_signals import restore_signals

__all__ = ["SECONDS", "Server", "ask_for_page", "command_line", "connections", "served", "wait_until"]

SECONDS: Final = 120
"""Timeout of one step on a busy machine."""


class Server:
    """`scoring lab` or `scoring panel` in its own process."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scoring.cli", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "JUPYTER_RUNTIME_DIR": str(folder / "runtime")},
            preexec_fn=restore_signals,
        )
        self.lines: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if found := re.search(r"(http://127\.0\.0\.1:(\d+)/\S*)\?token=(\S+)", line):
                self.url, self.port, self.token = found[1], int(found[2]), found[3]
                return
        raise AssertionError("".join(self.lines))

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def kernels(self) -> list[psutil.Process]:
        return [one for one in self.family() if "ipykernel_launcher" in " ".join(command_line(one))]

    def wait_for_kernel(self) -> None:
        wait_until(lambda: bool(self.kernels()))

    def end(self, number: int) -> int:
        """Send the signal; return the exit code, after checking that no process is left."""
        family = self.family()
        self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        _, alive = psutil.wait_procs(family, timeout=SECONDS)
        assert not alive
        return code

    def rest(self) -> str:
        """Return the remaining output until the process ends."""
        assert self.process.stdout is not None
        return self.process.stdout.read()


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # the process has just ended
        return []


def connections(process: psutil.Process) -> list[Any]:
    try:
        return list(process.net_connections("tcp"))
    except psutil.Error:
        return []


def wait_until(true: Callable[[], bool], seconds: float = SECONDS) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Server]:
    server = Server(folder, *arguments)
    with server.process:  # closes its output
        family = server.family()
        try:
            yield server
        finally:
            for process in (server.process, *family):
                with suppress(psutil.NoSuchProcess, ProcessLookupError):
                    process.kill()


def ask_for_page(panel: Server) -> socket.socket:
    """Request the page as a user who waits while it is built."""
    connection = socket.create_connection(("127.0.0.1", panel.port))
    before = len(panel.kernels())
    connection.sendall(f"GET /?token={panel.token} HTTP/1.1\r\nHost: 127.0.0.1:{panel.port}\r\n\r\n".encode())
    wait_until(lambda: len(panel.kernels()) > before)
    return connection
