"""The search of the panel keeps locks, uses only the users of the measures, and can be stopped."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest

from scoring.errors import ConfigurationError
from scoring.widgets.background_search import BackgroundSearch
from scoring.widgets.panel_computation import Request
from scoring.widgets.slider_view_model import WeightsModel
from tests.support.errors import raises_at

WAIT = 60.0


@pytest.fixture
def search(session):
    made = BackgroundSearch(session)
    yield made
    made.close()


@pytest.fixture
def weights(standard):
    return WeightsModel(standard)


def test_result_keeps_locks_and_equals_its_evaluation(search, session, weights, standard):
    weights.lock("wage")
    weights.lock_group("match")
    search.start(weights, n_trials=12)
    search.wait(WAIT)
    shown = search.document()
    json.dumps(shown, allow_nan=False)
    assert (shown["state"], shown["done"], shown["total"]) == ("done", 12, 12)
    model = search.find_model()
    assert model.weights.groups["match"] == pytest.approx(standard.weights.groups["match"])
    assert model.weights.components["base"]["wage"] == pytest.approx(standard.weights.components["base"]["wage"])
    values = session.evaluator.evaluate(model).values["NDCG@10"]
    assert shown["best"]["values"] == pytest.approx([float(np.nanmean(values))])
    assert shown["best"]["values"][0] >= shown["start"][0]
    assert shown["best"]["weights"] == pytest.approx(
        dict(zip([part.name for part in model.parts], model.flat_weights.tolist(), strict=True))
    )
    assert shown["front"] == []
    assert "too high" in shown["message"]
    assert session.n_compared == 12
    weights.return_to(model)
    state = session.compute(Request(weights.model, int(session.user_id[0])))
    assert state.measures.set_index("measure").loc["NDCG@10", "mean"] == pytest.approx(shown["best"]["values"][0])
    assert session.drawn_users["validation"].tolist() == []


def test_two_goals_give_a_front(search, weights, session):
    search.start(weights, goals=["NDCG@10", "mean fee@40"], n_trials=12)
    search.wait(WAIT)
    shown = search.document()
    assert [goal["maximise"] for goal in shown["goals"]] == [True, True]
    values = np.array([point["values"] for point in shown["front"]])
    assert (np.diff(values[:, 0]) < 0).all()
    assert (np.diff(values[:, 1]) > 0).all()  # less of the first goal buys more of the second
    assert len(values) > 1
    assert all(search.find_model(point["trial"]).digest == point["digest"] for point in shown["front"])
    assert session.goals == ("NDCG@10", "mean fee@40")
    assert search.find_model(0) is weights.model  # the initial weights, without a rounding error
    assert f"has {len(values)} points of 12 trials" in shown["message"]
    point = shown["front"][-1]
    model = search.find_model(point["trial"])
    assert dict(zip(point["weights"], model.flat_weights, strict=True)) == pytest.approx(point["weights"])
    with raises_at(ConfigurationError, "trial"):
        search.find_model(999)


def test_search_stops_and_keeps_what_it_found(session, weights):
    seen = threading.Event()
    search = BackgroundSearch(session, on_change=lambda: seen.set() if search.document()["done"] else None)
    search.start(weights, n_trials=5_000)
    with raises_at(ConfigurationError, "search"):
        search.start(weights)
    assert seen.wait(WAIT)
    search.stop()
    search.wait(WAIT)
    shown = search.document()
    assert shown["state"] == "stopped"
    assert 0 < shown["done"] < 5_000
    assert search.find_model()
    search.start(weights, goals=["concentration@40"], n_trials=5_000, seconds=0.01)
    search.wait(WAIT)
    assert search.document()["state"] == "done"
    assert search.document()["done"] == 1
    assert search.document()["goals"] == [{"name": "concentration@40", "maximise": False}]


def test_search_waits_while_the_panel_computes(session, weights):
    is_busy = [True]
    search = BackgroundSearch(session, is_busy=lambda: is_busy[0])
    search.start(weights, n_trials=3)
    time.sleep(0.2)
    assert search.document()["done"] == 0
    is_busy[0] = False
    search.wait(WAIT)
    assert search.document()["done"] == 3
    is_busy[0] = True
    search.start(weights, n_trials=3)
    search.close()
    assert search.document()["state"] == "stopped"
    assert search.document()["best"] is None


def test_invalid_searches_are_rejected(search, weights, standard):
    for goals, key in (((), ("goals",)), (("best",), ("ranks", "best")), (("nothing@10",), ("goal", "nothing@10"))):
        with raises_at(ConfigurationError, *key):
            search.start(weights, goals=goals)
    with raises_at(ConfigurationError, "trials"):
        search.start(weights, n_trials=10**6)
    for part in standard.parts:
        weights.lock(part.name)
    for group in weights.groups:
        weights.lock_group(group)
    with raises_at(ConfigurationError, "locked"):
        search.start(weights)
    assert search.document()["state"] == "idle"
