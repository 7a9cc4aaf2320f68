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


@pytest.mark.parametrize(("n_users", "said"), [(60, "no counted action"), (3, "of the split")])
def test_empty_holdout_is_reported_before_the_address(
    n_users: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All actions are views, which are not evaluated, or the users are too few for three parts."""
    monkeypatch.chdir(tmp_path)
    tables = make_market(n_users, 60, 900, seed=1).tables
    actions = tables.actions.assign(action="view") if n_users > 3 else tables.actions
    save_tables(Database.open("sqlite:///market.db"), tables.with_tables(actions=actions))
    done = CliRunner().invoke(app, ["panel", "--db", "market.db"])
    assert done.exit_code != 0
    assert said in done.stderr
    assert "http://" not in done.stdout
