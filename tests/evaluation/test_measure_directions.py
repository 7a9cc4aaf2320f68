"""Every measure of a scoreboard has a good direction, or is known to have none."""

from __future__ import annotations

import pytest

from scoring.evaluation import POPULATION_FACTS, USER_FACTS
from scoring.evaluation.measure_directions import GOOD_SIGNS, find_good_sign


def test_every_list_measure_has_a_sign() -> None:
    assert {fact.label for fact in (*USER_FACTS, *POPULATION_FACTS)} == set(GOOD_SIGNS)


@pytest.mark.parametrize(
    ("measure", "sign"), [("NDCG@10", 1), ("mean fee@40", 1), ("concentration@40", -1), ("novelty@5", 0)]
)
def test_sign_ignores_the_list_length(measure: str, sign: int) -> None:
    assert find_good_sign(measure) == sign
