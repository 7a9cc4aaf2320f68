"""Models side by side have the measures and lists of the library."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scoring.evaluation import Scoreboard
from scoring.ranking import Prepared
from scoring.widgets.panel_computation import Request


@pytest.fixture
def models(standard):
    return {
        "now": standard.with_weights({"fee": 0.6, "location": 0.4}),
        "found@1": standard.with_weights({"clicks": 0.5, "category": 0.5}),
        "found@2": standard.with_parameters("freshness", half_life_days=2),
    }


@pytest.mark.parametrize("is_measured", [True, False])
def test_columns_equal_the_library(session, holdout, standard, models, is_measured):
    others = np.setdiff1d(holdout.data.users.user_id, session.user_id)
    user = int(session.user_id[1] if is_measured else others[0])
    beside = tuple((name, model) for name, model in models.items() if name != "now")
    state = session.compute(Request(models["now"], user, beside=beside))
    shown = state.beside.document()
    json.dumps(shown, allow_nan=False)
    assert [column["name"] for column in shown["columns"]] == ["baseline", *models]
    boards = {name: Scoreboard.of(session.evaluator, {"baseline": standard, name: model}).frame()
              for name, model in models.items()}  # fmt: skip
    for row in shown["measures"]:
        for place, (name, board) in enumerate(boards.items(), start=1):
            found = board[(board["model"] == name) & (board["measure"] == row["measure"])].iloc[0]
            assert row["values"][place] == pytest.approx(found["mean"])
            assert row["differences"][place] == pytest.approx(found["difference"])
            assert (row["kinds"][place] != "quiet") == found["significant"]
            assert row["kinds"][place] != {1: "worse", -1: "better"}.get(np.sign(row["good"] * found["difference"]))
    for place, model in enumerate([standard, *models.values()]):
        ready = Prepared.of(session.evaluator.statistics, model, candidates=holdout.candidates)
        expected = ready.top_k(session.evaluator.k, [user])
        assert [job["id"] for job in shown["lists"][place]] == [str(job) for job in expected.job_id[0] if job >= 0]
    assert [job["baseline_rank"] for job in shown["lists"][0]] == list(range(1, len(shown["lists"][0]) + 1))
    acted = {str(action.job_id) for action in session.later.of_user(user)}
    assert {job["id"] for jobs in shown["lists"] for job in jobs if job["hit"]} <= acted
    assert session.n_compared == 3


def test_profiles_are_evaluated_once(session, models):
    user = int(session.user_id[0])
    beside = (("found@1", models["found@1"]),)
    first = session.compute(Request(models["now"], user, beside=beside))
    calls = []
    session.evaluator.evaluate = lambda *arguments, **options: calls.append(arguments)
    again = session.compute(Request(models["now"], int(session.user_id[1]), beside=beside))
    assert calls == []
    assert again.beside.document()["measures"] == first.beside.document()["measures"]
    assert session.compute(Request(models["now"], user)).beside is None
