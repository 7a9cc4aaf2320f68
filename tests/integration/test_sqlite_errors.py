"""SQLite files that are locked, missing, damaged or on a failing disk: the command prints one sentence."""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scoring.cli.app import app
from scoring.database import engines, retry
from scoring.database.database import Database
from scoring.database.readers import load_tables
from scoring.database.writers import save_tables
from scoring.errors import ScoringError
from scoring.synthetic import make_market
from scoring.telemetry import fault_injection
from tests.support.errors import raises_with
from tests.support.proof_counts import record_count

Call = Callable[..., Result]

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def market(tmp_path: Path) -> Path:
    with Database.open(tmp_path / "market.db") as database:
        save_tables(database, make_market(20, 60, 200, seed=2).tables)
    return tmp_path / "market.db"


@pytest.fixture
def scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(retry, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(engines, "BUSY_MILLISECONDS", 50)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def sentence(result: Result) -> str:
    assert result.exit_code == 1, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in result.output
    assert "should not" not in line, line
    return line


@pytest.fixture
def held(market: Path) -> Iterator[Path]:
    """Hold a write lock on the database in another process."""
    words = [sys.executable, "-c", HOLD, str(market)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield market
        other.kill()


def test_locked_file_is_reported(scoring: Call, held: Path) -> None:
    said = sentence(scoring("run", "--db", held, "--out", "runs"))
    assert "is locked by another program" in said
    assert "Gave up after" in said
    assert "market.db" in said
    assert not list(Path("runs").glob("[!.]*"))


def test_removed_file_is_reported(scoring: Call, market: Path) -> None:
    with Database.open(market) as database:
        load_tables(database)
        for path in market.parent.glob("market.db*"):
            path.unlink()
        with raises_with(ScoringError, reason="missing file"):
            load_tables(database)
    assert "does not exist" in sentence(scoring("run", "--db", market))
    assert not market.exists()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.ESTALE])
def test_disk_error_is_reported(scoring: Call, market: Path, number: int) -> None:
    failure = OSError(number, os.strerror(number))
    with fault_injection.arm("table read", 3, failure):
        said = sentence(scoring("run", "--db", market))
    assert f"market.db cannot be read or written ({os.strerror(number)}). Check its disk." in said
    with fault_injection.arm("rows inserted", 1, failure):
        said = sentence(scoring("run", "--db", market))
    assert os.strerror(number) in said
    assert scoring("run", "--db", market).exit_code == 0
    record_count("write errors", "{} errors", 2)


def trouble(path: Path) -> str | None:
    """Return the message for a file that cannot be loaded; re-raise any other kind of error."""
    with Database.open(path) as database:
        try:
            load_tables(database)
        except ScoringError as error:
            return str(error)
    return None


@pytest.mark.parametrize("seeds", [range(40), pytest.param(range(1000, 1400), marks=pytest.mark.long)])
def test_altered_file_is_read_or_rejected(market: Path, seeds: range) -> None:
    with closing(sqlite3.connect(market)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    whole, refused = market.read_bytes(), 0
    damaged = market.with_name("damaged.db")
    for seed in seeds:
        rng = random.Random(seed)
        content = bytearray(whole)
        at = rng.randrange(0, 200 if seed % 4 == 0 else len(content) - 4096)
        length = rng.choice([1, 16, 4096])
        content[at : at + length] = rng.randbytes(length)
        damaged.write_bytes(content)
        for left in market.parent.glob("damaged.db-*"):
            left.unlink()
        said = trouble(damaged)
        assert said is None or said.endswith("."), said
        refused += said is not None
    assert refused > 5
    record_count("damaged SQLite", "{} files: {} rejected", len(seeds), refused)


@pytest.mark.parametrize("damage", ["cut", "zeros in the middle", "another kind of file", "empty"])
def test_damaged_file_is_reported(scoring: Call, market: Path, damage: str) -> None:
    for left in market.parent.glob("market.db-*"):
        left.unlink()
    content = market.read_bytes()
    half = len(content) // 2 // 4096 * 4096
    market.write_bytes(
        {
            "cut": content[:half],
            "zeros in the middle": content[:4096] + bytes(half) + content[4096 + half :],
            "another kind of file": b"PAR1" * 5000,
            "empty": b"",
        }[damage]
    )
    said = sentence(scoring("run", "--db", market))
    assert "market.db" in said
