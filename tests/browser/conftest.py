"""Headless Chromium and the servers that it opens. Both are stopped even if a test fails."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Error, expect, sync_playwright

from tests.support.page_monitor import PageMonitor
from tests.support.server_process import Server

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 120_000
"""Timeout of one step in milliseconds, on a busy machine and including the first compilation."""
FLAGS = (
    "--no-sandbox",  # the sandbox does not work as root, and the pages are trusted
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # requests to other hosts fail, and are recorded
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        try:
            started = driver.chromium.launch(executable_path=path, args=[*FLAGS], timeout=PATIENCE)
        except Error as error:
            if os.environ.get("CI"):  # CI does not show reasons of skips: fail
                raise
            pytest.skip(f"chromium does not start here: {error}")
        expect.set_options(timeout=PATIENCE)
        yield started
        started.close()


@pytest.fixture(scope="module")
def monitor(browser: Browser) -> Iterator[PageMonitor]:
    """A page in a browser context per module. Requests to other hosts and errors fail the module."""
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(f"window.scoringLostAfter = {PATIENCE}")  # a busy machine pauses kernels for seconds
    page = PageMonitor(context)
    yield page
    context.close()
    assert page.problems == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory of a module's servers."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def panel(browser: Browser, folder: Path) -> Iterator[Server]:
    """`scoring panel` on a small market; profiles are in `folder / "profiles"`."""
    market = ["--db", "market.db", "--users", "150", "--jobs", "800", "--actions", "8000"]
    subprocess.run(
        [sys.executable, "-m", "scoring.cli", "init", *market], cwd=folder, check=True, capture_output=True, timeout=300
    )
    options = ["--db", "market.db", "--profiles", "profiles", "--no-preheat"]  # a spare kernel takes CPU time
    with _served(folder, "panel", *options) as server:
        yield server


@pytest.fixture(scope="module")
def lab(browser: Browser, folder: Path) -> Iterator[Server]:
    """`scoring lab` on a copy of the panel's notebook; its temporary folders are in `folder / "tmp"`."""
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks/06_tune_weights.ipynb", folder / "notebooks")
    shutil.copytree(ROOT / "notebooks/images", folder / "notebooks/images")
    with _served(folder, "lab") as server:
        yield server


@contextmanager
def _served(folder: Path, *arguments: str) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "TMPDIR",
                     "XDG_STATE_HOME"):  # fmt: skip
            (folder / name.lower()).mkdir(exist_ok=True)
            patch.setenv(name, str(folder / name.lower()))
        # lets a script wait for the state of JupyterLab instead of its display
        config = '{"LabApp": {"expose_app_in_browser": true}}'
        (folder / "jupyter_config_dir/jupyter_lab_config.json").write_text(config)
        server = Server(folder, *arguments)
    with server.process:
        family = server.family()
        try:
            yield server
            family = server.family()
            assert server.end(signal.SIGTERM) == 0
        finally:
            for process in (server.process, *family):
                with suppress(psutil.NoSuchProcess, ProcessLookupError):
                    process.kill()
