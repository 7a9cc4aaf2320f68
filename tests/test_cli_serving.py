"""Servers answer on this machine alone, to those who have the token, and are gone when the command is."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest
from typer.testing import CliRunner

from scoring.cli.app import app

SECONDS = 120


class Server:
    """`scoring lab` or `scoring panel` in a process of its own."""

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

    def end(self, number: int) -> int:
        """The exit code, after looking that nobody is left."""
        family = self.family()
        self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        _, alive = psutil.wait_procs(family, timeout=20)
        assert not alive
        return code


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/page.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    server = Server(tmp_path, "lab")
    with server.process:  # closes its output
        yield server
        if server.process.poll() is None:
            server.process.kill()


def status(url: str) -> int:
    try:
        with urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_lab_asks_for_the_token_and_ends_with_ctrl_c(lab: Server) -> None:
    contents = f"http://127.0.0.1:{lab.port}/api/contents"
    assert status(contents) == 403
    assert status(f"{contents}?token=wrong") == 403
    with urlopen(f"{contents}?token={lab.token}") as answer:
        assert b"page.ipynb" in answer.read()
    # nobody else on the machine reads it from the list of processes
    assert not any(lab.token in argument for process in lab.family() for argument in process.cmdline())
    addresses = {
        one.laddr.ip for process in lab.family() for one in process.net_connections("tcp") if one.status == "LISTEN"
    }
    assert addresses == {"127.0.0.1"}
    assert lab.end(signal.SIGINT) == 0
    with socket.socket() as trial:
        assert trial.connect_ex(("127.0.0.1", lab.port)) != 0


def test_lab_ends_with_sigterm_and_takes_its_kernels_along(lab: Server) -> None:
    request = f"http://127.0.0.1:{lab.port}/api/kernels?token={lab.token}"
    with urlopen(request, data=b'{"name": "python3"}', timeout=60) as answer:
        assert answer.status == 201
    until = time.monotonic() + 30
    while len(lab.family()) < 2:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert lab.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lab", "nowhere"), "nowhere is no folder"),
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
    assert f"port {port} cannot be had" in done.stderr
