"""`scoring reach` prints what the library returns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from scoring import Dataset, Prepared, load_model
from scoring.model_catalog import load_model as read_file
from scoring.tuning import reach
from scoring.tuning.list_reach import reachability
from scoring.tuning.list_reach.nearest_weights import NearestWeights
from tests.cli.command import Call, error_line, page, row


@pytest.fixture(scope="module")
def ready(action_data: Dataset) -> Prepared:
    return Prepared.of(action_data, load_model("standard"))


def test_reach_prints_nearest_weights(action_command: Call, ready: Prepared) -> None:
    user = int(ready.plan.user_id[ready.active_users[0]])
    job = int(ready.top_k(15, [user]).job_id[0, -1])
    found = reach(ready, user, job, k=10)
    done = action_command("reach", user, job, "--top-k", 10, "--out", "reach")
    text = page(done)
    assert found.summary(moves=False) in " ".join(text.split())
    first = found.changes().iloc[0]
    assert row(text, first["component"])[-1] == f"{first['change']:+.4f}"
    assert "reach, at most 60 s" in done.stderr
    assert sorted(path.name for path in Path("reach").iterdir()) == ["model.yaml", "weights.csv", "weights.png"]
    assert pd.read_csv("reach/weights.csv")["change"].abs().sum() == pytest.approx(found.distance)
    listed = ready.with_model(read_file("reach/model.yaml")).top_k(10, [user])
    assert job in listed.job_id


def test_reach_exits_with_4_at_time_limit(
    action_command: Call, ready: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The solver does not finish in time. The random search finds weights."""
    monkeypatch.setattr(reachability, "find_nearest_weights", lambda *arguments: NearestWeights(None, False))
    user = int(ready.plan.user_id[ready.active_users[0]])
    job = int(ready.top_k(15, [user]).job_id[0, -1])
    done = action_command("reach", user, job, "--top-k", 10)
    assert done.exit_code == 4, done.output
    assert "A smaller change may be enough" in " ".join(done.stdout.split())


def test_invalid_locks_are_reported_before_loading(action_command: Call) -> None:
    done = action_command("reach", 1, 2, "--lock", "wages")
    assert "wages" in error_line(done, 1)
    assert "loading" not in done.stderr
