"""Paths as users give them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scoring.bundle.bundle import Bundle
from scoring.errors import ConfigurationError
from scoring.facade.pair_parquet_dataset import ScoredPairs
from scoring.model import dump_model
from scoring.model_catalog import load_components, load_model
from scoring.registry import Registry
from scoring.runs.history import list_runs
from scoring.storage.home_folder_expansion import expand_path
from tests.support.errors import raises_at


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home of 花子"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def test_tilde_is_the_home_folder(home: Path) -> None:
    assert expand_path("~/a b/求人.csv") == home / "a b" / "求人.csv"
    assert expand_path(Path("~/x")) == home / "x"
    assert expand_path("~") == home


@pytest.mark.parametrize("path", ["a.db", "./~/a", "a~b", "~nosuchuser0/x", "/x/~"])
def test_other_paths_are_unchanged(home: Path, path: str) -> None:
    assert str(expand_path(path)) == str(Path(path))


@pytest.mark.parametrize("path", [None, 3, "", "  ", b"x", ["a"], True, "a\0b", Path(" ")])
def test_values_that_are_not_paths_raise(path: Any) -> None:
    with raises_at(ConfigurationError, "folder"):
        expand_path(path, "folder")


def test_functions_expand_paths(home: Path) -> None:
    (home / "mine.yaml").write_text(dump_model(load_model("classic")))
    assert load_model("~/mine.yaml") == load_model(Path("~/mine.yaml")) == load_model("classic")
    assert Registry("~/profiles").folder == home / "profiles"
    Registry("~/profiles").save("found", "standard")
    assert (home / "profiles" / "found").is_dir()
    assert not Path("~").exists()


@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda value: load_components(value), "file"),
        (lambda value: Registry(value), "folder"),
        (lambda value: Bundle.open(value), "path"),
        (lambda value: ScoredPairs(value), "folder"),
        (lambda value: list_runs(value), "folder"),
    ],
)
def test_functions_reject_values_that_are_not_paths(call: Any, key: str) -> None:
    for value in (3, "", ["a"]):
        with raises_at(ConfigurationError, key):
            call(value)
