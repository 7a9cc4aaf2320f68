"""Servers listen on this machine only, require the token, and end with the command."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psutil
import pytest
from typer.testing import CliRunner

from scoring.cli.app import app
from tests.support.counts import record_count

SECONDS = 120


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
        _, alive = psutil.wait_procs(family, timeout=20)
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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a notebook. Every user may read the folders where Jupyter keeps its files."""
    for name in ("notebooks", "runtime", "temporary"):
        (tmp_path / name).mkdir(mode=0o755)
    (tmp_path / "notebooks/page.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return tmp_path


@pytest.fixture
def lab(folder: Path) -> Iterator[Server]:
    with served(folder, "lab") as server:
        yield server


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("market") / "market.db"
    size = ["--users", "50", "--jobs", "300", "--actions", "2000"]
    done = CliRunner().invoke(app, ["init", "--db", str(file), *size])
    assert done.exit_code == 0, done.output
    return file


@pytest.fixture
def panel(folder: Path, market: Path) -> Iterator[Server]:
    with served(folder, "panel", "--db", str(market)) as server:
        yield server


def start_kernel(lab: Server) -> None:
    request = f"http://127.0.0.1:{lab.port}/api/kernels?token={lab.token}"
    with urlopen(request, data=b'{"name": "python3"}', timeout=60) as answer:
        assert answer.status == 201
    lab.wait_for_kernel()


def ask_for_page(panel: Server) -> socket.socket:
    """Request the page as a user who waits while it is built."""
    connection = socket.create_connection(("127.0.0.1", panel.port))
    before = len(panel.kernels())
    connection.sendall(f"GET /?token={panel.token} HTTP/1.1\r\nHost: 127.0.0.1:{panel.port}\r\n\r\n".encode())
    wait_until(lambda: len(panel.kernels()) > before)
    return connection


def refused(server: Server, method: str, path: str, token: str | None) -> bool:
    """Return whether the server answers 403 or shows only the form for the token."""
    query = "" if token is None else f"?token={token}"
    request = Request(f"http://127.0.0.1:{server.port}{path}{query}", method=method)
    try:
        with urlopen(request, timeout=30) as answer:
            return urlsplit(answer.url).path == "/login"
    except HTTPError as error:
        return error.code == 403


KERNEL = "01234567-89ab-cdef-0123-456789abcdef"
OF_LAB = (
    ("GET", "/"), ("GET", "/lab"), ("GET", "/lab/tree/page.ipynb"), ("GET", "/files/page.ipynb"),
    ("GET", "/api/contents"), ("GET", "/api/contents/page.ipynb"), ("GET", "/api/status"), ("GET", "/api/kernels"),
    ("GET", "/api/sessions"), ("GET", "/api/terminals"), ("GET", "/lab/api/settings"), ("POST", "/api/kernels"),
    ("POST", "/api/terminals"), ("POST", "/api/shutdown"), ("GET", f"/api/kernels/{KERNEL}/channels"),
)  # fmt: skip
OF_PANEL = (
    ("GET", "/"), ("GET", f"/api/kernels/{KERNEL}"), ("DELETE", f"/api/kernels/{KERNEL}"),
    ("GET", f"/api/kernels/{KERNEL}/channels"), ("POST", f"/voila/api/shutdown/{KERNEL}"),
    ("GET", "/voila/files/panel.ipynb"), ("GET", "/voila/api/shutdown/"),
)  # fmt: skip


def let_nobody_else_in(server: Server, folder: Path) -> None:
    """Check the addresses that the server listens on, and where its token is visible."""
    family = server.family()
    assert not [one for one in family if server.token in " ".join(command_line(one))]
    listening = [one for process in family for one in connections(process) if one.status == "LISTEN"]
    assert server.port in {one.laddr.port for one in listening}
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
    record_count("local sockets", "{} sockets", len(listening))
    for file in (one for one in folder.rglob("*") if one.is_file() and server.token.encode() in one.read_bytes()):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        assert file.suffix != ".log"


def test_lab_asks_for_the_token_and_ends_with_ctrl_c(lab: Server, folder: Path) -> None:
    for token in (None, "wrong"):
        assert [asked for asked in OF_LAB if not refused(lab, *asked, token)] == []
        record_count("tokens", "{} requests rejected", len(OF_LAB))
    with urlopen(f"http://127.0.0.1:{lab.port}/api/contents?token={lab.token}") as answer:
        assert b"page.ipynb" in answer.read()
    start_kernel(lab)
    (running,) = (folder / "runtime").glob("jpserver-*.json")
    assert json.loads(running.read_text())["token"] == lab.token
    let_nobody_else_in(lab, folder)
    assert lab.end(signal.SIGINT) == 0
    said = lab.rest()  # a rejected request is reported
    assert said.endswith("JupyterLab has stopped.\n")
    assert lab.token not in said
    with socket.socket() as trial:
        assert trial.connect_ex(("127.0.0.1", lab.port)) != 0


def test_the_panel_asks_for_the_token_and_ends_with_sigterm(panel: Server, folder: Path) -> None:
    for token in (None, "wrong"):
        assert [asked for asked in OF_PANEL if not refused(panel, *asked, token)] == []
        record_count("tokens", "{} requests rejected", len(OF_PANEL))
    with ask_for_page(panel):
        let_nobody_else_in(panel, folder)
        (page,) = (folder / "temporary").glob("scoring-panel-*")
        assert stat.S_IMODE(page.stat().st_mode) == 0o700
        assert panel.end(signal.SIGTERM) == 0
    said = panel.rest()
    assert said.endswith("The panel has stopped.\n")
    assert panel.token not in said
    assert not list((folder / "temporary").glob("*"))


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_lab_and_its_kernels_end_with_a_command_that_could_not_end_them(
    lab: Server, folder: Path, number: signal.Signals
) -> None:
    start_kernel(lab)
    start_kernel(lab)
    wait_until(lambda: len(lab.kernels()) == 2)
    assert lab.end(number) == -number
    assert not list((folder / "runtime").glob("jpserver-*"))
    assert not list((folder / "runtime").glob("kernel-*"))


def test_the_panel_its_kernel_and_its_files_end_with_a_command_that_is_killed(panel: Server, folder: Path) -> None:
    with ask_for_page(panel):
        assert panel.end(signal.SIGKILL) == -signal.SIGKILL
    assert not list((folder / "temporary").glob("*"))


def test_a_server_that_is_killed_is_told_and_leaves_no_kernel(lab: Server) -> None:
    start_kernel(lab)
    family = lab.family()
    (server,) = psutil.Process(lab.process.pid).children()
    server.kill()
    assert lab.process.wait(SECONDS) == 1
    assert "JupyterLab exited with code -9" in lab.rest()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def test_lab_that_is_shut_down_from_its_page_has_ended(lab: Server) -> None:
    with urlopen(f"http://127.0.0.1:{lab.port}/api/shutdown?token={lab.token}", data=b"") as answer:
        assert answer.status == 200
    assert lab.process.wait(SECONDS) == 0
    assert lab.rest().endswith("JupyterLab has stopped.\n")


def test_ctrl_c_while_it_starts_ends_it_without_ado(folder: Path) -> None:
    starting = subprocess.Popen(
        [sys.executable, "-m", "scoring.cli", "lab"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    command = psutil.Process(starting.pid)
    wait_until(
        lambda: any(
            "scoring.cli.server_process" in command_line(one) and one.num_threads() > 1 for one in command.children()
        )
    )
    family = command.children(recursive=True)
    starting.send_signal(signal.SIGINT)
    said, _ = starting.communicate(timeout=SECONDS)
    assert starting.returncode == 0
    assert re.fullmatch(rb"JupyterLab has stopped\.\n", said), said
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def test_two_at_once_have_ports_of_their_own_and_the_browser_is_not_told_the_token(
    lab: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = folder / "browser.py"
    script.write_text("import sys, pathlib\npathlib.Path('asked').write_text(sys.argv[1])\n")
    monkeypatch.setenv("BROWSER", f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} %s")
    with served(folder, "lab", "--open") as other:
        assert other.port != lab.port
        assert other.token != lab.token
        assert refused(other, "GET", "/lab", lab.token)
        wait_until((folder / "asked").exists)
        wait_until(lambda: bool((folder / "asked").read_text()))
        file = Path(urlsplit((folder / "asked").read_text()).path)
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert f"{other.url}?token={other.token}" in file.read_text()
        assert other.end(signal.SIGINT) == 0
        assert not file.exists()
    assert lab.end(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lab", "nowhere"), "nowhere is not a folder"),
        (("panel", "--db", "nowhere.db"), "nowhere.db"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(app, ["lab", str(tmp_path), "--port", port])
    assert done.exit_code == 1
    assert f"--port {port} is not available" in done.stderr
    assert len(done.stderr.splitlines()) == 1
