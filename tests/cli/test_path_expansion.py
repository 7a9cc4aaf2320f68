"""Paths of options: `~`, blank values, folders, and names with spaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.cli.app import app
from scoring.cli.path_expansion import require_no_blank_paths
from scoring.errors import ConfigurationError
from scoring.model import dump_model
from scoring.model_catalog import load_model
from tests.cli.command import Call, error_line
from tests.support.errors import raises_at


def test_tilde_is_the_home_folder(scoring: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home of 花子"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    assert scoring("init", "--empty", "--db=~/empty.db").exit_code == 0
    assert (home / "empty.db").is_file()
    assert scoring("profiles", "save", "found", "--model", "standard", "--profiles=~/saved").exit_code == 0
    assert (home / "saved" / "found" / "0001.yaml").is_file()
    assert "found@1" in scoring("profiles", "list", "--profiles", "~/saved").stdout
    assert scoring("component", "new", "mine", "--folder=~").exit_code == 0
    assert list(home.glob("*mine*"))
    (home / "mine.yaml").write_text(dump_model(load_model("classic")).replace("name: classic", "name: mine"))
    assert scoring("models", "~/mine.yaml").stdout.lstrip().startswith("mine ")
    assert not Path("~").exists()


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["run", "--out", ""], "--out"),
        (["run", "--out="], "--out"),
        (["run", "--factor-cache", " "], "--factor-cache"),
        (["models", "--component="], "--component"),
        (["profiles", "list", "--profiles", ""], "--profiles"),
        (["import", "--map", ""], "--map"),
    ],
)
def test_blank_paths_are_rejected(scoring: Call, arguments: list[str], option: str) -> None:
    """A blank path would be the current folder."""
    assert f"{option} is blank" in error_line(scoring(*arguments), 1)
    with raises_at(ConfigurationError, option):
        require_no_blank_paths(app, arguments)


def test_blank_values_of_other_options_are_not_paths() -> None:
    for arguments in (["profiles", "promote", "a", "--note", ""], ["run", "--out", "x"], ["run", "--out"], [""]):
        require_no_blank_paths(app, arguments)


@pytest.mark.parametrize(("db", "message"), [("", "is empty"), (".", "is a folder"), ("file:no.db?mode=ro", "no.db")])
def test_names_that_are_not_databases_create_no_file(scoring: Call, db: str, message: str) -> None:
    before = sorted(Path().iterdir())
    assert message in error_line(scoring("run", "--db", db), 1)
    assert sorted(Path().iterdir()) == before
