"""A board without regions, occupations and yen: the words of its mapping are in every output, and nothing fails."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scoring
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.dataset import Dataset
from scoring.evaluation import Evaluator, by_time
from scoring.model import dump_model
from scoring.widgets.panel_computation import Request, TuningSession
from tests.cli.command import invoke

BOARD = {"preset": "none", "currency": "CHF", "region": "canton"}
OWN = {"jobs": {"seniority": "category", "remote_days": "integer"}, "users": {"seniority": "category"}}
FOREIGN = re.compile(r"\byen\b|円|(?<![_.])prefecture(?!_code|_adjacency)", re.IGNORECASE)
"""Words of another board. Names of columns and parameters are not labels."""
N_USERS, N_JOBS, N_ACTIONS = 40, 300, 900


def make_board() -> Dataset:
    random = np.random.default_rng(0)
    levels = np.array(["junior", "senior", "lead"])
    now = pd.Timestamp("2025-11-30", tz="UTC")
    jobs = {
        "job_id": np.arange(1, N_JOBS + 1),
        "title": random.choice(["Koch", "Serveuse", "Chauffeur"], N_JOBS),
        "company_id": random.choice([f"Firma {n}" for n in range(9)], N_JOBS),
        "min_salary": random.integers(22, 60, N_JOBS),
        "salary_type": "hourly",
        "fee": random.choice([900.0, 1_500.0, 4_800.0], N_JOBS),
        "posted_at": now - pd.to_timedelta(random.integers(25, 60, N_JOBS), "D"),
        "seniority": random.choice(levels, N_JOBS),
        "remote_days": random.integers(0, 4, N_JOBS),
    }
    users = {"user_id": np.arange(1, N_USERS + 1), "seniority": random.choice(levels, N_USERS)}
    actions = {
        "user_id": random.integers(1, N_USERS + 1, N_ACTIONS),
        "job_id": random.integers(1, N_JOBS + 1, N_ACTIONS),
        "action": random.choice(["application", "click", "view"], N_ACTIONS),
        "occurred_at": now - pd.to_timedelta(random.integers(0, 24 * 60 * 50, N_ACTIONS), "min"),
    }
    frames = {name: pd.DataFrame(rows) for name, rows in (("jobs", jobs), ("users", users), ("actions", actions))}
    return Dataset.from_frames(**frames, own_columns=OWN, board=BOARD)


@pytest.fixture(scope="module")
def board() -> Dataset:
    return make_board()


@pytest.fixture
def folder(board: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with Database.open("board.db") as database:
        save_tables(database, board.tables)
    cheap = scoring.load_model("standard").with_weights({"freshness": 0.5, "wage": 0.5})
    (tmp_path / "cheap.yaml").write_text(dump_model(cheap), encoding="utf-8")
    return tmp_path


def call(*arguments: object) -> str:
    """Return the output of a command on the board, which must not contain words of another board."""
    result = invoke(*arguments, "--db", "board.db")
    assert result.exit_code == 0, result.output
    assert FOREIGN.findall(result.output) == [], result.output
    return result.output


def test_commands_use_the_words_of_the_board(folder: Path) -> None:
    assert "no open job is in" not in call("check")
    call("run", "--out", "runs")
    call("run", "--out", "runs")
    manifests = [path.read_text(encoding="utf-8") for path in (folder / "runs").glob("*/_manifest.json")]
    assert any("median fee, CHF" in text for text in manifests)
    explained = call("explain", 1, 1)
    assert "fee in CHF" in explained
    assert "CHF per hour" in explained
    assert "seniority" in explained
    evaluated = call("evaluate", "standard", "cheap.yaml", "--slices", "--slices-by", "job.seniority", "--on", "all")
    assert re.search(r"mean fee@40 -[\d,]+ CHF", " ".join(evaluated.split()))
    assert "job.seniority" in evaluated
    assert "region" not in evaluated  # nothing is known about regions
    compared = call("compare", "standard", "classic", "--by", "seniority", "--slices-by", "seniority", "--out", "out")
    assert "list places by seniority" in compared
    assert set(pd.read_csv("out/exposure.csv")["seniority"]) <= {"junior", "senior", "lead"}
    assert "list places by canton" in call("compare", "standard", "classic", "--by", "prefecture")


def test_panel_uses_the_words_of_the_board(board: Dataset) -> None:
    evaluator = Evaluator(by_time(board, days=20), k=10)
    session = TuningSession(evaluator, scoring.load_model("standard"))
    html = session.compute(Request(scoring.load_model("classic"), int(session.user_id[0])))._repr_html_()
    assert FOREIGN.findall(html) == []
    assert "cantons" in html.casefold()


def test_facts_name_the_region() -> None:
    frames = {
        "jobs": pd.DataFrame({"job_id": range(1, 61), "prefecture_code": ["ZH", "AG"] * 30, "min_salary": 30.0}),
        "users": pd.DataFrame({"user_id": [1], "prefecture_code": ["ZH"]}),
        "prefectures": pd.DataFrame({"prefecture_code": ["ZH", "AG"], "name": ["Zürich", "Aargau"]}),
        "prefecture_adjacency": pd.DataFrame({"prefecture_code": ["ZH"], "adjacent_code": ["AG"]}),
    }
    frames["jobs"]["salary_type"] = "hourly"
    ready = scoring.Prepared.of(Dataset.from_frames(**frames, board=BOARD), scoring.load_model("standard"))
    texts = [" ".join(ready.explain(1, job).frame()["facts"]) for job in (1, 2)]
    assert ["same canton" in texts[0], "adjacent canton" in texts[1], "area the canton" in texts[0]] == [True] * 3
    assert FOREIGN.findall(" ".join(texts)) == []
