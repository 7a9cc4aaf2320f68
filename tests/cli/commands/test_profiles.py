"""`scoring profiles`, and runs with promoted profiles."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scoring.cli.app import app
from scoring.cli.options import DEFAULT_DB, DEFAULT_PROFILES
from scoring.database.database import Database
from scoring.model_catalog import load_model
from scoring.registry import DEFAULT_FOLDER, Registry
from scoring.registry.promotions import StoredPromotion
from scoring.runs.publishers import read_manifest
from tests.cli.command import Call, error_line, invoke, page

WEIGHTS = """\
groups:
  base: {weight: 1, components: {fee: 1, wage: 0, popularity: 0, access: 0, freshness: 0}}
  match: {weight: 0, components: {location: 0, category: 0, conditions: 0}}
  personal: {weight: 0, components: {history: 0, clicks: 0, collaborative: 0}}
"""


UNTESTED = ("--note", "try it", "--force", "untested", "--yes")
"""Options of a promotion without evidence."""


@pytest.fixture
def scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that calls the command in a folder with a file of weights and an empty database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fees.yaml").write_text(WEIGHTS)
    Path(DEFAULT_DB).parent.mkdir()
    with Database.open(DEFAULT_DB) as database:
        database.create()
    return invoke


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
    for command in ("list", "show", "save", "promote", "request", "approve", "rollback", "diff", "history", "reindex"):
        assert f" {command} " in page(scoring("profiles"))


def test_message_of_empty_folder_names_save(scoring: Call) -> None:
    assert "contains no profiles. Save one with `scoring profiles save NAME`" in page(scoring("profiles", "list"))
    assert page(scoring("profiles", "history")) == "Nothing was promoted."


def test_list_shows_versions_and_status(saved: Call) -> None:
    saved("profiles", "promote", "night@1", *UNTESTED)
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
        " UTC by 山田; code version 0.2.0",
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
    assert "not the model that was saved" in error_line(saved("profiles", "promote", "night@1", *UNTESTED), 1)
    assert "not the model that was saved" in error_line(saved("run", "--profile", "night@1"), 1)
    # and the command that the message names
    assert page(saved("profiles", "save", "night", "--model", path)).startswith("Saved night@3")
    assert saved("profiles", "promote", "night@3", *UNTESTED).exit_code == 0


def test_diff_prints_weights_parameters_and_rules(saved: Call) -> None:
    saved("profiles", "promote", "night", *UNTESTED)
    table = page(saved("profiles", "diff", "standard", "promoted"))
    assert "From standard to night@2" in table
    assert "  fee             0.100  1.000  +0.900     0.250  1.000  +0.750" in table
    assert "Parameters and rules are equal." in table
    assert "Weights, parameters and rules are equal." in page(saved("profiles", "diff", "standard", "night@1"))
    registry = Registry("data/profiles")
    registry.save("cap", load_model("standard").with_eligibility(max_per_company=3))
    assert "rule  max_per_company  off   3" in page(saved("profiles", "diff", "standard", "cap"))


def test_rollback_in_a_terminal_asks_for_confirmation(saved: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in (1, 2):
        saved("profiles", "promote", f"night@{version}", *UNTESTED)
    monkeypatch.setattr("scoring.cli.commands.profiles._is_terminal", lambda: True)
    declined = CliRunner().invoke(app, ["profiles", "rollback"], input="n\n")
    assert declined.exit_code == 1
    assert "Roll back to night@1 for" in declined.stdout
    assert "Nothing was rolled back." in declined.stdout
    assert "night@2" in page(saved("profiles", "history")).splitlines()[-1]
    assert page(saved("profiles", "rollback", "--yes")) == "Rolled back to night@1."
    empty = CliRunner().invoke(app, ["profiles", "rollback"], input="n\n")
    assert empty.exit_code == 1
    assert "no earlier promotion exists" in empty.stderr  # without a question


def test_promote_and_rollback_are_in_history(saved: Call) -> None:
    for version in (1, 2):
        shown = page(saved("profiles", "promote", f"night@{version}", *UNTESTED)).splitlines()
        assert shown[0] == f"Evidence for night@{version}"
        assert shown[-1] == f"Promoted night@{version}. Next: scoring run"
    assert page(saved("profiles", "rollback", "--note", "lost")) == "Rolled back to night@1."
    lines = page(saved("profiles", "history")).splitlines()[1:]
    assert [line[18:].split() for line in lines] == [
        ["promoted", "night@1", "try", "it.", "Forced:", "untested."],
        ["promoted", "night@2", "try", "it.", "Forced:", "untested."],
        ["rolled", "back", "to", "night@1", "in", "use", "lost"],
    ]


def test_promotion_records_who_promotes(saved: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "mika")
    registry = Registry("data/profiles").for_database(DEFAULT_DB)
    for version, options, name in ((1, [], "mika"), (2, ["--by", "Sato"], "Sato")):
        saved("profiles", "promote", f"night@{version}", *UNTESTED, *options)
        promotion = registry.find_promotion()
        assert isinstance(promotion, StoredPromotion)
        assert (promotion.requested_by, promotion.approved_by) == (None, name)


def test_index_follows_save_and_promote(saved: Call) -> None:
    Path("index.db").touch()
    assert page(saved("profiles", "reindex", "--db", "index.db")).endswith("indexed 2 versions of data/profiles.")
    saved("profiles", "save", "night", "--db", "index.db")
    assert page(saved("profiles", "promote", "night", "--db", "index.db", *UNTESTED)).endswith(
        "--db sqlite:///index.db"
    )
    with sqlite3.connect("index.db") as connection:
        rows = connection.execute("SELECT version, promoted_at IS NOT NULL FROM profiles ORDER BY version").fetchall()
        assert connection.execute("SELECT name, version FROM promotions").fetchall() == [("night", 3)]
        assert connection.execute("SELECT name, version FROM promoted").fetchall() == [("night", 3)]
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
        (["show", "standard"], "standard is a shipped model"),
        (["promote", "night", *UNTESTED, "--guard", "mean fe@40"], "Did you mean mean fee?"),
        (["show", "night@9"], "night@9 does not exist. The newest version is 2"),
        (["show", "night@x"], "the text after @ is not a version"),
        (["show", "promoted"], "No profile is promoted. Promote one with"),
        (["promote", "day", *UNTESTED], "does not exist in"),
        (["promote", "night", "--note", " ", "--force", "untested", "--yes"], "note is blank"),
        (["promote", "night", "--note", "x" * 5_000, "--force", "untested", "--yes"], "note has 5,000 characters"),
        (["approve", "night", "--by", "Taro", "--force", "untested", "--yes"], "No request to promote night@2 is open"),
        (["rollback"], "No profile is promoted. A rollback needs an earlier promotion"),
        (["diff", "night", "clasic"], "Did you mean classic?"),
        (["reindex", "--db", "none.db"], "none.db does not exist"),
        (["save", "night", "--profiles", "fees.yaml"], "fees.yaml"),
        (["list", "--profiles", "fees.yaml"], "fees.yaml cannot be read: Not a directory"),
    ],
)
def test_invalid_profile_is_one_line(saved: Call, arguments: list[str], message: str) -> None:
    assert message in error_line(saved("profiles", *arguments), 1)


def test_promotion_needs_a_database(saved: Call) -> None:
    Path(DEFAULT_DB).unlink()
    assert f"{DEFAULT_DB} does not exist" in saved("profiles", "promote", "night", *UNTESTED).stderr
    assert "No profile is promoted" in error_line(saved("profiles", "show", "promoted"), 1)


def test_passwords_of_databases_are_not_printed(saved: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    promoted = Registry("data/profiles").load("night")
    monkeypatch.setattr(Registry, "promote", lambda *_, **__: promoted)
    shown = page(saved("profiles", "promote", "night", "--db", "postgresql://me:hush@host/jobs", "--note", "x"))
    assert "me:***@host" in shown
    assert "hush" not in shown


# The next run


def test_run_uses_promoted_profile(saved: Call) -> None:
    def run(*arguments: object) -> Result:
        return saved("run", "--factor-cache", "factors", "--force", "profiles are compared", *arguments)

    saved("init", "--users", 20, "--jobs", 60)
    assert "No profile is promoted for sqlite:///" in error_line(saved("run", "--profile", "promoted"), 1)
    assert " · model standard · " in page(run())
    assert page(saved("profiles", "promote", "night@2", *UNTESTED)).endswith("Next: scoring run")
    done = run()
    assert "model night@2: promoted on " in done.stderr
    assert " · model night@2 · " in page(done)
    manifest = read_manifest("data/runs/latest")
    assert (manifest["model"], manifest["weights"]["fee"]) == ("night@2", 1.0)
    with sqlite3.connect("data/market.db") as connection:
        models = connection.execute("SELECT model FROM runs ORDER BY run_id").fetchall()
    connection.close()
    assert models == [("standard",), ("night@2",)]
    assert " · model night@2 · " in page(run("--profile", "promoted", "--no-database", "--out", "other"))
    explained = saved("explain", 1, 1, "--factor-cache", "factors")
    assert explained.exit_code == 0
    assert "model night@2: promoted on " in explained.stderr
    for more in (["--model", "standard"], ["--weights", "fees.yaml"]):
        assert "Omit --model and --weights" in error_line(saved("run", "--profile", "night", *more), 1)


def test_other_model_than_the_promoted_needs_a_reason(saved: Call) -> None:
    def run(*arguments: object) -> Result:
        return saved("run", "--factor-cache", "factors", *arguments)

    saved("init", "--users", 20, "--jobs", 60)
    saved("profiles", "promote", "night@2", *UNTESTED)
    published = page(run())
    for other in (
        ["--model", "classic"],
        ["--profile", "night@1"],
        ["--model", "classic", "--no-database"],
        ["--model", "classic", "--no-database", "--out", Path("data/runs").resolve()],
        ["--model", "classic", "--out", "other"],
    ):
        assert "night@2 is promoted, but this run would publish lists of" in error_line(run(*other), 1)
    # more users than exist: the run replaces the published one
    assert "give a reason with --instead" in run("--model", "classic", "--users", 1_000).stderr
    assert run("--model", "classic", "--instead", " ").exit_code == 2
    assert page(run("--model", "standard", "--no-database", "--out", "other"))
    assert page(run("--model", "standard", "--users", 3))
    # the same model by another name is the promoted one
    for same in (["--weights", "fees.yaml"], ["--model", "data/profiles/night/0002.yaml"], ["--profile", "night"]):
        done = run("--resume", *same)
        assert "as promoted: promoted on " in done.stderr
        assert done.exit_code == 0
    assert published
    done = run("--model", "standard", "--instead", "night@2 has an error")
    assert page(done)
    assert "model standard, instead of the promoted night@2: night@2 has an error" in done.stderr
    notes = read_manifest("data/runs/latest")["gate"]["notes"]
    assert "model standard, instead of the promoted night@2: night@2 has an error" in notes
    assert "the model changed (night@2 → standard)" in notes
    assert page(run())  # the next run returns to the promoted profile
    assert read_manifest("data/runs/latest")["model"] == "night@2"
