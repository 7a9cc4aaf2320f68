"""Importance by ablation."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

import scoring
from scoring.errors import ConfigurationError
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.metrics import MRR
from scoring.evaluation.significance import Resamples, adjust_holm
from scoring.model import ScoringModel
from scoring.tuning.ablation import Ablation, ablation
from tests.support.errors import raises_at


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    market = scoring.make_market(300, 1500, 20_000, seed=3)
    return Evaluator(by_time(scoring.Dataset(market.tables)))


@pytest.fixture(scope="module")
def model() -> ScoringModel:
    return scoring.load_model("standard").with_weights({"fee": 0.2, "wage": 0.3, "location": 0.5})


@pytest.fixture(scope="module")
def found(evaluator: Evaluator, model: ScoringModel) -> Ablation:
    return ablation(evaluator, model)


@pytest.mark.parametrize(
    ("left_out", "weights"),
    [
        ("fee", {"wage": 3 / 8, "location": 5 / 8}),
        ("wage", {"fee": 2 / 7, "location": 5 / 7}),
        ("location", {"fee": 0.4, "wage": 0.6}),
    ],
)
def test_other_weights_keep_their_proportions(
    left_out: str, weights: dict[str, float], found: Ablation, evaluator: Evaluator, model: ScoringModel
) -> None:
    by_hand = Evaluator(evaluator.holdout).evaluate(model.with_weights(weights)).values["NDCG@10"]
    np.testing.assert_array_equal(found.without[left_out], by_hand)
    now = evaluator.evaluate(model).values["NDCG@10"]
    np.testing.assert_array_equal(found.differences(left_out), now - by_hand)


def test_frame_tests_every_loss(found: Ablation, evaluator: Evaluator, model: ScoringModel) -> None:
    frame = found.frame()
    assert sorted(frame["component"]) == sorted(part.name for part in model.parts)
    assert frame["loss"].is_monotonic_decreasing
    rows = frame.set_index("component")
    assert rows.loc["access", ["weight", "loss", "low", "high", "users"]].tolist() == [0, 0, 0, 0, 0]
    assert rows.loc["access", "p_holm"] == 1
    resamples = Resamples.of(evaluator.user_id)
    each = {name: resamples.compare(values, found.baseline) for name, values in found.without.items()}
    assert rows.loc["wage", ["low", "high"]].tolist() == [each["wage"].low, each["wage"].high]
    corrected = dict(zip(each, adjust_holm([one.p for one in each.values()]), strict=True))
    assert rows["p_holm"].to_dict() == pytest.approx(corrected, abs=1e-15)
    assert rows["significant"].to_dict() == {name: p <= 0.05 for name, p in corrected.items()}
    assert rows.loc["location", "significant"]  # location has half of the weight


def test_given_metric_is_used(evaluator: Evaluator, model: ScoringModel) -> None:
    found = ablation(evaluator, model, MRR(5))
    assert found.metric == "MRR@5"
    np.testing.assert_array_equal(found.baseline, MRR(5).of(evaluator.evaluate(model).relevance))
    assert found.frame()["with_it"].iloc[0] == pytest.approx(found.baseline.mean())


def test_unknown_component_raises(found: Ablation) -> None:
    with raises_at(ConfigurationError, "pay"):
        found.differences("pay")


def test_plot_is_readable(found: Ablation) -> None:
    file = io.BytesIO()
    found.plot().savefig(file)
    assert file.getbuffer().nbytes > 10_000


def test_model_of_one_component_raises(evaluator: Evaluator, tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("name: one\ngroups:\n  base:\n    weight: 1\n    components:\n      fee: {weight: 1}\n")
    with raises_at(ConfigurationError, "flat"):
        ablation(evaluator, scoring.load_model(file))
