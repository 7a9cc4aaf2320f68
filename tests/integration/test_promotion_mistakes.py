"""Mistakes around promotions that were made with version 0.1. Each is refused or reported, with a reason."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from scoring import Dataset, load_model
from scoring.cli.app import app
from scoring.evaluation import split_users
from scoring.registry import EvidenceError, FittedUsers, Registry
from scoring.runs.publishers import read_manifest
from scoring.widgets.panel_computation import TuningSession

FEES = """\
groups:
  base: {weight: 1, components: {fee: 1, wage: 0, popularity: 0, access: 0, freshness: 0}}
  match: {weight: 0, components: {location: 0, category: 0, conditions: 0}}
  personal: {weight: 0, components: {history: 0, clicks: 0, collaborative: 0}}
"""
MARKET = ("--users", 200, "--jobs", 800, "--actions", 12_000)
NOTE = ("--note", "NDCG@10 is higher on the test users")
WORSE = "is significantly worse"


class Workbench:
    """Commands in one folder with a market, a search and its profile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, *arguments: object, code: int = 0, text: str | None = None) -> Result:
        """Run a command. It must end with this exit code."""
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=text)
        assert result.exit_code == code, result.output + result.stderr
        return result

    def promote(self, name: str, *options: object, code: int = 0) -> Result:
        return self.call("profiles", "promote", name, *NOTE, "--yes", *options, code=code)

    def assert_refused(self, name: str, reason: str, *options: object) -> None:
        """Check that the promotion is refused with this reason, and possible with --force."""
        before = self.registry.find_promotion()
        (error,) = self.promote(name, *options, code=1).stderr.splitlines()
        assert error.startswith(f"error: {name}@1 is not promoted. ")
        assert reason in error
        assert "give a reason with --force. See docs/" in error
        assert self.registry.find_promotion() == before
        self.promote(name, *options, "--force", "a trial")
        assert self.registry.list_promotions()["note"].iloc[-1].endswith("Forced: a trial.")
        if before is not None:
            assert before.reference in self.call("profiles", "rollback").stdout

    @property
    def registry(self) -> Registry:
        return Registry("data/profiles", database="data/market.db")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("factors")


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Workbench:
    """Return a folder in which the first run, a search with the seed 0 and a promotion were made, as in README."""
    folder = tmp_path_factory.mktemp("mistakes")
    made = Workbench(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", str(cache))
        (folder / "fees.yaml").write_text(FEES)
        made.call("init", *MARKET)
        made.call("run")
        made.call("tune", "--trials", 4, "--random-trials", 2, "--seed", 0, "--save", "found")
        made.promote("found")
    return made


@pytest.fixture(autouse=True)
def in_folder(workbench: Workbench, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workbench.folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


def test_nightly_line_ranks_the_promoted_profile(workbench: Workbench) -> None:
    done = workbench.call("run", "--resume", "--keep", 14)
    assert "model found@1: promoted on " in done.stderr
    assert read_manifest("data/runs/latest")["model"] == "found@1"
    for other in (("--model", "standard"), ("--weights", "fees.yaml")):
        assert "found@1 is promoted" in workbench.call("run", *other, code=1).stderr
    assert read_manifest("data/runs/latest")["model"] == "found@1"


def test_profile_without_evidence_is_refused(workbench: Workbench) -> None:
    workbench.call("profiles", "save", "untested", "--model", "classic")
    workbench.assert_refused("untested", "Its model was never evaluated on test users.")
    with pytest.raises(EvidenceError) as raised:
        workbench.registry.promote("untested", note="x")
    assert len(raised.value.evidence.objections) == 1


def test_profile_with_a_worse_goal_is_refused(workbench: Workbench) -> None:
    workbench.call("profiles", "save", "fees", "--weights", "fees.yaml")
    workbench.call("evaluate", "standard", "fees", "--on", "test", "--goal", "Recall@40")
    workbench.assert_refused("fees", f"The declared goal Recall@40 {WORSE}")
    # another evaluation without the goal does not help
    workbench.call("evaluate", "standard", "fees", "--on", "test")
    workbench.assert_refused("fees", f"The declared goal Recall@40 {WORSE}")


def test_worse_guard_is_refused_and_a_price_is_noted(workbench: Workbench) -> None:
    note = workbench.registry.list_promotions()["note"].iloc[0]
    assert re.search(r"Given up on test users: .*mean fee@40 -[\d,.]+ yen \(-\d+%\)", note)
    workbench.call("profiles", "save", "again", "--model", "data/profiles/found/0001.yaml")
    workbench.assert_refused("again", f"The guard mean fee@40 {WORSE}", "--guard", "mean fee@40")


def test_evidence_of_other_data_is_refused(workbench: Workbench) -> None:
    workbench.call("init", "--db", "other.db", *MARKET, "--seed", 9)
    (error,) = workbench.promote("found", "--db", "other.db", code=1).stderr.splitlines()
    assert "Its evaluation is of other data: the database contains " in error
    workbench.promote("found", "--db", "other.db", "--force", "the same users")


@pytest.mark.parametrize(
    "options",
    [("--on", "test", "--seed", 1), ("--on", "all"), ("--on", "all", "--days", 15)],
    ids=["another seed", "all users", "other days"],
)
def test_users_of_the_search_are_reported(workbench: Workbench, options: tuple[object, ...]) -> None:
    # a copy, because these evaluations must not be evidence in other tests
    shutil.copytree("data/profiles/found", "copy/found", dirs_exist_ok=True)
    arguments = ("evaluate", "standard", "found", *options, "--profiles", "copy")
    done = workbench.call(*arguments)
    found = re.search(r"warning: found was fitted or selected on ([\d,]+) of these ([\d,]+) users\.", done.stderr)
    assert found, done.stderr
    n_known, n_users = (int(text.replace(",", "")) for text in found.groups())
    assert 0 < n_known <= n_users
    assert f"over {n_users} users" in done.stdout
    if n_known == n_users:
        return
    excluded = workbench.call(*arguments, "--exclude-fitted")
    assert "warning: found was fitted" not in excluded.stderr
    assert f"excluded: {n_known} user" in excluded.stderr
    assert f"over {n_users - n_known} users" in excluded.stdout


def test_test_users_of_the_search_have_no_overlap(workbench: Workbench) -> None:
    done = workbench.call("evaluate", "standard", "found", "--on", "test")
    assert "was fitted or selected on" not in done.stderr
    assert "warning: these users have been evaluated " in done.stderr
    none_left = workbench.call("evaluate", "standard", "found", "--exclude-fitted", code=1)
    assert "--exclude-fitted leaves none of " in none_left.stderr


def test_panel_never_uses_test_users(workbench: Workbench) -> None:
    """The panel of version 0.1 drew its users from all splits."""
    data = Dataset.from_database("data/market.db")
    session = TuningSession.of(data, load_model("standard"), users=10_000)
    split = split_users(data.users.user_id)
    drawn = np.concatenate(list(session.drawn_users.values()))
    assert len(drawn)
    assert not np.isin(drawn, split.test).any()
    panel_users = FittedUsers.of(*(session.drawn_users[name] for name in ("train", "validation")))
    workbench.registry.save("by-hand", load_model("classic"), users=panel_users)
    done = workbench.call("evaluate", "standard", "by-hand", "--on", "all", "--profiles", "data/profiles")
    assert "warning: by-hand was fitted or selected on " in done.stderr


def test_search_from_the_promoted_profile_reports_its_users(workbench: Workbench) -> None:
    done = workbench.call(
        "tune", "--profile", "promoted", "--seed", 1, "--trials", 1, "--random-trials", 1, "--no-test", "--save", "next"
    )
    assert re.search(r"warning: the model that the search starts with was fitted or selected on \d+ of", done.stderr)
    parent = workbench.registry.load("next").metadata.parent
    assert str(parent) == "found@1"
    known = workbench.registry.find_fitted_users(workbench.registry.load("found"))
    assert workbench.registry.find_fitted_users(workbench.registry.load("next")).contains(known)


def test_reindex_does_not_lose_a_promotion(workbench: Workbench) -> None:
    journal = workbench.folder / "data/profiles/promotions.jsonl"
    content = journal.read_bytes()
    journal.unlink()
    workbench.call("profiles", "reindex", "--db", "data/market.db")
    assert "model found@1: " in workbench.call("run", "--resume").stderr
    journal.write_bytes(content)


def test_same_person_cannot_approve_a_request(workbench: Workbench) -> None:
    workbench.call("profiles", "save", "asked", "--model", "classic")
    workbench.call("profiles", "request", "asked", "--by", "Taro", *NOTE)
    approve = ("profiles", "approve", "asked", "--force", "a trial", "--yes")
    assert "Another person must approve it." in workbench.call(*approve, "--by", "taro", code=1).stderr
    workbench.call(*approve, "--by", "Hanako")
    workbench.call("profiles", "rollback")


def test_promotion_asks_on_a_terminal(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    workbench.call("profiles", "save", "asked-for", "--model", "classic")
    promote = ("profiles", "promote", "asked-for", *NOTE, "--force", "a trial")
    before = workbench.registry.find_promotion()
    refused = workbench.call(*promote, code=2)  # the standard input of the test is not a terminal
    assert "not a terminal" in refused.stderr
    assert "Evidence for asked-for@1" in refused.stdout
    monkeypatch.setattr("scoring.cli.commands.profiles._is_terminal", lambda: True)
    question = "Promote asked-for@1 for sqlite:///data/market.db? [y/N]"
    for answer in ("n\n", ""):  # no, and the end of the input
        declined = workbench.call(*promote, code=1, text=answer)
        assert question in declined.stdout
        assert "asked-for@1 is not promoted." in declined.stdout
        assert "error" not in declined.stderr
    assert workbench.registry.find_promotion() == before
    assert question in workbench.call(*promote, text="y\n").stdout
    decision = workbench.registry.find_promotion()
    assert decision is not None
    assert decision.name == "asked-for"
    workbench.call("profiles", "rollback", "--yes")
