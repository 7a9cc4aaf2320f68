"""`scoring tune` prints, saves and resumes searches."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from scoring import Dataset, load_model
from scoring.evaluation import NDCG, Evaluator, MeanFee, by_time, split_users
from scoring.registry import Registry
from scoring.registry.evaluation_log import DeclaredLimit
from scoring.tuning import ListGoal, MetricGoal
from tests.cli.command import (
    Call,
    error_line,
    number,
    page,
    require_one_error,
    requires_mlflow,
    rounded,
    row,
)


def test_tune_reports_saves_and_resumes(action_command: Call) -> None:
    options = ("--trials", 8, "--random-trials", 4, "--save", "found", "--out", "tuned")
    done = action_command("tune", *options)
    text = page(done)
    saved = Registry("data/profiles").load("found")
    assert saved.metadata.parent is not None
    assert saved.metadata.parent.name == "standard"
    frame = pd.read_csv("tuned/test.csv").set_index(["model", "measure"])
    shown = row(text.split("Test: ")[1], "search")[0]
    assert number(shown) == rounded(frame.loc[("search", "NDCG@10"), "mean"])
    assert saved.metadata.metrics["test"]["NDCG@10"].value == frame.loc[("search", "NDCG@10"), "mean"]
    trials = pd.read_csv("tuned/trials.csv")
    assert trials.groupby("study").size().to_dict() == {"random search": 4, "search": 8}
    assert len(Registry("data/profiles").list_test_accesses()) == 4
    stored = sorted(Path("data/searches").iterdir())
    assert [path.suffix for path in stored] == [".journal", ".json"]
    again = action_command("tune", "--trials", 10, "--random-trials", 4, "--no-test", "--out", "more")
    assert "Test: " not in page(again)
    more = pd.read_csv("more/trials.csv")
    pd.testing.assert_frame_equal(more[more["trial"] < 8].reset_index(drop=True), trials)
    assert len(more) == 14
    assert sorted(Path("data/searches").iterdir()) == stored
    model = Registry("data/profiles").load("found").model
    assert model.flat_weights.sum() == pytest.approx(1)


def test_tune_with_goals_floors_locks_and_parameters(action_command: Call) -> None:
    goals = ("--goal", NDCG(10).name, "--goal", "mean fee@40", "--minimise", "concentration@40")
    limits = ("--floor", "HitRate@40:tenure:regular=0.5", "--lock", "location")
    searched = ("--parameter", "freshness.half_life_days=2..40,log")
    text = page(action_command("tune", *goals, *limits, *searched, "--trials", 15, "--no-test", "--out", "tuned"))
    assert "Pareto front of the goals" in text
    frame = pd.read_csv("tuned/weights.csv").set_index("component")
    assert frame.loc["location"].tolist() == pytest.approx([0.12] * 4)
    assert frame.loc["freshness.half_life_days", "baseline"] == 14
    front = pd.read_csv("tuned/front.csv")
    assert {"NDCG@10", "mean fee@40", "concentration@40"} <= set(front)
    board = pd.read_csv("tuned/validation.csv").set_index(["model", "measure"])["mean"]
    for better, worse, measure in (("search", "baseline", "mean fee@40"), ("baseline", "search", "concentration@40")):
        assert board[(better, measure)] >= board[(worse, measure)]


def test_pick_chooses_from_the_front_and_a_trial_is_saved(
    action_command: Call, action_data: Dataset, factor_cache: Path
) -> None:
    goals = ("--goal", "NDCG@10", "--goal", "mean fee@40", "--trials", 16, "--random-trials", 1, "--no-test")
    done = action_command("tune", *goals, "--pick", "mean fee@40 >= 105%", "--save", "picked", "--out", "out")
    assert "result" in page(done).split("Validation:")[0]
    validation = pd.read_csv("out/validation.csv").set_index(["model", "measure"])["mean"]
    assert validation["search", "mean fee@40"] >= 1.05 * validation["baseline", "mean fee@40"]
    front, trials = pd.read_csv("out/front.csv"), pd.read_csv("out/trials.csv").query("study == 'search'")
    registry, parts = Registry("data/profiles"), load_model("standard").parts
    winner = registry.load("picked").model
    assert winner.digest != load_model("standard").digest
    # every trial of the front that satisfies the condition has a lower or equal value of the first goal
    holdout = by_time(action_data, days=14)
    users = split_users(holdout.user_id).validation
    evaluator = Evaluator(holdout, users=users, factor_cache=factor_cache)
    fee = ListGoal(MeanFee(40))
    least = 1.05 * fee.of(evaluator, evaluator.evaluate(load_model("standard")))
    best = MetricGoal(NDCG(10)).of(evaluator, evaluator.evaluate(winner))
    for trial in front.to_dict("records"):
        model = load_model("standard").with_weights({part.name: trial[part.name] for part in parts})
        evaluation = evaluator.evaluate(model)
        if fee.of(evaluator, evaluation) >= least * (1 + 1e-9):
            assert MetricGoal(NDCG(10)).of(evaluator, evaluation) <= best + 1e-9

    (journal,) = Path("data/searches").glob("*.journal")
    number = int(front["trial"].iloc[0])
    saved = action_command("profiles", "save", "other", "--trial", f"{journal.stem[:5]}:{number}")
    assert saved.exit_code == 0, saved.output
    profile = registry.load("other")
    expected = trials.set_index("trial").loc[number, [part.name for part in parts]].to_numpy(float)
    assert profile.model.flat_weights == pytest.approx(expected)
    assert profile.metadata.parent is not None
    assert profile.metadata.parent.digest == load_model("standard").digest
    assert profile.metadata.note.startswith(f"trial {number} of {journal.name} (NDCG@10 ")
    for reference, message in (
        ("none:1", "Use one of: "),
        (f"{journal}:999", "no finished trial 999"),
        (str(journal), "SEARCH:NUMBER"),
    ):
        assert message in error_line(action_command("profiles", "save", "other", "--trial", reference), 1)
    failed = action_command("tune", *goals, "--pick", "mean fee@40 >= 1000000")
    assert failed.exit_code == 1
    assert "The nearest is trial" in failed.stderr

    tested = action_command("tune", *goals[:-1], "--pick", "mean fee@40 >= 50%", "--save", "tested")
    assert tested.exit_code == 0, tested.output
    evidence = registry.collect_evidence("tested")
    assert evidence.access is not None
    limits = [DeclaredLimit(measure="mean fee@40", text="mean fee@40 >= 50%", is_kept=True)]
    assert list(evidence.access.limits or ()) == limits
    assert not [text for text in evidence.objections if "mean fee@40" in text]


@pytest.mark.parametrize(
    ("processes", "n_random", "n_trials"), [(2, 5, 10), pytest.param(3, 20, 40, marks=pytest.mark.long)]
)
def test_processes_share_the_trials_of_a_search(
    action_command: Call, processes: int, n_random: int, n_trials: int
) -> None:
    asked = ("--trials", n_trials, "--random-trials", n_random, "--processes", processes)
    done = action_command("tune", *asked, "--no-test", "--out", "tuned")
    page(done)
    assert "warning" not in done.stderr
    trials = pd.read_csv("tuned/trials.csv")
    weights = [part.name for part in load_model("standard").parts]
    for study, n_asked in (("random search", n_random), ("search", n_trials)):
        tried = trials[trials["study"] == study]
        assert n_asked <= len(tried) < n_asked + processes  # each process ends the trial that it has started
        assert not tried[weights].round(12).duplicated().any()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("tune", "--lock", "luck"), 1, "no component 'luck'"),
        (("tune", "--goal", "income@3"), 1, "'income@3' is not a goal"),
        (("tune", "--floor", "NDCG@10:tenure:old"), 1, "the slicing tenure has no slice 'old'"),
        (("tune", "--pick", "mean fee@40 > 3"), 1, "is not a condition"),
        (("tune", "--goal", "NDCG@99"), 1, "Use --top-k 99"),
        (("tune", "--parameter", "freshness.half_life_days"), 1, "COMPONENT.FIELD=LOW..HIGH"),
        (("tune", "--save", "../up", "--trials", 1), 1, "up"),
        (("tune", "--out", "/proc/none"), 1, "/proc/none"),
        (("tune", "--floor", "NDCG@10:tenur:new"), 1, "Did you mean tenure?"),
        (("tune", "--holdout", "last", "--cut", "2025-01-01"), 2, "--cut requires"),
        (("tune", "--days", "inf"), 2, "--days"),
        (("evaluate", "--days", "nan"), 2, "--days"),
        (("panel", "--days", "inf"), 2, "--days"),
        (("tune", "--window-days", "inf"), 2, "--window-days"),
        (("tune", "--goal", "NDCG@10", "--goal", "ndcg@10"), 1, "Duplicate goal NDCG@10"),
        (("tune", "--parameter", "freshness.half_live=1..3"), 1, "Did you mean half_life_days?"),
        (("tune", "--profile", "standard"), 1, "standard is a shipped model"),
        (("evaluate", "standrad"), 1, "Did you mean standard?"),
        (("evaluate", "standrad.yaml"), 1, "model standrad.yaml: No such file"),
        (("evaluate", "standard", "--on", "tset"), 2, "'tset' is not one of"),
    ],
)
def test_invalid_search_is_one_line(action_command: Call, arguments: tuple, code: int, message: str) -> None:
    done = action_command(*arguments)
    require_one_error(done, code, message)
    is_slice_of_data = "no slice" in message
    assert ("loading" in done.stderr) == is_slice_of_data


@requires_mlflow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow uses names that SQLAlchemy deprecates
def test_mlflow_run_contains_both_splits_and_the_model(action_command: Call, tmp_path: Path) -> None:
    options = ("--trials", 3, "--random-trials", 1, "--save", "found", "--mlflow", "runs")
    assert page(action_command("tune", *options))
    from mlflow import MlflowClient  # the command sets it up

    client = MlflowClient(f"sqlite:///{tmp_path}/runs/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("scoring").experiment_id])
    folder = Path(client.download_artifacts(run.info.run_id, ""))
    tables, plots = ("notes", "test", "trials", "validation", "weights"), ("search", "test", "validation")
    files = {*(f"{name}.csv" for name in tables), *(f"{name}.png" for name in plots), "model.yaml"}
    assert {path.name for path in folder.iterdir()} == files
    for split in ("validation", "test"):
        frame = pd.read_csv(folder / f"{split}.csv").set_index(["model", "measure"])
        value = frame.loc[("search", "NDCG@10"), "difference"]
        assert run.data.metrics[f"{split}/NDCG_10.search.difference"] == value
        assert f"{split}/coverage_40.random_search.mean" in run.data.metrics
    winner = Registry("data/profiles").load("found").model
    assert run.data.params["digest.search"] == winner.digest
    assert (run.data.params["trials"], run.data.params["random_trials"]) == ("3", "1")
    assert (run.data.tags["goals"], run.data.tags["look"]) == ("NDCG@10", "1")
    assert run.data.tags["profile"] == "found@1"
    assert load_model(str(folder / "model.yaml")).digest == winner.digest
