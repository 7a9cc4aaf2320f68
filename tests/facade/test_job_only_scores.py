"""Base scores of jobs equal those of the whole model on the whole frame, for components that read any of the data."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from scoring.errors import DataError, ModelError
from scoring.facade import ScoringEngine
from scoring.facade.job_only_scores import (
    compute_base_scores,
    compute_job_component,
    keep_group,
    make_unknown_user_inputs,
)
from scoring.facade.snapshot import Snapshot
from scoring.model import Component, Inputs, JobTerm, Pair, Part, Reason, ScoringModel, UserTerm, Value, WeightProfile
from scoring.model_catalog import load_model
from scoring.ranking import SCORES, Prepared
from scoring.validation.table_validator import normalise
from tests.support.errors import raises_at
from tests.validation.test_lazy_columns import DATASET, JOBS, frames

ENGINE = ScoringEngine(DATASET, "standard", keep_factors=False)


pytestmark = pytest.mark.usefixtures("without_contract")
"""The components of these tests read the number of rows and have no `explain`."""


class ReadsAll(Component):
    """A user-defined component that reads texts, arrays, vectors, codes and the user."""

    kind: ClassVar[str] = "reads_all"

    def terms(self, inputs: Inputs) -> Value:
        jobs, frame = inputs.jobs, inputs.jobs.frame
        points = frame["title"].str.len().fillna(0).to_numpy(float) + 3 * frame["max_salary"].notna().to_numpy()
        points += 5 * inputs.open_jobs + np.abs(inputs.job_vectors).sum(axis=1) + 7 * inputs.job_has_vector
        points += jobs.place % 5 + jobs.company % 7 + inputs.majors[jobs.occupation] % 3
        points += inputs.adjacent[jobs.prefecture].sum(axis=1) + len(inputs.words.city) + len(jobs)
        return Value((JobTerm(np.clip(points, 0, 90)), UserTerm(np.where(inputs.has_profile, 9.0, 1.0))))

    def explain(self, pair: Pair) -> Reason:
        raise NotImplementedError


class Refuses(Component):
    kind: ClassVar[str] = "refuses"

    def terms(self, inputs: Inputs) -> Value:
        raise LookupError("not today")

    def explain(self, pair: Pair) -> Reason:
        raise NotImplementedError


def with_own(model: ScoringModel, group: str, component: Component) -> ScoringModel:
    """Return the model with an additional component that has half of its group's weight."""
    parts = [*model.parts]
    place = max(n for n, part in enumerate(parts) if part.group == group) + 1
    parts.insert(place, Part("own", group, component))
    weights = {name: dict(of) for name, of in model.weights.components.items()}
    weights[group] = {name: weight / 2 for name, weight in weights[group].items()} | {"own": 0.5}
    return ScoringModel("own", tuple(parts), WeightProfile(model.weights.groups, weights))


def without_base_weight(model: ScoringModel) -> ScoringModel:
    return model.with_weights(
        {part.name: 1.0 for part in model.parts if part.group != "base"},
    )


STANDARD = load_model("standard")
MODELS = {
    "standard": STANDARD,
    "classic": load_model("classic"),
    "own in base": with_own(STANDARD, "base", ReadsAll()),
    "own elsewhere": with_own(STANDARD, "match", ReadsAll()),
    "base weighs nothing": without_base_weight(STANDARD),
    "one weighs nothing": STANDARD.with_weights({part.name: float(part.name != "wage") for part in STANDARD.parts}),
}


def the_long_way(snapshot: Snapshot, model: ScoringModel, frame: pd.DataFrame) -> tuple[NDArray, NDArray]:
    """Return the base scores and all component values, with every column encoded and every component planned."""
    result = normalise("jobs", frame, code_width=snapshot.code_widths)
    if len(result.rejected):
        raise DataError("refused")
    user = make_unknown_user_inputs(snapshot.statistics).users.frame
    inputs = Inputs.of(snapshot.statistics, jobs=result.frame, users=user, with_profile=np.zeros(1, dtype=bool))
    scorer = Prepared.of(inputs, model, workers=1).scorer
    values = scorer.components(np.array([0]), np.arange(len(frame)))[:, 0].astype(np.float32)
    return scorer.all_pairs()[SCORES.index("base_score"), 0], values


@pytest.mark.parametrize("name", MODELS)
def test_jobs_of_a_market_have_the_scores_of_the_plan(name: str) -> None:
    snapshot, model = ENGINE._data.get(), MODELS[name]
    expected, values = the_long_way(snapshot, model, JOBS)
    found = compute_base_scores(snapshot, model, JOBS)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    assert name == "base weighs nothing" or len(np.unique(found)) > 10
    for part, value in zip(model.parts, values, strict=True):
        np.testing.assert_array_equal(compute_job_component(snapshot, model, part.name, JOBS), value)


@pytest.mark.parametrize("examples", [6, pytest.param(15, marks=pytest.mark.long)])
def test_scores_of_any_frame_equal_the_plan(examples: int) -> None:
    settings(max_examples=examples, deadline=None)(given(frame=frames())(check_frame))()


def check_frame(frame: pd.DataFrame) -> None:
    snapshot = ENGINE._data.get()
    for name in ("own in base", "classic"):
        model = MODELS[name]
        try:
            expected, values = the_long_way(snapshot, model, frame)
        except DataError:
            with pytest.raises(DataError):
                compute_base_scores(snapshot, model, frame)
            continue
        np.testing.assert_array_equal(compute_base_scores(snapshot, model, frame), expected)
        np.testing.assert_array_equal(
            compute_job_component(snapshot, model, "access", frame), values[_place(model, "access")]
        )


def _place(model: ScoringModel, name: str) -> int:
    return [part.name for part in model.parts].index(name)


@pytest.mark.parametrize("group", ["base", "personal"])
def test_error_of_a_custom_component_is_reported(group: str) -> None:
    model = with_own(STANDARD, group, Refuses())
    snapshot = ENGINE._data.get()
    for ask in (
        lambda: compute_base_scores(snapshot, model, JOBS),
        lambda: compute_job_component(snapshot, model, "wage", JOBS),
    ):
        with raises_at(ModelError, "own", "terms") as raised:
            ask()
        assert isinstance(raised.value.__cause__, LookupError)


def test_only_needed_components_are_planned() -> None:
    """Without this, the comparison above would compare the whole model with itself."""
    base = keep_group(STANDARD, "base", STANDARD.weights.components["base"])
    assert [part.name for part in base.parts] == [part.name for part in STANDARD.components_of("base")]
    own = keep_group(MODELS["own elsewhere"], "base", STANDARD.weights.components["base"])
    assert [part.name for part in own.parts] == [*(part.name for part in base.parts), "own"]
    assert keep_group(STANDARD, "base", dict.fromkeys(STANDARD.weights.components["base"], 0.0)) is STANDARD
