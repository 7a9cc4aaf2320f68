"""`scoring compare` prints what the library returns."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from scoring import Dataset, Prepared, load_model
from scoring.evaluation import Comparison, waterfall
from scoring.registry import Registry
from tests.cli.command import (
    Call,
    number,
    page,
    require_one_error,
    rounded,
    row,
)


def test_compare_prints_differences_of_two_models(
    action_command: Call, action_data: Dataset, factor_cache: Path
) -> None:
    user, k = 7, 10
    before = Prepared.of(action_data, load_model("standard"))
    after = before.with_model(Registry("data/profiles").load("fit").model)
    found = Comparison.of(before, after, k)
    moves = found.movements(user)
    job = int(moves.loc[moves["label"] == "new", "job_id"].iloc[0])
    options = ("--user", user, "--job", job, "--top-k", k, "--by", "occupation", "--out", "cmp")
    text = page(action_command("compare", "standard", "fit", *options))
    assert "From standard to fit@1" in text
    assert f"jobs in both lists, mean              {found.mean_overlap:.1%}" in text
    assert f"{found.mean_rbo:.3f}" in text
    section = text.split("List of user 7")[1].split("Change of the total of job")[0]
    listed = re.findall(r"^ *\(?(\d+)\)? +(\d+) +(\S+)", section, re.MULTILINE)
    assert [int(job_id) for _, job_id, _ in listed] == moves["job_id"].tolist()
    assert [label for _, _, label in listed] == moves["label"].tolist()
    why = waterfall(before, after, user, job)
    assert (
        row(text.split(f"Change of the total of job {job}")[1], "total")[-1]
        == f"{why.total_after - why.total_before:+.2f}"
    )
    assert sorted(path.name for path in Path("cmp").iterdir()) == [
        "comparison.png", "exposure.csv", "measures.csv", "movements.csv", "users.csv",
    ]  # fmt: skip
    assert pd.read_csv("cmp/users.csv")["overlap"].mean() == pytest.approx(found.mean_overlap)


def test_compare_uses_common_users_of_two_runs(action_command: Call, action_data: Dataset) -> None:
    for options in ((), ("--profile", "fit", "--users", 50)):
        assert action_command("run", "--no-database", "--out", "runs", "--top-k", 12, *options).exit_code == 0
    first, second = sorted(path for path in Path("runs").iterdir() if path.name != "latest")
    done = action_command("compare", first, second, "--top-k", 12)
    text = page(done)
    assert re.search(r"excluded: [1-9]\d* users? in only one of the runs", done.stderr)
    before = Prepared.of(action_data, load_model("standard"))
    users = before.plan.user_id[before.active_users[:50]]
    assert (
        f"{first} is a run, but fit is not. Give only runs or only models."
        in action_command("compare", first, "fit").stderr
    )
    for names in ((first, "r/nosuch"), ("r/nosuch", first)):
        assert f"{first} is a run, but r/nosuch does not exist." in action_command("compare", *names).stderr
    assert f"{first} is a run, but runs is a folder without a run." in action_command("compare", "runs", first).stderr
    found = Comparison.of(before, before.with_model(Registry("data/profiles").load("fit").model), 12, users)
    assert row(text, "users")[0] == "50"
    n_jobs = int(found.counted_jobs.sum())
    assert n_jobs < len(action_data.jobs)
    assert f"coverage, concentration: of {n_jobs:,} jobs that the rules of a side leave open" in " ".join(text.split())
    measures = found.measures().set_index("measure")
    assert number(row(text, "coverage@12")[0]) == rounded(measures.loc["coverage@12", "before"])
    manifest = second / "_manifest.json"
    manifest.write_text(re.sub(r'"eligibility"', '"rules"', manifest.read_text()))
    unknown = action_command("compare", first, second)
    assert "note: the rules of a run are not known" in unknown.stderr
    assert f"of all {len(action_data.jobs):,} jobs" in " ".join(page(unknown).split())
    assert f"jobs in both lists, mean              {found.mean_overlap:.1%}" in text
    assert f"rank-biased overlap (p = 0.9), mean   {found.mean_rbo:.3f}" in text


def test_compare_of_three_models_equals_pairwise_comparisons(action_command: Call, action_data: Dataset) -> None:
    before = Prepared.of(action_data, load_model("standard"))
    after = [Registry("data/profiles").load("fit").model, load_model("classic")]
    found = [Comparison.of(before, before.with_model(model), 10) for model in after]
    text = page(action_command("compare", "standard", "fit", "classic", "--top-k", 10, "--out", "cmp"))
    overlaps, groups = text.split("Largest gains and losses")
    for name, comparison in zip(("fit", "classic"), found, strict=True):
        cells = [f"{100 * comparison.mean_overlap:.1f}", f"{100 * (1 - comparison.mean_overlap):.1f}"]
        assert row(overlaps, name)[:2] == cells
    largest = found[1].exposure("company").nlargest(1, "change").iloc[0]
    assert row(groups.split("classic")[1], largest["name"])[-1] == f"{largest['change']:+,}"
    assert sorted(path.name for path in Path("cmp").iterdir()) == [
        "comparison_2.png", "comparison_3.png", "exposure.csv", "measures.csv", "movements.csv", "overlap.csv",
        "users.csv",
    ]  # fmt: skip
    users = pd.read_csv("cmp/users.csv").groupby("compared")["overlap"].mean()
    assert users["classic"] == pytest.approx(found[1].mean_overlap)


def test_compare_by_slice_equals_mean_of_its_users(action_command: Call, action_data: Dataset) -> None:
    before = Prepared.of(action_data, load_model("standard"))
    users = Comparison.of(before, before.with_model(load_model("classic")), 10).frame()
    text = page(action_command("compare", "standard", "classic", "--top-k", 10, "--slices-by", "age_group"))
    groups = action_data.tables.users.set_index("user_id")["age_group"]
    rows = users[users["user_id"].map(groups) == "25-34"]
    section = text.split("Overlap with standard by slice")[1]
    assert row(section, "25-34")[:2] == [str(len(rows)), f"{100 * rows['overlap'].mean():.1f}"]


def test_compare_of_three_runs_uses_users_of_all(action_command: Call) -> None:
    for options in (("--users", 60), ("--profile", "fit", "--users", 50), ("--model", "classic", "--users", 40)):
        done = action_command("run", "--no-database", "--out", "runs", "--top-k", 5, *options)
        assert done.exit_code == 0, done.output
    runs = sorted(path for path in Path("runs").iterdir() if path.name != "latest")
    done = action_command("compare", *runs)
    assert "Lists of 40 users" in page(done)
    assert "excluded: 20 users in some of the runs only" in done.stderr


def test_compare_of_equal_models_reports_no_change(action_command: Call, action_folder: Path) -> None:
    text = page(action_command("compare", "fit", "fit@1"))
    assert "Weights, parameters and rules are equal." in text
    assert row(text, "users whose list changed") == ["0.0"]
    assert "The numbers of list places by company are equal." in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("compare", "standard", "."), 1, "'.'"),
        (("compare", "standard", "fit", "--job", 3), 2, "--job requires --user"),
        (("compare", "standard"), 2, "at least two"),
        (("compare", "standard", "fit", "classic", "--user", 3), 2, "--user requires two"),
        (("compare", "standard", "fit", "fit"), 1, "Duplicate model fit"),
        (("compare", "standard", "fit", "--user", 999_999), 1, "user 999999 does not exist"),
    ],
)
def test_invalid_comparison_is_one_line(action_command: Call, arguments: tuple, code: int, message: str) -> None:
    done = action_command(*arguments)
    require_one_error(done, code, message)
