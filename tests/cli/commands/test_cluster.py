"""`scoring cluster` and `scoring run --cluster`: certificates, processes, and errors of one sentence."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.command import Call, page, require_one_error

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
