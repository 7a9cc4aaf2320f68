"""`scoring evaluate`, `compare` and `tune` print what the library returns."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from scoring import Dataset, Prepared, load_model
from scoring.cli.app import app
from scoring.database.database import Database
from scoring.database.readers import load_tables
from scoring.evaluation import NDCG, Comparison, Evaluator, Scoreboard, by_time, split_users, waterfall
from scoring.tuning.registry import Registry

Call = Callable[..., Result]

WEIGHTS = """\
normalise: true
groups:
  base: {weight: 1, components: {fee: 0, wage: 1, popularity: 3, access: 0, freshness: 1}}
  match: {weight: 4, components: {location: 2, category: 2, conditions: 0}}
  personal: {weight: 2, components: {history: 1, clicks: 1, collaborative: 1}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a market of 400 users and 2,000 jobs and a file of weights. Tests must not change it."""
    folder = tmp_path_factory.mktemp("evaluation")
    market = ["--users", "400", "--jobs", "2000", "--actions", "40000", "--seed", "2"]
    assert CliRunner().invoke(app, ["init", "--db", str(folder / "market.db"), *market]).exit_code == 0
    (folder / "fit.yaml").write_text(WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def data(folder: Path) -> Dataset:
    with Database.open(folder / "market.db") as database:
        return Dataset(load_tables(database))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("factors")


@pytest.fixture
def scoring(folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that calls the command on the market, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(command: str, *arguments: object) -> Result:
        given = [command, *arguments]
        if command != "profiles":
            given += ["--db", folder / "market.db", "--factor-cache", cache]
        return CliRunner().invoke(app, [str(argument) for argument in given])

    call("profiles", "save", "fit", "--weights", folder / "fit.yaml")
    return call


def page(result: Result) -> str:
    """Return the output, after checking the exit code and that each line has at most 80 columns."""
    assert result.exit_code == 0, result.output + result.stderr
    return "\n".join(line.rstrip() for line in result.stdout.splitlines())


def row(text: str, name: str) -> list[str]:
    """Return the numbers of the first line that begins with this name."""
    line = next(line for line in text.splitlines() if line.strip().startswith(name))
    return re.findall(r"[-+]?[\d,]*\.?\d+", line.strip()[len(name) :])


def number(text: str) -> float:
    return float(text.replace(",", ""))


def rounded(value: float) -> object:
    """Return an object equal to the printed value: three decimals for values near 1, four digits for larger ones."""
    return pytest.approx(value, abs=0.000501, rel=0.0006 if abs(value) > 10 else 0)


# evaluate


def test_evaluate_prints_the_scoreboard(scoring: Call, data: Dataset, cache: Path) -> None:
    done = scoring("evaluate", "standard", "fit", "--days", 20)
    text = page(done)
    holdout = by_time(data, days=20)
    users = split_users(holdout.user_id).validation
    evaluator = Evaluator(holdout, users=users, factor_cache=cache)
    models = {"standard": load_model("standard"), "fit": Registry("data/profiles").load("fit").model}
    frame = Scoreboard.of(evaluator, models).frame().set_index(["model", "measure"])
    first, second = text.split("\nfit, compared with standard\n")
    for part, model in ((first, "standard"), (second, "fit")):
        for measure in ("NDCG@10", "HitRate@40", "mean fee@40", "concentration@40"):
            assert number(row(part, measure)[0]) == rounded(frame.loc[(model, measure), "mean"])
    assert number(row(second, "NDCG@10")[3]) == rounded(frame.loc[("fit", "NDCG@10"), "difference"])
    assert f"over {len(users):,} users" in text
    assert f"excluded: {next(iter(holdout.left_out.values())):,} × user not registered" in done.stderr
    assert f"{len(holdout.relevance):,} relevant jobs of {len(holdout.user_id):,} users" in done.stderr


def test_evaluate_by_slices_and_without_components_into_a_folder(scoring: Call, tmp_path: Path) -> None:
    done = scoring("evaluate", "standard", "fit", "--slices", "--ablation", "--out", "found", "--on", "train")
    text = page(done)
    assert "NDCG@10 of fit compared with standard, by slice" in text
    slices = pd.read_csv("found/slices.csv").query("metric == 'NDCG@10' and slice == 'newcomer'").iloc[0]
    shown = [number(text) for text in row(text, "newcomer")[:3]]
    assert shown == [slices["n"], rounded(slices["mean_a"]), rounded(slices["mean_b"])]
    ablation = pd.read_csv("found/ablation.csv")
    lost = text.split("Ablation of fit")[1]
    assert number(row(lost, ablation["component"][0])[1]) == rounded(ablation["without_it"][0])
    assert {path.name for path in (tmp_path / "found").iterdir()} == {
        "scoreboard.csv", "scoreboard.png", "slices.csv", "ablation.csv", "ablation.png",
    }  # fmt: skip
    assert len(pd.read_csv("found/scoreboard.csv")) == 2 * 11


def test_every_look_at_test_is_logged(scoring: Call) -> None:
    assert "look" not in scoring("evaluate", "standard").stderr
    assert page(scoring("profiles", "looks")) == "data/profiles contains no evaluations on test users."
    assert "warning" not in scoring("evaluate", "standard", "fit", "--on", "test").stderr
    again = scoring("evaluate", "fit", "--on", "test")
    assert "warning: these users have been evaluated 2 times before" in again.stderr
    looks = Registry("data/profiles").test_accesses()
    assert looks["look"].tolist() == [1, 2, 3]
    measured = row(page(again), "NDCG@10")[0]
    assert rounded(looks["NDCG@10"].iloc[2]) == number(measured)
    listed = page(scoring("profiles", "looks"))
    assert len(listed.splitlines()) >= 4
    assert looks["digest"].iloc[0][:8] in listed


@pytest.mark.parametrize(
    ("options", "users"),
    [
        (("--holdout", "last"), "the last job of each user"),
        (("--holdout", "last", "--held", 2, "--counts", "application", "--counts", "click=0.1"), "the last 2 jobs"),
        (("--holdout", "newcomers", "--window-days", 7), "newcomers"),
    ],
)
def test_other_holdouts(scoring: Call, options: tuple, users: str) -> None:
    done = scoring("evaluate", *options, "--on", "all")
    assert users in done.stderr
    assert 0 < float(row(page(done), "Recall@40")[0]) < 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("evaluate", "standard", "standard"), 1, "Duplicate model standard"),
        (("evaluate", "unheard"), 1, "unheard"),
        (("evaluate", "--counts", "application=much"), 2, "KIND=GAIN"),
        (("evaluate", "--counts", "sleep"), 1, "no actions of kind 'sleep'"),
        (("evaluate", "--holdout", "last", "--cut", "2025-01-01"), 2, "--cut requires --holdout time"),
        (("evaluate", "--cut", "2035-01-01"), 1, "2035"),
        (("compare", "standard", "."), 1, "'.'"),
        (("compare", "standard", "fit", "--job", 3), 2, "--job requires --user"),
        (("compare", "standard", "fit", "--user", 999_999), 1, "user 999999 does not exist"),
        (("tune", "--lock", "luck"), 1, "no component 'luck'"),
        (("tune", "--goal", "income@3"), 1, "'income@3' is not a goal"),
        (("tune", "--floor", "NDCG@10:tenure:old"), 1, "tenure has no slice 'old'"),
        (("tune", "--parameter", "freshness.half_life_days"), 1, "COMPONENT.FIELD=LOW..HIGH"),
        (("tune", "--save", "../up", "--trials", 1), 1, "up"),
    ],
)
def test_what_cannot_be_is_one_sentence(scoring: Call, arguments: tuple, code: int, said: str) -> None:
    done = scoring(*arguments)
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert said in errors[0]
    assert done.stderr.splitlines()[-1] == errors[0]


# compare


def test_compare_two_models(scoring: Call, data: Dataset, cache: Path) -> None:
    user, k = 7, 10
    before = Prepared.of(data, load_model("standard"))
    after = before.with_model(Registry("data/profiles").load("fit").model)
    found = Comparison.of(before, after, k)
    moves = found.movements(user)
    job = int(moves.loc[moves["label"] == "new", "job_id"].iloc[0])
    options = ("--user", user, "--job", job, "--top-k", k, "--by", "occupation", "--out", "cmp")
    text = page(scoring("compare", "standard", "fit", *options))
    assert "From standard to fit@1" in text
    assert f"jobs in both lists, mean              {found.mean_overlap:.1%}" in text
    assert f"{found.mean_rbo:.3f}" in text
    ours = text.split("List of user 7")[1].split("Change of the total of job")[0]
    listed = re.findall(r"^ *\(?(\d+)\)? +(\d+) +(\S+)", ours, re.MULTILINE)
    assert [int(job_id) for _, job_id, _ in listed] == moves["job_id"].tolist()
    assert [label for _, _, label in listed] == moves["label"].tolist()
    why = waterfall(before, after, user, job)
    assert (
        row(text.split(f"Change of the total of job {job}")[1], "total")[-1]
        == f"{why.total_after - why.total_before:+.2f}"
    )
    assert sorted(path.name for path in Path("cmp").iterdir()) == [
        "comparison.png", "exposure.csv", "movements.csv", "users.csv",
    ]  # fmt: skip
    assert pd.read_csv("cmp/users.csv")["overlap"].mean() == pytest.approx(found.mean_overlap)


def test_compare_two_runs(scoring: Call, data: Dataset) -> None:
    for options in ((), ("--profile", "fit", "--users", 50)):
        assert scoring("run", "--no-database", "--out", "runs", "--top-k", 12, *options).exit_code == 0
    first, second = sorted(path for path in Path("runs").iterdir() if path.name != "latest")
    done = scoring("compare", first, second, "--top-k", 12)
    text = page(done)
    assert re.search(r"excluded: [1-9]\d* × user in only one of the runs", done.stderr)
    before = Prepared.of(data, load_model("standard"))
    users = before.plan.user_id[before.active_users[:50]]
    assert "is a run. Give two runs or two models." in scoring("compare", first, "fit").stderr
    found = Comparison.of(before, before.with_model(Registry("data/profiles").load("fit").model), 12, users)
    assert row(text, "users")[0] == "50"
    assert f"jobs in both lists, mean              {found.mean_overlap:.1%}" in text
    assert f"rank-biased overlap (p = 0.9), mean   {found.mean_rbo:.3f}" in text


def test_a_model_beside_itself_changes_nothing(scoring: Call, folder: Path) -> None:
    text = page(scoring("compare", "fit", "fit@1"))
    assert "Weights, parameters and rules are equal." in text
    assert row(text, "users whose list changed") == ["0.0"]
    assert "The numbers of list places by company are equal." in text


# tune


def test_tune_reports_saves_and_goes_on(scoring: Call) -> None:
    options = ("--trials", 12, "--random-trials", 6, "--save", "found", "--out", "tuned")
    done = scoring("tune", *options)
    text = page(done)
    saved = Registry("data/profiles").load("found")
    assert saved.metadata.parent is not None
    assert saved.metadata.parent.name == "standard"
    frame = pd.read_csv("tuned/test.csv").set_index(["model", "measure"])
    shown = row(text.split("Test: ")[1], "search")[0]
    assert number(shown) == rounded(frame.loc[("search", "NDCG@10"), "mean"])
    assert saved.metadata.metrics["test"]["NDCG@10"].value == frame.loc[("search", "NDCG@10"), "mean"]
    trials = pd.read_csv("tuned/trials.csv")
    assert trials.groupby("study").size().to_dict() == {"random search": 6, "search": 12}
    assert len(Registry("data/profiles").test_accesses()) == 4
    journal = next(Path("data/searches").iterdir())
    again = scoring("tune", "--trials", 14, "--random-trials", 6, "--no-test", "--out", "more")
    assert "Test: " not in page(again)
    more = pd.read_csv("more/trials.csv")
    pd.testing.assert_frame_equal(more[more["trial"] < 12].reset_index(drop=True), trials)
    assert len(more) == 20
    assert list(Path("data/searches").iterdir()) == [journal]
    model = Registry("data/profiles").load("found").model
    assert model.flat_weights.sum() == pytest.approx(1)


def test_tune_of_several_goals_with_floors_locks_and_parameters(scoring: Call) -> None:
    goals = ("--goal", NDCG(10).name, "--goal", "mean fee@40", "--minimise", "concentration@40")
    limits = ("--floor", "HitRate@40:tenure:regular=0.5", "--lock", "location")
    searched = ("--parameter", "freshness.half_life_days=2..40,log")
    text = page(scoring("tune", *goals, *limits, *searched, "--trials", 15, "--no-test", "--out", "tuned"))
    assert "Pareto front of the goals" in text
    frame = pd.read_csv("tuned/weights.csv").set_index("component")
    assert frame.loc["location"].tolist() == pytest.approx([0.12] * 4)
    assert frame.loc["freshness.half_life_days", "baseline"] == 14
    front = pd.read_csv("tuned/front.csv")
    assert {"NDCG@10", "mean fee@40", "concentration@40"} <= set(front)
    board = pd.read_csv("tuned/validation.csv").set_index(["model", "measure"])["mean"]
    for better, worse, measure in (("search", "baseline", "mean fee@40"), ("baseline", "search", "concentration@40")):
        assert board[(better, measure)] >= board[(worse, measure)]


def test_processes_share_the_trials_of_a_search(scoring: Call) -> None:
    done = scoring("tune", "--trials", 40, "--random-trials", 20, "--processes", 3, "--no-test", "--out", "tuned")
    page(done)
    assert "warning" not in done.stderr
    trials = pd.read_csv("tuned/trials.csv")
    weights = [part.name for part in load_model("standard").parts]
    for study, asked in (("random search", 20), ("search", 40)):
        tried = trials[trials["study"] == study]
        assert asked <= len(tried) <= asked + 2  # each process ends the trial that it has begun
        assert not tried[weights].round(12).duplicated().any()
