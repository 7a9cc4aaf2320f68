"""The sentence about a move names the metric that moved most and the price."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from scoring.widgets.move_summary import MoveSummary, describe_difference

COLUMNS = ("measure", "difference", "relative", "detectable", "significant")


def make_frame(*rows):
    return pd.DataFrame(list(rows), columns=list(COLUMNS))


def test_metric_and_price_are_named():
    frame = make_frame(
        ("NDCG@10", 0.010, 0.03, 0.02, False),
        ("Recall@40", 0.030, 0.05, 0.04, False),
        ("mean fee@40", -349.0, -0.08, 100.0, True),
        ("mean wage@40", 0.001, 0.001, 0.01, False),
        ("novelty@40", 0.3, 0.2, 0.1, True),
    )
    found = MoveSummary.of(["location 12 → 18 %"], frame, "yen")
    assert found.text == "location 12 → 18 %: Recall@40 +0.03, may be chance; mean fee@40 −349 yen"
    assert (found.main.sign, found.main.is_noise, found.other.sign, found.other.is_noise) == (1, True, -1, False)
    assert found.document()["price"]["relative"] == -0.08
    assert found.effect == "Recall@40 +0.03, may be chance; mean fee@40 −349 yen"


def test_goal_that_became_worse_is_the_price():
    frame = make_frame(
        ("NDCG@10", 0.044, 0.34, 0.02, True),
        ("mean fee@40", -764.0, -0.17, 100.0, True),
        ("miscalibration@40", 0.28, 0.18, 0.1, True),
    )
    assert MoveSummary.of([], frame, "yen").other.measure == "miscalibration@40"
    assert MoveSummary.of([], frame, "yen", goals=("NDCG@10", "mean fee@40")).other.measure == "mean fee@40"


def test_gain_beside_a_lower_metric_is_named():
    frame = make_frame(
        ("NDCG@10", -0.2, -0.4, 0.02, True),
        ("mean fee@40", 1200.0, 0.3, 100.0, True),
        ("coverage@40", -0.1, -0.5, 0.01, True),
    )
    found = MoveSummary.of(["fee 10 → 60 %"], frame, "yen")
    assert found.text == "fee 10 → 60 %: NDCG@10 −0.2; mean fee@40 +1,200 yen; ! coverage@40 −0.1 (−50 %)"


def test_worst_measure_that_is_marked_is_named():
    frame = make_frame(
        ("NDCG@10", -0.2, -0.4, 0.02, True),
        ("mean fee@40", 1200.0, 0.3, 100.0, True),
        ("mean wage@40", -0.4, -0.3, 0.01, False),
        ("diversity@40", -0.1, -0.2, 0.01, True),
    )
    found = MoveSummary.of([], frame, "yen")
    assert found.text == "NDCG@10 −0.2; mean fee@40 +1,200 yen"  # NDCG@10 is worst, and named
    small = make_frame(("NDCG@10", 0.01, 0.1, 0.02, True), ("mean wage@40", -0.02, -0.02, 0.01, True))
    found = MoveSummary.of([], small, "yen", measures=frame[1:])
    assert found.other.measure == "mean wage@40"
    assert found.price == "compared with the baseline: mean wage@40 −0.4 (−30 %, may be chance)"
    assert found.text.endswith(f"; ! {found.price}")
    assert found.effect == "NDCG@10 +0.01; mean wage@40 −0.02"


def test_move_without_effect_is_stated():
    frame = make_frame(("NDCG@10", 0.0, 0.0, 0.0, False), ("mean fee@40", math.nan, math.nan, math.nan, False))
    assert MoveSummary.of(["clicks 9 → 9.1 %"], frame).text == "clicks 9 → 9.1 %: no measure changed"
    assert MoveSummary.of([], frame).document() == {
        "text": "no measure changed", "changes": [], "measure": None, "price": None,
    }  # fmt: skip


def test_many_changes_are_shortened():
    text = MoveSummary.of(["a 1 → 2 %", "b 1 → 2 %", "c 1 → 2 %", "d 1 → 2 %"], make_frame()).text
    assert text == "a 1 → 2 %, b 1 → 2 %, c 1 → 2 % and 1 more: no measure changed"


@pytest.mark.parametrize(
    ("difference", "text"),
    [(-2531.4, "mean fee@40 −2,531 yen"), (12.34, "mean fee@40 +12.3 yen"), (0.0123, "mean fee@40 +0.012 yen")],
)
def test_differences_have_unit_and_sign(difference, text):
    assert describe_difference("mean fee@40", difference, "yen") == text
