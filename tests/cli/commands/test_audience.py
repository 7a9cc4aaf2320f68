"""`scoring audience` prints what the library returns."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from scoring import Dataset, Prepared, load_model
from scoring.tuning import audience
from tests.cli.command import Call, page, row


@pytest.fixture(scope="module")
def ready(action_data: Dataset) -> Prepared:
    return Prepared.of(action_data, load_model("standard"))


def test_audience_prints_lists_and_misses(action_command: Call, ready: Prepared) -> None:
    job = int(ready.top_k(40).job_id[0, 5])
    found = audience(ready, job, 40, nearest=3)
    text = page(action_command("audience", job, "--nearest", 3, "--out", "audience"))
    assert found.summary() in " ".join(text.split())
    listed, missed = text.split("Lists that contain the job")[1].split("Nearest lists without the job")
    best = found.frame().iloc[0]
    assert row(listed, f"{best['user_id']:.0f} ")[:2] == [f"{best['rank']:.0f}", f"{best['score']:.2f}"]
    nearest = found.misses().iloc[0]
    assert row(missed, f"{nearest['user_id']:.0f} ")[0] == f"{nearest['rank']:.0f}"
    files = sorted(path.name for path in Path("audience").iterdir())
    assert files == ["audience.png", "components.csv", "listed.csv", "misses.csv", "rules.csv"]
    assert len(pd.read_csv("audience/misses.csv")) == len(found.missed)


def test_audience_exits_with_4_at_time_limit(action_command: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("scoring.tuning.job_audience"), "USERS_AT_ONCE", 1)
    done = action_command("audience", 2, "--seconds", 0.1)
    assert done.exit_code == 4, done.output
    assert "random sample" in done.stdout
