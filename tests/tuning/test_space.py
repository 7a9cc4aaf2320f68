"""A search space covers the simplex of weights uniformly and contains only valid models."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import numpy as np
import optuna
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import Field

from scoring.errors import ConfigurationError
from scoring.model import Component, Inputs, Part, Reason, ScoringModel, WeightProfile, dump_model
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import UserTerm, Value
from scoring.model_catalog import load_model
from scoring.tuning.space import Parameter, Space
from tests.support.errors import raises_at

STANDARD = load_model("standard")
NAMES = [part.name for part in STANDARD.parts]

UNIT = st.floats(1e-6, 1.0)
WEIGHTS = st.lists(st.sampled_from([0.0, 1e-9, 0.01, 0.3, 1.0]) | st.floats(0, 1), min_size=11, max_size=11)


def suggest(space: Space, **params: float) -> ScoringModel:
    """Return the model of a trial with these numbers."""
    return space.suggest(optuna.trial.FixedTrial(params))  # type: ignore[arg-type]


def flat(model: ScoringModel) -> dict[str, float]:
    return dict(zip(NAMES, model.flat_weights.tolist(), strict=True))


@settings(max_examples=150)
@given(st.lists(UNIT, min_size=11, max_size=11), st.sets(st.sampled_from(NAMES), max_size=9))
def test_weights_are_on_simplex_and_locked_ones_constant(coordinates: list[float], locked: set[str]) -> None:
    space = Space(STANDARD, tuple(sorted(locked)))
    found = flat(suggest(space, **{f"u({name})": u for name, u in zip(NAMES, coordinates, strict=True)}))
    assert min(found.values()) >= 0
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)
    for name in locked:
        assert found[name] == pytest.approx(space.flat[name], abs=1e-12)
    logs = {name: -np.log(u) for name, u in zip(NAMES, coordinates, strict=True) if name not in locked}
    total = sum(logs.values())
    for name, log in logs.items():
        share = log / total if total else 1 / len(logs)
        assert found[name] == pytest.approx(space.shared * share, abs=1e-12)


@settings(max_examples=150)
@given(WEIGHTS, st.sets(st.sampled_from(NAMES), max_size=9))
def test_point_of_model_gives_same_model(weights: list[float], locked: set[str]) -> None:
    assume(sum(weights) > 1e-3)
    model = STANDARD.with_weights(dict(zip(NAMES, weights, strict=True)))
    flat_weights = flat(model)
    assume(sum(flat_weights[name] for name in locked) < 0.999)
    space = Space(model, tuple(locked))
    back = space.model_at(space.point_of(model))
    np.testing.assert_allclose(back.flat_weights, model.flat_weights, atol=1e-9)
    point = space.point_of(model)
    assert all(1e-6 <= u <= 1 for u in point.values())


def test_one_of_many_components_may_have_all_weight() -> None:
    parts = tuple(Part(f"c{place}", "base", STANDARD.parts[0].component) for place in range(40))
    even = WeightProfile.normalised({"base": 1}, {"base": {part.name: 1 for part in parts}})
    model = ScoringModel("wide", parts, even)
    heavy = model.with_weights({"c0": 0.9, "c1": 0.1})
    space = Space(model)
    np.testing.assert_allclose(space.model_at(space.point_of(heavy)).flat_weights, heavy.flat_weights, atol=1e-12)


def test_uniform_coordinates_are_uniform_on_simplex() -> None:
    """Moments of a flat Dirichlet distribution: mean 1/n, variance (n-1)/(n²(n+1)), covariance -1/(n²(n+1))."""
    locked = tuple(NAMES[:6])
    space, n, draws = Space(STANDARD, locked), 5, 2_500
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    found = np.array([space.suggest(study.ask()).flat_weights for _ in range(draws)])[:, 6:] / space.shared
    scale = 1 / (n * n * (n + 1))
    error = np.sqrt((n - 1) * scale / draws)
    np.testing.assert_allclose(found.mean(axis=0), 1 / n, atol=4.5 * error)
    covariance = np.cov(found.T)
    np.testing.assert_allclose(np.diag(covariance), (n - 1) * scale, rtol=0.15)
    np.testing.assert_allclose(covariance[~np.eye(n, dtype=bool)], -scale, atol=0.0015)
    # each weight is Beta(1, n - 1): P(w > 1/2) = 2^-(n-1), which a grid or a normalised cube would miss
    assert (found > 0.5).mean() == pytest.approx(0.5 ** (n - 1), rel=0.12)
    assert (np.linalg.norm(found - 1 / n, axis=1) < 0.1).sum() > 0


def test_parameters_are_uniform_on_their_scale() -> None:
    even, ratios = Parameter("history", "days", 10, 1000), Parameter("freshness", "half_life_days", 0.1, 1000, log=True)
    space = Space(STANDARD, parameters=(even, ratios))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    models = [space.suggest(study.ask()) for _ in range(1_000)]
    days, half = (np.array([parameter.of(model) for model in models]) for parameter in (even, ratios))
    assert (days.min(), days.max()) == (pytest.approx(10, abs=10), pytest.approx(1000, abs=10))
    assert np.median(days) == pytest.approx(505, abs=60)
    assert np.median(half) == pytest.approx(10, rel=0.5)
    for model in models[:20]:
        point = space.point_of(model)
        assert {name: point[name] for name in (even.name, ratios.name)} == {
            "history.days": even.of(model),
            "freshness.half_life_days": ratios.of(model),
        }
        again = space.model_at(point)
        assert (even.of(again), ratios.of(again)) == (even.of(model), ratios.of(model))


class Steps(Component):
    """A component with integers in three notations, a float, a boolean and a list of numbers."""

    kind: ClassVar[str] = "steps"
    n: Annotated[int, Field(ge=1)] = 3
    maybe: Annotated[int, Field(ge=0)] | None = 2
    any: int | float = 4
    number: float = 5
    flag: bool = True
    curve: tuple[tuple[float, float], ...] = ((0, 0), (1, 100))

    def terms(self, inputs: Inputs) -> Value:
        return Value((UserTerm(np.full(len(inputs.users), float(self.n))),))

    def explain(self, pair: Pair) -> Reason:
        return Reason(float(self.n))

    @property
    def twice(self) -> int:
        return 2 * self.n


STEPS = ScoringModel(
    "steps",
    (Part("fee", "base", STANDARD.parts[0].component), Part("steps", "personal", Steps())),
    WeightProfile.normalised({"base": 1, "personal": 1}, {"base": {"fee": 1}, "personal": {"steps": 1}}),
)


@pytest.mark.parametrize(("field", "whole"), [("n", True), ("maybe", True), ("any", False), ("number", False)])
def test_integer_parameter_stays_an_integer(field: str, whole: bool) -> None:
    parameter = Parameter("steps", field, 1, 6)
    space = Space(STEPS, parameters=(parameter,))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    found = {parameter.of(space.suggest(study.ask())) for _ in range(100)}
    assert (found == {1, 2, 3, 4, 5, 6}) == whole
    assert all(isinstance(value, int) for value in found) == whole
    assert space.point_of(STEPS)[parameter.name] == parameter.of(STEPS)


@pytest.mark.parametrize("field", ["curve", "flag", "kind", "twice", "curve.0", "model_config", "nothing"])
def test_parameter_that_is_not_a_number_raises(field: str) -> None:
    with raises_at(ConfigurationError, "steps", field, match="n, maybe, any, number"):
        Space(STEPS, parameters=(Parameter("steps", field, 0, 1),))


def test_component_without_numbers_raises() -> None:
    wage = Parameter("wage", "curve", 0, 1)
    with raises_at(ConfigurationError, "wage", "curve", match="None exist"):
        Space(STANDARD, parameters=(wage,))


def test_related_parameters_are_changed_together() -> None:
    low, high = Parameter("fee", "low", 0, 6000), Parameter("fee", "high", 4000, 9000)
    with raises_at(ConfigurationError, "fee", match=r"fee\.low = 6000, fee\.high = 4000.*low must be below high"):
        Space(STANDARD, parameters=(low, high))
    raised = STANDARD.with_parameters("fee", low=5500, high=8000)
    space = Space(raised, parameters=(Parameter("fee", "low", 0, 5900), Parameter("fee", "high", 6000, 9000)))
    values = {"fee.low": 5800.0, "fee.high": 6100.0}
    component = next(p.component for p in space.model_of(dict.fromkeys(NAMES, 0.5), values).parts if p.name == "fee")
    assert component.model_dump() == {"low": 5800, "high": 6100}
    points = (Parameter("history", "start", 0, 60), Parameter("history", "wage", 0, 60))
    with raises_at(ConfigurationError, "history", match="sum"):
        Space(STANDARD, parameters=points)


def test_single_free_weight_cannot_change() -> None:
    half_life = Parameter("freshness", "half_life_days", 1, 100)
    space = Space(STANDARD, tuple(NAMES[1:]), (half_life,))
    assert space.free == ()
    assert space.point_of(STANDARD) == {"freshness.half_life_days": 14}
    found = space.model_at({"freshness.half_life_days": 30.0})
    assert found.flat_weights.tolist() == STANDARD.flat_weights.tolist()
    assert half_life.of(found) == 30
    # also if freshness has a weight of 0
    Space(STANDARD.with_weights({"wage": 1.0}), tuple(NAMES[1:]), (half_life,))


def test_duplicate_lock_counts_once() -> None:
    twice = Space(STANDARD, ("fee", "wage", "fee"))
    assert twice.shared == pytest.approx(1 - flat(STANDARD)["fee"] - flat(STANDARD)["wage"], abs=1e-15)


@pytest.mark.parametrize(
    ("locked", "parameters", "key", "word"),
    [
        (("salary",), (), ("salary",), "component"),
        ((), (Parameter("salary", "low", 0, 1),), ("salary",), "component"),
        (tuple(NAMES), (), ("locked",), "cannot change anything"),
        (tuple(NAMES[1:]), (), ("locked",), "cannot change anything"),
        ((), (Parameter("fee", "low", 700, 700),), ("fee", "low"), "finite"),
        ((), (Parameter("fee", "low", 700, 300),), ("fee", "low"), "finite"),
        ((), (Parameter("fee", "low", float("nan"), 700),), ("fee", "low"), "finite"),
        ((), (Parameter("fee", "low", 0, float("inf")),), ("fee", "low"), "finite"),
        ((), (Parameter("fee", "low", 0, 900, log=True),), ("fee", "low"), "above 0"),
        ((), (Parameter("fee", "low", 600, 900),), ("fee", "low"), "is 500 .* 600 to 900"),
        ((), (Parameter("freshness", "half_life_days", -1, 90),), ("freshness",), "half_life_days = -1"),
        ((), (Parameter("history", "near", 0.1, 1.5),), ("history",), "near = 1.5"),
        ((), (Parameter("fee", "low", 0, 900),) * 2, ("fee", "low"), "more than once"),
    ],
)
def test_invalid_space_raises(locked: tuple, parameters: tuple, key: tuple, word: str) -> None:
    with raises_at(ConfigurationError, *key, match=word):
        Space(STANDARD, locked, parameters)


def test_fractional_bounds_of_integer_raise() -> None:
    with raises_at(ConfigurationError, "steps", "n", match="integer"):
        Space(STEPS, parameters=(Parameter("steps", "n", 1, 4.5),))
    with raises_at(ConfigurationError, "steps", match="n = 0"):
        Space(STEPS, parameters=(Parameter("steps", "n", 0, 5),))


def test_locked_weights_that_sum_to_1_raise() -> None:
    with raises_at(ConfigurationError, "locked"):
        Space(STANDARD.with_weights({"fee": 0.4, "wage": 0.6}), ("fee", "wage"))


def test_model_outside_space_raises() -> None:
    space = Space(STANDARD, ("fee",), (Parameter("freshness", "half_life_days", 1, 100),))
    with raises_at(ConfigurationError, "fee", match="fixed at 0.1"):
        space.point_of(STANDARD.with_weights({"fee": 0.2, "wage": 0.8}))
    with raises_at(ConfigurationError, "model"):
        space.point_of(load_model("classic"))
    with raises_at(ConfigurationError, "freshness", "half_life_days"):
        space.point_of(STANDARD.with_parameters("freshness", half_life_days=200))


def test_coordinate_of_1_gives_positive_zero() -> None:
    """The weight is 0, not -0, which files and tables would show."""
    space = Space(load_model("standard"))
    model = space.model_of({name: 1.0 if name == "fee" else 0.5 for name in space.free})
    assert [math.copysign(1, weight) for weight in model.flat_weights] == [1.0] * len(space.names)
    assert model.flat_weights[space.names.index("fee")] == 0
    assert "-0.0" not in dump_model(model)
