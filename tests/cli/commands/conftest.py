"""A market with many actions for `evaluate`, `compare` and `tune`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scoring import Dataset
from scoring.cli.app import app
from scoring.database.database import Database
from scoring.database.readers import load_tables
from tests.cli.command import (
    Call,
    invoke,
)

WEIGHTS = """\
normalise: true
groups:
  base: {weight: 1, components: {fee: 0, wage: 1, popularity: 3, access: 0, freshness: 1}}
  match: {weight: 4, components: {location: 2, category: 2, conditions: 0}}
  personal: {weight: 2, components: {history: 1, clicks: 1, collaborative: 1}}
"""


@pytest.fixture(scope="session")
def action_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a market of 200 users and 1,000 jobs and a file of weights. Tests must not change it."""
    action_folder = tmp_path_factory.mktemp("evaluation")
    market = ["--users", "200", "--jobs", "1000", "--actions", "20000", "--seed", "2"]
    assert CliRunner().invoke(app, ["init", "--db", str(action_folder / "market.db"), *market]).exit_code == 0
    (action_folder / "fit.yaml").write_text(WEIGHTS)
    return action_folder


@pytest.fixture(scope="session")
def action_data(action_folder: Path) -> Dataset:
    with Database.open(action_folder / "market.db") as database:
        return Dataset(load_tables(database))


@pytest.fixture
def action_command(action_folder: Path, factor_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that calls the command on the market, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(command: str, *arguments: object) -> Result:
        given = [command, *arguments]
        if command != "profiles":
            given += ["--db", action_folder / "market.db", "--factor-cache", factor_cache]
        return invoke(*given)

    call("profiles", "save", "fit", "--weights", action_folder / "fit.yaml")
    return call
