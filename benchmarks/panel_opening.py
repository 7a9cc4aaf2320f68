"""The time from the request of the panel's page in a browser to its results, with and without a spare kernel."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.sections.run import child_environment

__all__ = ["Opening", "find_reason_to_skip", "measure_openings"]

_FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_SETTLED: Final = """() => {
  const { state, pending } = document.querySelector(".scoring-page")?.dataset ?? {};
  return state === "settled" && pending === "false";
}"""
_MILLISECONDS: Final = 300_000
"""Timeout of one opening."""


@dataclass(frozen=True)
class Opening:
    """One opening of the page."""

    wall: float
    server: float
    """CPU seconds of the server and its kernels."""
    browser: float
    """CPU seconds of the browser."""
    load: float
    """Load average of the last minute at the end."""


def find_reason_to_skip() -> str:
    """Return why the page cannot be opened here; "" if it can."""
    if shutil.which("chromium") is None:
        return "chromium is not installed"
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "playwright is not installed"
    return ""


def measure_openings(database: Path, repeats: int) -> tuple[list[Opening], list[Opening]]:
    """Return the openings without a spare kernel, and those with one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=[*_FLAGS])
        with _serve(database, "--no-preheat") as (server, url):
            first = [_open_page(browser, server, url) for _ in range(repeats)]
        preheated = []
        with _serve(database) as (server, url):
            for _ in range(repeats):
                _wait_for_spare_kernel(server)
                preheated.append(_open_page(browser, server, url))
        browser.close()
    return first, preheated


@contextmanager
def _serve(database: Path, *options: str) -> Iterator[tuple[psutil.Process, str]]:
    """Yield the process of `scoring panel` and the address of its page."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "scoring.cli", "panel", "--db", str(database), *options]
        environment = child_environment() | {"XDG_STATE_HOME": folder}
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            try:
                url = next(found[0] for line in process.stdout if (found := re.search(r"http://127\S+", line)))
                yield psutil.Process(process.pid), url
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()


def _open_page(browser: Any, server: psutil.Process, url: str) -> Opening:
    own = psutil.Process()
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    before = _sum_cpu(server), _sum_cpu(own)
    start = time.perf_counter()
    page.goto(url, timeout=_MILLISECONDS)
    page.wait_for_function(_SETTLED, polling=50, timeout=_MILLISECONDS)
    wall = time.perf_counter() - start
    of_server = _sum_cpu(server) - before[0]
    of_browser = _sum_cpu(own) - before[1] - of_server  # the server is also a child of this process
    page.close()
    return Opening(wall, of_server, of_browser, os.getloadavg()[0])


def _wait_for_spare_kernel(server: psutil.Process) -> None:
    """Wait until a kernel is started and the CPU time of the server and its kernels no longer grows."""
    before, n_still = -1.0, 0
    while n_still < 6:
        time.sleep(1)
        now = _sum_cpu(server)
        has_kernel = any(
            "ipykernel_launcher" in " ".join(_read_command(one)) for one in server.children(recursive=True)
        )
        n_still = n_still + 1 if has_kernel and now - before < 0.1 else 0
        before = now


def _read_command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _sum_cpu(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and of its children."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            times = one.cpu_times()
            total += times.user + times.system
    return total
