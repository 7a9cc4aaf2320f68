"""`scoring cluster` and `scoring run --cluster`: certificates, processes, and errors of one sentence."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.cli.command import ROOT, Call, page, require_one_error
from tests.support.child_signals import restore_signals

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("worker", "beta:8786"), "is not the address of a cluster"),
        (("worker", "tcp://192.0.2.1:8786"), "is not encrypted"),
        (("scheduler", "--listen", "tcp://0.0.0.0:0"), "is not encrypted"),
        (("scheduler", "--listen", "tls://0.0.0.0:0"), "ca.pem"),
        (("worker", "local:2"), "is not the address of a cluster"),
        (("worker", "tls://0.0.0.0:8786"), "address to listen on"),
        (("worker", "tcp://127.0.0.1:1"), "does not answer"),
        (("check", "tls://127.0.0.1:1", "--certificates", "missing"), "missing/ca.pem"),
    ],
)
def test_problem_is_one_sentence(scoring: Call, command: tuple[str, ...], message: str) -> None:
    require_one_error(scoring("cluster", *command), 1, message)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://192.0.2.1:8786", "is not encrypted"),
        ("tls://127.0.0.1:1", "ca.pem"),
        ("local:0", "is not the address"),
        ("tcp://127.0.0.1:1", "does not answer"),
    ],
)
def test_run_checks_the_cluster_before_it_loads(scoring: Call, database: Path, address: str, message: str) -> None:
    require_one_error(scoring("run", "--db", database, "--cluster", address), 1, message)


def test_certificates_are_private_and_renewed(scoring: Call) -> None:
    folder = Path("certificates")
    assert "ca.key" in page(scoring("cluster", "certificates", "--out", folder))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes["node.key"] == modes["ca.key"] == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    ca, node = (folder / "ca.pem").read_bytes(), (folder / "node.pem").read_bytes()
    assert "ca.pem and" not in page(scoring("cluster", "certificates", "--out", folder))
    assert (folder / "ca.pem").read_bytes() == ca
    assert (folder / "node.pem").read_bytes() != node


def test_key_that_others_may_read_is_rejected(scoring: Call) -> None:
    scoring("cluster", "certificates", "--out", "open")
    Path("open/node.key").chmod(0o644)
    require_one_error(
        scoring("cluster", "check", "tls://127.0.0.1:1", "--certificates", "open"), 1, "chmod 600 open/node.key"
    )


def test_run_on_local_workers_publishes(scoring: Call, database: Path) -> None:
    done = scoring("run", "--db", database, "--cluster", "local:1", "--top-k", 5, "--no-database", "--out", "runs")
    assert done.exit_code == 0, done.stderr
    assert "Worker local-1 was admitted" in done.stderr
    assert len(list(Path("runs/latest").glob("*.parquet"))) == 1


class Processes:
    """Commands that run until they are stopped."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[str]] = []

    def start(self, *words: object) -> tuple[subprocess.Popen[str], str]:
        """Start a command, and return the address in its first line."""
        command = [sys.executable, "-m", "scoring.cli", "cluster", *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, env=environment, text=True, preexec_fn=restore_signals, **pipes)  # type: ignore[call-overload]
        self.running.append(process)
        line = process.stdout.readline()
        assert ": t" in line, process.stderr.read()
        return process, line.split(": ")[1].strip()


@pytest.fixture
def processes() -> Iterator[Processes]:
    made = Processes()
    yield made
    for process in made.running:
        process.kill()
        process.communicate()


def find_children(process: subprocess.Popen[str]) -> set[psutil.Process]:
    return {child for child in psutil.Process(process.pid).children() if is_alive(child)}


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def find_child(process: subprocess.Popen[str]) -> psutil.Process:
    (child,) = find_children(process)
    return child


def wait_until(is_true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_processes_restart_and_end_with_their_commands(scoring: Call, processes: Processes) -> None:
    """A killed worker is started again. SIGTERM ends a command and its process; a killed command leaves no process."""
    scoring("cluster", "certificates", "--out", "certificates")
    trust = ("--certificates", Path("certificates").absolute())
    scheduler, address = processes.start("scheduler", "--listen", "tls://127.0.0.1:0", *trust)
    folder = Path("workers").absolute()
    worker, _ = processes.start("worker", address, "--name", "first", "--threads", 1, "--folder", folder, *trust)
    killed = find_child(worker)
    killed.kill()
    wait_until(lambda: bool(find_children(worker) - {killed}))
    wait_until(lambda: scoring("cluster", "check", address, *trust, "--csv").exit_code == 0)
    done = scoring("cluster", "check", address, *trust, "--csv")
    assert [line.split(",")[:3] for line in done.stdout.splitlines()[1:]] == [["first", "True", "1"]]
    assert done.stdout.startswith("worker,is_admitted,threads,")
    for process, is_killed in ((worker, False), (scheduler, True)):
        child = find_child(process)
        process.send_signal(signal.SIGKILL if is_killed else signal.SIGTERM)
        said = process.communicate(timeout=20)[1]
        assert process.returncode == (-signal.SIGKILL if is_killed else 0), said
        wait_until(lambda child=child: not is_alive(child))
    assert list(folder.iterdir()) == []


@pytest.mark.long
def test_certificates_of_another_ca_are_one_sentence(scoring: Call, processes: Processes) -> None:
    for name in ("one", "other"):
        scoring("cluster", "certificates", "--out", name)
    _, address = processes.start("scheduler", "--listen", "tls://127.0.0.1:0", "--certificates", Path("one").absolute())
    for command in (("worker", address), ("check", address)):
        require_one_error(scoring("cluster", *command, "--certificates", "other"), 1, "certificates of the same CA")


@pytest.mark.long
def test_worker_ends_a_minute_after_its_scheduler(scoring: Call, processes: Processes) -> None:
    scoring("cluster", "certificates", "--out", "certificates")
    trust = ("--certificates", Path("certificates").absolute())
    scheduler, address = processes.start("scheduler", "--listen", "tls://127.0.0.1:0", *trust)
    worker, _ = processes.start("worker", address, "--folder", Path("workers").absolute(), *trust)
    find_child(scheduler).kill()
    began = time.monotonic()
    said = worker.communicate(timeout=100)[1]
    assert 50 < time.monotonic() - began < 90
    assert worker.returncode == 1
    assert said.splitlines()[-1].startswith("error: ")
    assert address in said.splitlines()[-1]
    assert "Traceback" not in said
    assert scheduler.wait(timeout=10) == 1
