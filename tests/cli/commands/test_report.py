"""`scoring report` writes one page about a profile or a run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from scoring import Dataset, Prepared, load_model
from scoring.database.database import Database
from scoring.database.schema import runs
from scoring.evaluation import Comparison
from scoring.model_report.measure_descriptions import name_slicing
from scoring.registry import Registry
from scoring.runs.publishers.manifest import MANIFEST
from tests.cli.command import Call, error_line, invoke, page
from tests.model_report.page_reader import PageReader


def read(path: str) -> PageReader:
    return PageReader.of(Path(path).read_text("utf-8"))


def test_report_of_profile_and_evaluation(action_command: Call, action_data: Dataset, factor_cache: Path) -> None:
    """Both agree with `evaluate` and `compare`."""
    options = ("--on", "all", "--goal", "NDCG@10", "--slices", "--level", 0.9)
    assert action_command("evaluate", "standard", "fit", *options, "--out", "tables").exit_code == 0
    _check_profile(action_command, action_data)
    _check_evaluation(action_command)


def _check_profile(action_command: Call, action_data: Dataset) -> None:
    done = action_command("report", "fit", "--html", "fit.html")
    assert re.fullmatch(r"Report: fit\.html \(\d+ kB\)", page(done))
    reader = read("fit.html")
    access = Registry("data/profiles").collect_evidence("fit").access
    assert access is not None
    for name, change in access.changes.items():
        value = access.metrics[name].value
        size = abs(value)
        shown = format(value, ",.0f" if size >= 1000 else ".1f" if size >= 10 else ".3f")
        row = reader.find_row(name, shown)
        assert row[2] == shown
        assert ("may be chance" in row[5]) == (not change.is_significant)
    before = Prepared.of(action_data, load_model("standard"))
    found = Comparison.of(before, before.with_model(Registry("data/profiles").load("fit").model), 40)
    assert f"On average, {found.mean_overlap:.0%} of the jobs in a list stay." in reader.text
    best = found.exposure("company").nlargest(1, "change").iloc[0]
    assert reader.find_row(best["name"], f"+{best['change']:,}")[1:3] == [
        f"{best['places_before']:,}",
        f"{best['places_after']:,}",
    ]
    _check_slices(reader)
    first = Path("fit.html").read_bytes()
    assert action_command("report", "fit@1", "--html", "again.html").exit_code == 0
    assert Path("again.html").read_bytes() == first
    assert len(first) < 200_000


def _check_slices(reader: PageReader) -> pd.DataFrame:
    """Check the table of slices, and return the rows of the first metric."""
    slices = pd.read_csv("tables/slices.csv").query("metric == 'NDCG@10' and tested")
    assert len(slices) > 0
    assert "Quality of the order (NDCG@10) by group, in the test." in reader.text
    for row in slices.to_dict("records"):
        shown = reader.find_row(f"{row['slice']}{name_slicing(row['slicing'])}", f"{row['mean_a']:.3f}")
        assert shown[1:5] == [
            f"{row['n']:,}",
            f"{row['mean_a']:.3f}",
            f"{row['mean_b']:.3f}",
            f"{row['difference']:+.3f}",
        ]
    return slices


def _check_evaluation(action_command: Call) -> None:
    assert action_command("report", "tables", "--html", "found.html").exit_code == 0
    reader = read("found.html")
    assert "Evaluation of fit@1" in reader.text
    assert "The test favours the model" in reader.text
    assert "in 90 of 100 tests" in reader.text
    assert "Goal that was stated before the test: quality of the order (NDCG@10)." in reader.text
    assert "1 test on these users so far" in reader.text
    board = pd.read_csv("tables/scoreboard.csv").query("model == 'fit'").set_index("measure")
    assert reader.find_row("NDCG@10", "goal")[1:3] == [
        f"{board.loc['NDCG@10', 'mean'] - board.loc['NDCG@10', 'difference']:.3f}",
        f"{board.loc['NDCG@10', 'mean']:.3f}",
    ]
    slices = _check_slices(reader)
    saved = json.loads(Path("tables/evaluation.json").read_text("utf-8"))
    assert {one["slice"] for one in saved["slices"] if one["metric"] == "NDCG@10"} == set(slices["slice"])
    assert "sketch" not in saved["access"]
    saved["model"]["definition"]["groups"]["base"]["weight"] = 5.0
    Path("tables/evaluation.json").write_text(json.dumps(saved))
    assert action_command("report", "tables/evaluation.json", "--html", "found.html").exit_code == 0
    assert "A model needs a component that is not given" in read("found.html").text
    incomplete = saved | {"access": saved["access"] | {"metrics": {}}}
    for changed, problem in ((saved | {"level": "high"}, "level"), (incomplete, "does not contain HitRate@40")):
        Path("tables/evaluation.json").write_text(json.dumps(changed))
        line = error_line(action_command("report", "tables", "--html", "found.html"), 1)
        assert "tables/evaluation.json is not an evaluation: " in line
        assert problem in line


def test_report_of_run_compares_with_the_replaced_run(action_command: Call) -> None:
    options = ("--no-database", "--out", "runs", "--top-k", 12)
    assert action_command("run", *options).exit_code == 0
    assert action_command("report", "latest", "--out", "runs", "--html", "first.html").exit_code == 0
    text = read("first.html").text
    assert "No earlier run is recorded." in text
    assert action_command("run", *options, "--profile", "fit", "--force", "new weights").exit_code == 0
    first, second = sorted(path.name for path in Path("runs").iterdir() if path.name != "latest")
    assert action_command("report", f"runs/{second}", "--html", "run.html").exit_code == 0
    reader = read("run.html")
    assert f"Run {second}" in reader.text
    assert f"It was compared with run {first}." in reader.text
    assert "Published; in use" in reader.text
    assert "This model was never tested on users who were kept for a test." in reader.text
    assert reader.find_row("fee", "10.0%")[1:3] == ["10.0%", "0.0%"]
    assert action_command("report", first, "--out", "runs", "--html", "run.html").exit_code == 0
    assert "Published; another run is in use" in read("run.html").text
    manifest = Path("runs") / second / MANIFEST
    manifest.write_text(manifest.read_text("utf-8").replace('"outcome": "', '"outcome": "un'))
    assert f"manifest of run {second} is damaged" in error_line(
        action_command("report", f"runs/{second}", "--html", "a"), 1
    )


def test_profile_without_database_is_reported_without_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Registry("data/profiles").save("night", load_model("standard"), note="first\nsecond")
    assert invoke("report", "night", "--html", "night.html").exit_code == 0
    text = read("night.html").text
    assert "data/market.db does not exist" in text
    assert "The model is the same as before." in text
    assert "first second" in text


def test_wrong_names_and_files_are_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Registry("data/profiles").save("night", load_model("standard"))
    for name, message in (
        ("nigth", "nigth is neither a profile in data/profiles, nor a published run in data/runs, nor a folder"),
        ("night@7", "night@7"),
        ("standard", "standard is a shipped model"),
        ("promoted", "No profile is promoted"),
    ):
        assert message in error_line(invoke("report", name, "--html", "report.html"), 1)
    Path("notes.txt").write_text("mine")
    for file in ("notes.txt", "data", "missing/report.html", "/proc/report.html"):
        assert file in error_line(invoke("report", "night", "--html", file), 1)
    assert Path("notes.txt").read_text() == "mine"
    assert not Path("report.html").exists()
    assert invoke("report", "night").exit_code == 2


def test_run_without_files_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = "20260105-000000-000-aaaaaa", "20260106-000000-000-bbbbbb"
    with Database.open("market.db") as database:
        database.create()
        with database.begin() as connection:
            for run_id, status in ((first, "published"), (second, "writing")):
                row = {"run_id": run_id, "status": status, "model": "standard", "settings": "{}", "created_at": 0}
                connection.execute(runs.insert().values(row))
    for run_id, message in ((first, "has no files in data/runs"), (second, "is not published: it is unfinished")):
        done = invoke("report", run_id, "--html", "report.html", "--db", "market.db")
        assert f"Run {run_id} {message}" in error_line(done, 1)
