"""Servers listen on this machine only, require the token, and end with the command."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psutil
import pytest
from typer.testing import CliRunner

from scoring.cli.app import app
from tests.cli.command import LUCKY_COMPONENT
from tests.support.child_signals import restore_signals
from tests.support.proof_counts import record_count
from tests.support.server_process import SECONDS, Server, ask_for_page, command_line, connections, served, wait_until


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


def check_access(server: Server, folder: Path) -> None:
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


def test_lab_requires_token_and_ends_on_ctrl_c(lab: Server, folder: Path) -> None:
    for token in (None, "wrong"):
        assert [asked for asked in OF_LAB if not refused(lab, *asked, token)] == []
        record_count("tokens", "{} requests rejected", len(OF_LAB))
    with urlopen(f"http://127.0.0.1:{lab.port}/api/contents?token={lab.token}") as answer:
        assert b"page.ipynb" in answer.read()
    start_kernel(lab)
    (running,) = (folder / "runtime").glob("jpserver-*.json")
    assert json.loads(running.read_text())["token"] == lab.token
    check_access(lab, folder)
    assert lab.end(signal.SIGINT) == 0
    said = lab.rest()  # a rejected request is reported
    assert said.endswith("JupyterLab has stopped.\n")
    assert lab.token not in said
    with socket.socket() as trial:
        assert trial.connect_ex(("127.0.0.1", lab.port)) != 0


def test_panel_requires_token_and_ends_on_sigterm(panel: Server, folder: Path) -> None:
    for token in (None, "wrong"):
        assert [asked for asked in OF_PANEL if not refused(panel, *asked, token)] == []
        record_count("tokens", "{} requests rejected", len(OF_PANEL))
    with ask_for_page(panel):
        check_access(panel, folder)
        (page,) = (folder / "temporary").glob("scoring-panel-*")
        assert stat.S_IMODE(page.stat().st_mode) == 0o700
        assert panel.end(signal.SIGTERM) == 0
    said = panel.rest()
    assert said.endswith("The panel has stopped.\n")
    assert panel.token not in said
    assert not list((folder / "temporary").glob("*"))


SLOW_COMPONENT = f"""
import os, pathlib, time
{LUCKY_COMPONENT}
if "SCORING_FOLDER" in os.environ:  # a kernel of the server, not the command
    pathlib.Path("started").touch()
    time.sleep(1)
    raise OSError("the cell ends")
"""


def test_ctrl_c_while_a_kernel_runs_prints_no_traceback(folder: Path, market: Path) -> None:
    """The spare kernel runs a cell, which ends while the server stops."""
    (folder / "slow.py").write_text(SLOW_COMPONENT)
    with served(folder, "panel", "--db", str(market), "--component", "slow.py") as panel:
        wait_until((folder / "started").exists)
        assert panel.end(signal.SIGINT) == 0
        assert panel.rest() == "Press Ctrl-C to stop it.\nThe panel has stopped.\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_lab_and_kernels_end_when_command_is_killed(lab: Server, folder: Path, number: signal.Signals) -> None:
    start_kernel(lab)
    start_kernel(lab)
    wait_until(lambda: len(lab.kernels()) == 2)
    assert lab.end(number) == -number
    assert not list((folder / "runtime").glob("jpserver-*"))
    assert not list((folder / "runtime").glob("kernel-*"))


def test_panel_kernel_and_files_end_when_command_is_killed(panel: Server, folder: Path) -> None:
    with ask_for_page(panel):
        assert panel.end(signal.SIGKILL) == -signal.SIGKILL
    assert not list((folder / "temporary").glob("*"))


def test_killed_server_is_reported_and_leaves_no_kernel(lab: Server) -> None:
    start_kernel(lab)
    family = lab.family()
    (server,) = psutil.Process(lab.process.pid).children()
    server.kill()
    assert lab.process.wait(SECONDS) == 1
    assert "JupyterLab exited with code -9" in lab.rest()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def test_lab_ends_on_shutdown_from_its_page(lab: Server) -> None:
    with urlopen(f"http://127.0.0.1:{lab.port}/api/shutdown?token={lab.token}", data=b"") as answer:
        assert answer.status == 200
    assert lab.process.wait(SECONDS) == 0
    assert lab.rest().endswith("JupyterLab has stopped.\n")


def test_ctrl_c_during_start_ends_lab(folder: Path) -> None:
    starting = subprocess.Popen(
        [sys.executable, "-m", "scoring.cli", "lab"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=restore_signals,
    )
    command = psutil.Process(starting.pid)
    wait_until(
        lambda: any(
            "scoring.cli.jupyter_server" in command_line(one) and one.num_threads() > 1 for one in command.children()
        )
    )
    family = command.children(recursive=True)
    starting.send_signal(signal.SIGINT)
    said, _ = starting.communicate(timeout=SECONDS)
    assert starting.returncode == 0
    assert re.fullmatch(rb"JupyterLab has stopped\.\n", said), said
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def test_two_labs_have_own_ports_and_hide_tokens_from_browser(
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
def test_invalid_server_arguments_are_reported(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_occupied_port_is_reported(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(app, ["lab", str(tmp_path), "--port", port])
    assert done.exit_code == 1
    assert f"--port {port} is not available" in done.stderr
    assert len(done.stderr.splitlines()) == 1
