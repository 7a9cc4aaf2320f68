"""`scoring profiles`, and runs with promoted profiles."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scoring.catalog import load_model
from scoring.cli.app import app
from scoring.cli.options import DEFAULT_PROFILES
from scoring.runs.publishers import read_manifest
from scoring.tuning.registry import DEFAULT_FOLDER, Registry
from tests.cli.command import Call, error_line, page

WEIGHTS = """\
groups:
  base: {weight: 1, components: {fee: 1, wage: 0, popularity: 0, access: 0, freshness: 0}}
  match: {weight: 0, components: {location: 0, category: 0, conditions: 0}}
  personal: {weight: 0, components: {history: 0, clicks: 0, collaborative: 0}}
"""


@pytest.fixture
def scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that calls the command in a folder with a file of weights."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fees.yaml").write_text(WEIGHTS)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def saved(scoring: Call) -> Call:
    """Save two versions: night@1 is `standard`, night@2 has fees alone."""
    assert page(scoring("profiles", "save", "night", "--parent", "standard", "--note", "the first")) == (
        "Saved night@1 as data/profiles/night/0001.yaml."
    )
    scoring("profiles", "save", "night", "--weights", "fees.yaml", "--parent", "night@1", "--author", "山田")
    return scoring


def test_default_folder_is_that_of_the_registry() -> None:
    assert DEFAULT_PROFILES == DEFAULT_FOLDER


def test_profiles_without_command_prints_help(scoring: Call) -> None:
    for command in ("list", "show", "save", "promote", "rollback", "diff", "history", "reindex"):
        assert f" {command} " in page(scoring("profiles"))


def test_message_of_empty_folder_names_save(scoring: Call) -> None:
    assert "contains no profiles. Save one with `scoring profiles save NAME`" in page(scoring("profiles", "list"))
    assert page(scoring("profiles", "history")) == "data/profiles contains no promotions."


def test_list_shows_versions_and_status(saved: Call) -> None:
    saved("profiles", "promote", "night@1")
    lines = page(saved("profiles", "list")).splitlines()
    assert lines[0].split() == ["profile", "status", "saved", "(UTC)", "parent", "note"]
    assert [line.split()[0] for line in lines[1:]] == ["night@1", "night@2"]
    assert "in use" in lines[1]
    assert "in use" not in lines[2]
    assert lines[1].endswith("standard  the first")


def test_list_includes_unreadable_version(saved: Call) -> None:
    Path("data/profiles/night/0002.yaml").write_text("profile: [")
    done = saved("profiles", "list")
    assert "night@1" in page(done)
    assert "night@2          cannot be read" in page(done)
    assert "warning: data/profiles/night/0002.yaml, line 1: invalid YAML" in done.stderr


def test_show_prints_metadata_metrics_and_model(saved: Call) -> None:
    registry = Registry("data/profiles")
    registry.save("night", load_model("standard"), metrics={"test": {"ndcg@10": {"value": 0.25, "low": 0.2, "high": 0.3,
                                                                              "n": 12_345}}})  # fmt: skip
    text = page(saved("profiles", "show", "night@2"))
    for part in (
        "night@2",
        " UTC by 山田; code version 0.1.0",
        "night@2 → night@1 → standard",
        "derived from standard",
    ):
        assert part in text
    assert "base      fee             1.000  low 500, high 5000" in text
    assert "rules  open on" in text
    assert "test   ndcg@10   0.25  0.2 to 0.3  12,345" in page(saved("profiles", "show", "night"))


def test_edited_version_is_shown_but_not_promoted(saved: Call) -> None:
    path = Path("data/profiles/night/0001.yaml")
    path.write_text(path.read_text().replace("low: 500.0", "low: 600.0"))
    done = saved("profiles", "show", "night@1")
    assert "low 600" in page(done)
    assert done.stderr.startswith("warning: profile night@1 is not the model that was saved: its file was edited")
    assert "not the model that was saved" in error_line(saved("profiles", "promote", "night@1"), 1)
    assert "not the model that was saved" in error_line(saved("run", "--profile", "night@1"), 1)
    # and the command that the message names
    assert page(saved("profiles", "save", "night", "--model", path)).startswith("Saved night@3")
    assert saved("profiles", "promote", "night@3").exit_code == 0


def test_diff_prints_weights_parameters_and_rules(saved: Call) -> None:
    saved("profiles", "promote", "night")
    table = page(saved("profiles", "diff", "standard", "promoted"))
    assert "From standard to night@2" in table
    assert "  fee             0.100  1.000  +0.900     0.250  1.000  +0.750" in table
    assert "Parameters and rules are equal." in table
    assert "Weights, parameters and rules are equal." in page(saved("profiles", "diff", "standard", "night@1"))
    registry = Registry("data/profiles")
    registry.save("cap", load_model("standard").with_eligibility(max_per_company=3))
    assert "rule  max_per_company  off   3" in page(saved("profiles", "diff", "standard", "cap"))


def test_promote_and_rollback_are_in_history(saved: Call) -> None:
    assert page(saved("profiles", "promote", "night@1")).startswith("Promoted night@1. ")
    assert page(saved("profiles", "promote", "night", "--note", "won")).startswith("Promoted night@2. ")
    assert page(saved("profiles", "rollback", "--note", "lost")) == "Rolled back to night@1."
    lines = page(saved("profiles", "history")).splitlines()[1:]
    assert [line[18:].split() for line in lines] == [
        ["promoted", "night@1"],
        ["promoted", "night@2", "won"],
        ["rolled", "back", "to", "night@1", "in", "use", "lost"],
    ]


def test_index_follows_save_and_promote(saved: Call) -> None:
    Path("index.db").touch()
    assert page(saved("profiles", "reindex", "--db", "index.db")).endswith("indexed 2 versions of data/profiles.")
    saved("profiles", "save", "night", "--db", "index.db")
    saved("profiles", "promote", "night", "--db", "index.db")
    with sqlite3.connect("index.db") as connection:
        rows = connection.execute("SELECT version, promoted_at IS NOT NULL FROM profiles ORDER BY version").fetchall()
        assert connection.execute("SELECT name, version FROM promotions").fetchall() == [("night", 3)]
    connection.close()
    assert rows == [(1, 0), (2, 0), (3, 1)]


def test_found_on_stores_fingerprint_of_data(saved: Call, tmp_path: Path) -> None:
    saved("init", "--users", 5, "--jobs", 20)
    page(saved("profiles", "save", "day", "--found-on", "data/market.db"))
    found_on = Registry("data/profiles").load("day").metadata.found_on
    assert found_on is not None
    assert found_on.fingerprint in page(saved("profiles", "show", "day"))
    assert "--as-of requires --found-on" in error_line(saved("profiles", "save", "x", "--as-of", "2025-01-01"), 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["save", "../night"], "profile name '../night': it contains '/'"),
        (["save", "Night"], "treat both names as equal"),
        (["save", "night", "--model", "none"], "model none: No such file"),
        (["save", "night", "--parent", "day"], "`scoring profiles list` lists all profiles"),
        (["show", "nihgt"], "Did you mean night?"),
        (["show", "night@9"], "night@9 does not exist. The newest version is 2"),
        (["show", "night@x"], "the text after @ is not a version"),
        (["show", "promoted"], "No profile in data/profiles is promoted"),
        (["promote", "day"], "does not exist in"),
        (["rollback"], "No profile is promoted, so there is nothing to roll back"),
        (["diff", "night", "clasic"], "does not exist in"),
        (["reindex", "--db", "none.db"], "none.db does not exist"),
        (["save", "night", "--profiles", "fees.yaml"], "fees.yaml"),
        (["list", "--profiles", "fees.yaml"], "fees.yaml cannot be read: Not a directory"),
    ],
)
def test_invalid_profile_is_one_line(saved: Call, arguments: list[str], message: str) -> None:
    assert message in error_line(saved("profiles", *arguments), 1)


# The next run


def test_run_uses_promoted_profile(saved: Call) -> None:
    def run(*arguments: object) -> Result:
        return saved("run", "--factor-cache", "factors", "--force", "profiles are compared", *arguments)

    saved("init", "--users", 20, "--jobs", 60)
    assert "No profile in data/profiles is promoted" in error_line(saved("run", "--profile", "promoted"), 1)
    saved("profiles", "promote", "night@2")
    done = run("--profile", "promoted")
    assert " · model night@2 · " in page(done)
    manifest = read_manifest("data/runs/latest")
    assert (manifest["model"], manifest["weights"]["fee"]) == ("night@2", 1.0)
    with sqlite3.connect("data/market.db") as connection:
        assert connection.execute("SELECT model FROM runs").fetchall() == [("night@2",)]
    connection.close()
    assert " · model night@1 · " in page(run("--profile", "night@1", "--no-database"))
    # without --profile the default model is used, even after a promotion; the file itself can be used as a model
    assert " · model standard · " in page(run("--no-database"))
    assert " · model night@2 · " in page(run("--no-database", "--model", "data/profiles/night/0002.yaml"))
    assert saved("explain", 1, 1, "--factor-cache", "factors", "--profile", "promoted").exit_code == 0
    for more in (["--model", "standard"], ["--weights", "fees.yaml"]):
        assert "Omit --model and --weights" in error_line(saved("run", "--profile", "night", *more), 1)
