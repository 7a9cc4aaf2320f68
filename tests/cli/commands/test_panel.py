"""`scoring panel` reports errors before it prints an address."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from scoring.cli.app import app
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.synthetic import make_market


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "contains no actions"),
        (("nowhere",), "nowhere"),
        (("--component", "nowhere.py"), "nowhere.py"),
        (("--component", "broken.py"), "broken.py"),
    ],
)
def test_errors_are_reported_before_the_address(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.py").write_text("1 / 0")
    tables = make_market(5, 20, 10, seed=1).tables
    save_tables(Database.open("sqlite:///market.db"), tables.with_tables(actions=tables.actions[:0]))
    done = CliRunner().invoke(app, ["panel", *arguments, "--db", "market.db"])
    assert done.exit_code != 0
    assert said in done.stderr
    assert "http://" not in done.stdout
