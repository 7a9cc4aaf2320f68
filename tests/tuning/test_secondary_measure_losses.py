"""Changes of measures on training users equal those of a scoreboard of the same users."""

from __future__ import annotations

import pytest

from scoring.dataset import Dataset
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.metrics import NDCG, Recall
from scoring.evaluation.scoreboard import Scoreboard
from scoring.model_catalog import load_model
from scoring.synthetic import make_market
from scoring.tuning.problem import Problem
from scoring.tuning.secondary_measure_losses import describe_train_result, measure_train_changes, select_worse
from scoring.tuning.space import Space

STANDARD = load_model("standard")
OTHER = STANDARD.with_weights({"location": 0.6, "category": 0.4})


@pytest.fixture(scope="module")
def problem() -> Problem:
    data = Dataset(make_market(120, 400, 6_000, seed=2).tables)
    return Problem(Space(STANDARD), Evaluator(by_time(data), metrics=(NDCG(10), Recall(40))))


def test_changes_and_prices_equal_those_of_a_scoreboard(problem: Problem) -> None:
    models = {"same": STANDARD, "other": OTHER}
    board = Scoreboard.of(problem.train, {"baseline": STANDARD, **models})
    expected = board.frame().pivot(index="measure", columns="model", values="relative")
    changes = measure_train_changes(problem, models)
    assert set(changes.index) == set(expected.index) - {"NDCG@10"}
    assert (changes["same"] == 0).all()
    # a scoreboard leaves out users without a value on either side; these means do not
    both = changes.index.difference(["mean wage@40"])
    assert changes.loc[both, "other"].to_dict() == pytest.approx(expected.loc[both, "other"].to_dict())
    prices = board.prices("other")["measure"].tolist()
    assert set(select_worse(changes).index) == set(prices) - {"NDCG@10"} > set()
    text = describe_train_result(problem, OTHER)
    assert "mean fee@40 -" in text
    assert text.endswith(", on training users")


def test_baseline_has_no_price(problem: Problem) -> None:
    assert "price" not in describe_train_result(problem, STANDARD)
    assert select_worse(measure_train_changes(problem, {"same": STANDARD})).empty
