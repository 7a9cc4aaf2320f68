"""Importance by ablation."""

from __future__ import annotations

import numpy as np
import pytest

import scoring
from scoring.errors import ConfigurationError
from scoring.model import ScoringModel
from scoring.tuning.ablation import ablation


@pytest.fixture(scope="module")
def model() -> ScoringModel:
    return scoring.load_model("standard").with_weights({"fee": 0.2, "wage": 0.3, "location": 0.5})


def weights_of(model: ScoringModel) -> np.ndarray:
    return model.flat_weights[
        [place for place, part in enumerate(model.parts) if part.name in ("fee", "wage", "location")]
    ]


def test_each_is_left_out_and_the_others_keep_their_proportions(model: ScoringModel) -> None:
    seen = []

    def evaluate(tried: ScoringModel) -> np.ndarray:
        seen.append(weights_of(tried))
        return weights_of(tried)[:2] * [1.0, 2.0]

    found = ablation(model, evaluate)
    np.testing.assert_allclose(seen, [[0.2, 0.3, 0.5], [0, 3 / 8, 5 / 8], [2 / 7, 0, 5 / 7], [0.4, 0.6, 0]])
    np.testing.assert_allclose(found.differences("fee"), [0.2, 0.6 - 6 / 8])
    frame = found.frame().set_index("component")
    assert len(frame) == len(model.parts)
    assert frame.loc["wage", "loss"] == pytest.approx(((0.2 - 2 / 7) + 0.6) / 2)
    assert frame.loc["access", ["loss", "users"]].tolist() == [0, 0]
    assert frame["loss"].is_monotonic_decreasing


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [[1.0]]])
def test_values_that_are_none_are_refused(model: ScoringModel, values: list) -> None:
    with pytest.raises(ConfigurationError, match="the model gave"):
        ablation(model, lambda _: np.array(values))


def test_other_users_than_before_are_refused(model: ScoringModel) -> None:
    answers = iter([np.zeros(3), np.zeros(2)])
    with pytest.raises(ConfigurationError, match="without fee"):
        ablation(model, lambda _: next(answers))
