"""`scoring evaluate` prints what the library returns."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import scoring
from scoring import Dataset, load_model
from scoring.cli.app import app
from scoring.errors import pluralize
from scoring.evaluation import Backtest, Evaluator, Scoreboard, by_time, split_users
from scoring.registry import Registry
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


def test_evaluate_prints_the_scoreboard(action_command: Call, action_data: Dataset, factor_cache: Path) -> None:
    done = action_command("evaluate", "standard", "fit", "--days", 20)
    text = page(done)
    holdout = by_time(action_data, days=20)
    users = split_users(holdout.user_id).validation
    evaluator = Evaluator(holdout, users=users, factor_cache=factor_cache)
    models = {"standard": load_model("standard"), "fit": Registry("data/profiles").load("fit").model}
    frame = Scoreboard.of(evaluator, models).frame().set_index(["model", "measure"])
    first, second = text.split("\nfit, compared with standard\n")
    for part, model in ((first, "standard"), (second, "fit")):
        for measure in ("NDCG@10", "HitRate@40", "mean fee@40", "concentration@40"):
            assert number(row(part, measure)[0]) == rounded(frame.loc[(model, measure), "mean"])
    assert number(row(second, "NDCG@10")[1]) == rounded(frame.loc[("fit", "NDCG@10"), "difference"])
    assert f"over {len(users):,} users" in text
    assert (
        f"excluded: {pluralize(next(iter(holdout.left_out.values())), 'pair')} of user and job (user not registered"
        in done.stderr
    )
    assert f"{len(holdout.relevance):,} relevant jobs of {len(holdout.user_id):,} users" in done.stderr
    ((rule, pairs),) = evaluator.count_unreachable(models["fit"]).items()
    assert done.stderr.count(f"{pluralize(pairs, 'relevant job')} cannot be in the lists of standard, fit: {rule}") == 1


def test_evaluate_writes_slices_and_ablation(action_command: Call, tmp_path: Path) -> None:
    done = action_command("evaluate", "standard", "fit", "--slices", "--ablation", "--out", "found", "--on", "train")
    text = page(done)
    assert "NDCG@10 of fit compared with standard, by slice" in text
    slices = pd.read_csv("found/slices.csv").query("metric == 'NDCG@10' and slice == 'newcomer'").iloc[0]
    shown = [number(text) for text in row(text, "newcomer")[:3]]
    assert shown == [slices["n"], rounded(slices["mean_a"]), rounded(slices["mean_b"])]
    ablation = pd.read_csv("found/ablation.csv")
    lost = text.split("Ablation of fit")[1]
    assert number(row(lost, ablation["component"][0])[1]) == rounded(ablation["without_it"][0])
    assert {path.name for path in (tmp_path / "found").iterdir()} == {
        "notes.csv", "scoreboard.csv", "scoreboard.png", "slices.csv", "ablation.csv", "ablation.png",
        "evaluation.json",
    }  # fmt: skip
    assert len(pd.read_csv("found/scoreboard.csv")) == 2 * 14


def test_evaluate_slices_by_columns_of_the_database(
    action_command: Call, action_folder: Path, tmp_path: Path, factor_cache: Path
) -> None:
    """A column that the package does not use otherwise, and one that it does use, by an alias."""
    database = tmp_path / "own.db"
    with sqlite3.connect(action_folder / "market.db") as source, sqlite3.connect(database) as target:
        source.backup(target)
        target.execute("ALTER TABLE users ADD COLUMN segment TEXT")
        target.execute("UPDATE users SET segment = CASE user_id % 2 WHEN 0 THEN 'gold' END")
    source.close()
    target.close()
    options = ("--db", database, "--factor-cache", factor_cache, "--on", "all")
    by = ("--slices-by", "segment", "--slices-by", "pref_cd", "--out", "out")
    done = CliRunner().invoke(app, [str(part) for part in ("evaluate", "standard", "fit", *options, *by)])
    assert done.exit_code == 0, done.output
    slices = pd.read_csv("out/slices.csv")
    assert slices["slicing"].unique().tolist() == ["segment", "prefecture_code"]
    assert slices.loc[slices["slicing"] == "segment", "slice"].unique().tolist() == ["gold", "unknown"]
    assert "  東京都 (13)" in done.stdout
    wrong = CliRunner().invoke(
        app, [str(part) for part in ("compare", "standard", "fit", *options[:4], "--slices-by", "segments")]
    )
    assert wrong.exit_code == 1
    assert "Did you mean segment?" in error_line(wrong, 1)
    for column in ("external_id", "user_id"):
        arguments = ("evaluate", "standard", "fit", *options[:4], "--slices-by", column)
        identifying = CliRunner().invoke(app, [str(part) for part in arguments])
        assert f"'{column}' identifies users" in error_line(identifying, 1)


def test_evaluations_on_test_users_are_logged(action_command: Call) -> None:
    assert "look" not in action_command("evaluate", "standard").stderr
    assert page(action_command("profiles", "looks")) == "data/profiles contains no evaluations on test users."
    assert "warning" not in action_command("evaluate", "standard", "fit", "--on", "test").stderr
    again = action_command("evaluate", "fit", "--on", "test")
    assert "warning: these users have been evaluated 1 time before" in again.stderr
    looks = Registry("data/profiles").list_test_accesses()
    assert looks["look"].tolist() == [1, 1, 2]  # a command is one look
    measured = row(page(again), "NDCG@10")[0]
    assert rounded(looks["NDCG@10"].iloc[2]) == number(measured)
    listed = page(action_command("profiles", "looks"))
    assert len(listed.splitlines()) >= 4
    assert "fit@1" in listed


def test_declared_goal_is_one_test(action_command: Call) -> None:
    done = action_command(
        "evaluate", "standard", "fit", "--goal", "recall@50", "--goal", "mean fee@40", "--out", "found"
    )
    frame = pd.read_csv("found/scoreboard.csv").set_index(["model", "measure"])
    declared = frame[frame["declared"]]
    assert declared.index.tolist() == [("fit", "Recall@50"), ("fit", "mean fee@40")]
    assert (declared["n_tests"] == 2).all()
    assert (frame.loc[frame["p"].notna() & ~frame["declared"], "n_tests"] == 13).all()
    assert "Holm's correction over 2 goals" in page(done)
    assert number(row(page(done), "Recall@50")[0]) == rounded(frame.loc[("standard", "Recall@50"), "mean"])


@pytest.mark.parametrize(
    ("options", "users"),
    [
        (("--holdout", "last"), "the last job of each user"),
        (("--holdout", "last", "--held", 2, "--counts", "application", "--counts", "click=0.1"), "the last 2 jobs"),
        (("--holdout", "newcomers", "--window-days", 7), "newcomers"),
    ],
)
def test_evaluate_with_other_holdouts(action_command: Call, options: tuple, users: str) -> None:
    done = action_command("evaluate", *options, "--on", "all")
    assert users in done.stderr
    assert 0 < float(row(page(done), "Recall@40")[0]) < 1


def test_written_lists_are_evaluated_like_their_model(action_command: Call, tmp_path: Path) -> None:
    action_command("evaluate", "standard", "fit", "--lists-out", "written")
    assert {path.name for path in (tmp_path / "written").iterdir()} == {
        "qrels.txt", "qrels.json", "standard.run", "standard.json", "fit.run", "fit.json",
    }  # fmt: skip
    done = action_command(
        "evaluate", "standard", "--lists", "written/fit.run", "--lists", "old=written/standard.json", "--slices"
    )
    first, fit, old = page(done).split(", compared with standard\n")[:3]
    assert row(first, "NDCG@10")[0] == row(old, "NDCG@10")[0]
    assert number(row(old, "NDCG@10")[1]) == 0 != number(row(fit, "NDCG@10")[1])
    assert "NDCG@10 of old compared with standard, by slice" in page(done)
    assert "note: The time of old is unknown" in done.stderr
    action_command("evaluate", "standard", "--lists", "written/fit.run", "--on", "test")
    assert Registry("data/profiles").list_test_accesses()["digest"].tolist() == [load_model("standard").digest]


def test_backtest_prints_what_the_library_returns(
    action_command: Call, action_data: Dataset, factor_cache: Path, tmp_path: Path
) -> None:
    done = action_command(
        "evaluate", "standard", "fit", "--cuts", 3, "--every", "1w", "--days", 20, "--on", "test", "--out", "found",
        "--goal", "NDCG@10",
    )  # fmt: skip
    text = page(done)
    models = {"standard": load_model("standard"), "fit": Registry("data/profiles").load("fit").model}
    users = split_users(action_data.users.user_id).test
    options: dict[str, Any] = {"cuts": 3, "every": 7, "days": 20, "users": users, "goals": ["NDCG@10"]}
    expected = Backtest.of(action_data, models, **options, factor_cache=factor_cache)
    pooled = expected.pooled().set_index(["model", "measure"])
    over = text.split("fit, compared with standard, over 3 cuts\n")[1]
    assert number(row(over, "NDCG@10")[0]) == rounded(pooled.loc[("fit", "NDCG@10"), "mean"])
    assert number(row(over, "NDCG@10")[1]) == rounded(pooled.loc[("fit", "NDCG@10"), "difference"])
    assert expected.conclude()[0] in " ".join(text.split())
    for cut in expected.cuts:
        assert f"{cut.name}: " in done.stderr
    assert "overlap" in done.stderr
    assert {path.name for path in (tmp_path / "found").iterdir()} == {
        "backtest.csv", "backtest_cuts.csv", "backtest.png", "evaluation.json",
    }  # fmt: skip
    registry = Registry("data/profiles")
    assert registry.list_test_accesses()["look"].tolist() == [1, 1]  # one look, not one per cut
    evidence = registry.collect_evidence("fit")
    assert (evidence.goals, evidence.n_looks) == (("NDCG@10",), 1)
    stored = evidence.frame().set_index("measure").loc["NDCG@10", ["value", "difference", "low", "high"]]
    wanted = pooled.loc[("fit", "NDCG@10"), ["mean", "difference", "difference_low", "difference_high"]]
    assert stored.tolist() == wanted.tolist()
    assert action_command("report", "found", "--html", "found.html").exit_code == 0
    assert "The test was repeated for 3 periods." in Path("found.html").read_text("utf-8")
    again = action_command("evaluate", "fit", "--cuts", 2, "--every", "7d", "--days", 20, "--on", "test")
    assert "have been evaluated 1 time before" in again.stderr


def test_cut_without_relevant_jobs_is_one_line(action_command: Call) -> None:
    done = action_command("evaluate", "--cuts", 2, "--every", "300w", "--on", "all")
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert "is left out. 14 days from" in warnings[0]
    assert "over 1 cut" in page(done)


def test_published_run_is_evaluated_after_its_clock(action_command: Call, action_data: Dataset) -> None:
    cut = action_data.as_of - pd.Timedelta(days=20)
    action_command("run", "--no-database", "--as-of", cut.isoformat())
    done = action_command("evaluate", "standard", "--days", 20, "--on", "all", "--lists", "data/runs/latest")
    first, latest = page(done).split("latest, compared with standard\n")
    assert number(row(first, "NDCG@10")[0]) >= number(row(latest, "NDCG@10")[0]) > 0
    assert "The time of" not in done.stderr
    late = action_command(
        "evaluate", "standard", "--days", 20, "--on", "all", "--lists", "data/runs/latest", "--lists-at",
        action_data.as_of.isoformat(),
    )  # fmt: skip
    assert late.exit_code == 1
    assert "× no action after" in late.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("evaluate", "standard", "--slices"), 2, "--slices requires two models"),
        (("evaluate", "standard", "standard"), 1, "Duplicate model standard"),
        (("evaluate", "unheard"), 1, "unheard"),
        (("evaluate", "--goal", "NDCG@10"), 2, "--goal requires a second model"),
        (("evaluate", "standard", "fit", "--goal", "fee"), 1, "'fee' does not end with @"),
        (("evaluate", "--counts", "application=much"), 2, "KIND=GAIN"),
        (("evaluate", "--counts", "sleep"), 1, "'sleep' is not a kind of action"),
        (("evaluate", "--holdout", "last", "--cut", "2025-01-01"), 2, "--cut requires --holdout time"),
        (("evaluate", "--cut", "2035-01-01"), 1, "2035"),
        (("evaluate", "--cuts", "2", "--cut", "2035-01-01"), 1, "None of 2 cuts has a relevant job"),
        (("evaluate", "--cuts", "2", "--every", "often"), 2, "--every often"),
        (("evaluate", "--cuts", "2", "--every", "0d"), 2, "--every 0d"),
        (("evaluate", "--every", "14d"), 2, "--every requires --cuts"),
        (("evaluate", "--cuts", "2", "--holdout", "last"), 2, "--cuts requires --holdout time"),
        (("evaluate", "--cuts", "2", "--ablation"), 2, "--ablation works with one holdout only"),
        (
            ("evaluate", "standard", "fit", "--cuts", "2", "--goal", "coverage@40"),
            2,
            "--goal coverage@40: no test over several cuts",
        ),
        (("evaluate", "--lists", "none.csv"), 1, "none.csv does not exist"),
        (("evaluate", "--lists", "data"), 1, "data does not contain a published run"),
        (("evaluate", "--lists", "standard=data"), 1, "duplicate name standard"),
        (("evaluate", "--lists-at", "2025-01-01"), 2, "--lists-at requires --lists"),
        (("evaluate", "--lists", "a.csv", "--lists-at", "soon"), 1, "--lists-at"),
    ],
)
def test_invalid_evaluation_is_one_line(action_command: Call, arguments: tuple, code: int, message: str) -> None:
    done = action_command(*arguments)
    require_one_error(done, code, message)


@requires_mlflow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow uses names that SQLAlchemy deprecates
def test_mlflow_run_contains_the_scoreboard(action_command: Call, action_data: Dataset, tmp_path: Path) -> None:
    done = action_command("evaluate", "standard", "fit", "--on", "test", "--goal", "NDCG@10", "--mlflow", "runs")
    text = page(done)
    from mlflow import MlflowClient  # the command sets it up

    client = MlflowClient(f"sqlite:///{tmp_path}/runs/mlflow.db")
    experiment = client.get_experiment_by_name("scoring")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "evaluate standard fit")
    assert run.info.run_id in done.stderr
    assert "INFO" not in done.stderr
    folder = Path(client.download_artifacts(run.info.run_id, ""))
    assert {path.name for path in folder.iterdir()} == {"notes.csv", "scoreboard.csv", "scoreboard.png"}
    frame = pd.read_csv(folder / "scoreboard.csv").set_index(["model", "measure"])
    assert len(run.data.metrics) == len(frame) + int(frame["difference"].notna().sum())
    assert run.data.metrics["test/NDCG_10.fit.difference"] == frame.loc[("fit", "NDCG@10"), "difference"]
    assert rounded(run.data.metrics["test/NDCG_10.standard.mean"]) == number(row(text, "NDCG@10")[0])
    assert run.data.metrics["test/mean_fee_40.standard.mean"] == frame.loc[("standard", "mean fee@40"), "mean"]
    holdout = by_time(action_data, days=14)
    users = split_users(holdout.user_id).test
    assert run.data.params == {
        "models": "standard, fit",
        "digest.standard": load_model("standard").digest,
        "digest.fit": Registry("data/profiles").load("fit").model.digest,
        "holdout": holdout.name,
        "split": "test",
        "users": str(len(users)),
        "seed": "0",
        "top_k": "40",
        "level": "0.95",
        "goals": "NDCG@10",
    }
    look = Registry("data/profiles").list_test_accesses().iloc[0]
    assert {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")} == {
        "command": "evaluate",
        "code_version": scoring.__version__,
        "data_fingerprint": holdout.data.fingerprint,
        "holdout_digest": look["holdout"],
        "goals": "NDCG@10",
        "look": "1",
    }


@requires_mlflow
def test_unreachable_mlflow_server_does_not_lose_the_result(
    action_command: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = action_command("evaluate", "standard", "--mlflow", f"http://taro:s3cret@127.0.0.1:{port}")
    assert done.exit_code == 1
    assert "NDCG@10" in done.stdout
    assert "s3cret" not in done.output
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        f"error: --mlflow http://taro:***@127.0.0.1:{port}: the run is not logged. Connection refused."
    )
    assert done.stderr.startswith("warning: --mlflow ")
