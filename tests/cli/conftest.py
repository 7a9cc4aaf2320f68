"""Databases and the command for tests of the command line."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scoring.cli.app import app
from tests.cli.command import (
    Call,
    invoke,
)


@pytest.fixture(scope="session")
def factor_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("factors")


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of 150 users and 800 jobs, which tests must not change."""
    path = tmp_path_factory.mktemp("market") / "market.db"
    done = CliRunner().invoke(app, ["init", "--db", str(path), "--users", "150", "--jobs", "800", "--seed", "4"])
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture
def database(market: Path, tmp_path: Path) -> Path:
    """Return a copy of the database that a test may change."""
    with sqlite3.connect(market) as source, sqlite3.connect(tmp_path / "copy.db") as target:
        source.backup(target)
    source.close()
    target.close()
    return tmp_path / "copy.db"


@pytest.fixture
def scoring(tmp_path: Path, factor_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that calls the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(factor_cache))
    return invoke
