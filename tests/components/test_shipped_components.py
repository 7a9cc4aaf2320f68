"""Every shipped component fulfils the contract."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from pydantic import ValidationError

from scoring import components
from scoring.components import classic
from scoring.dataset import Dataset, Tables
from scoring.model import Component
from scoring.model_catalog import SHIPPED, get_component_kinds, list_preset_names, load_model
from scoring.testing import check_component
from tests.support.proof_counts import record_count
from tests.support.random_markets import random_market

every = pytest.mark.parametrize("component", SHIPPED, ids=lambda component: component.kind)

CHANGED: dict[str, dict[str, Any]] = {
    "access": {"start": 0, "station": 30, "address": 12.5},
    "category": {"floor": 0, "same_major": 0.9, "cosine_share": 1.0},
    "clicks": {"days": 400, "start": 0, "occupation": 33.3, "daily_payment": 1, "student_welcome": 40},
    "collaborative": {"unknown": 100},
    "conditions": {"other_style": 1},
    "fee": {"low": -500, "high": 2750},
    "freshness": {"half_life_days": 0.01},
    "history": {"days": 0.5, "without": 0, "start": 1, "near": 0.999, "wage": 49},
    "location": {"same_city": 50, "same_prefecture": 50, "adjacent": 0, "elsewhere": 0},
    "popularity": {"days": 14, "prior_applications": 0, "prior_looks": 0.001, "curve": ((0, 100), (0.3, 0))},
    "wage": {"curve": ((0.9, 0), (1.0, 100), (1.1, 50), (1.2, 60))},
}
"""Other parameters, at and near their bounds."""


@every
def test_component_satisfies_contract(component: type[Component]) -> None:
    check_component(component)
    record_count("components", "{} checks", 1)


@pytest.mark.parametrize("kind", CHANGED)
def test_component_satisfies_contract_with_other_parameters(kind: str) -> None:
    check_component(get_component_kinds()[kind](**CHANGED[kind]))
    record_count("components", "{} checks", 1)


def test_every_component_with_parameters_has_other_parameters() -> None:
    assert {component.kind for component in SHIPPED if component.model_fields} == set(CHANGED)


@pytest.mark.long
@every
@pytest.mark.parametrize("seed", range(6))
def test_component_satisfies_contract_on_random_markets(component: type[Component], seed: int) -> None:
    market = random_market(seed, factors=True)
    check_component(component, dataset=Dataset(Tables(**market.frames()), as_of=market.as_of))
    record_count("components", "{} checks", 1)


def test_catalog_contains_every_component() -> None:
    """The components that the packages define are exactly the shipped ones, each kind once."""
    defined = {
        value
        for package in (components, classic)
        for value in vars(package).values()
        if inspect.isclass(value) and issubclass(value, Component) and value is not Component
    }
    assert set(SHIPPED) == defined
    assert len({component.kind for component in SHIPPED}) == len(SHIPPED)


def test_every_component_is_in_a_shipped_model() -> None:
    used = {type(part.component) for name in list_preset_names() for part in load_model(name).parts}
    assert used == set(SHIPPED)


@every
def test_component_has_docstring_and_rejects_unknown_fields(component: type[Component]) -> None:
    assert component.__doc__
    assert component.model_fields.keys() <= component().model_dump().keys()
    with pytest.raises(ValidationError):
        component(no_such_parameter=1)
    with pytest.raises(ValidationError):
        component().kind_of_something = 1  # type: ignore[attr-defined]  # it is frozen


@pytest.mark.parametrize(
    ("kind", "parameters", "place", "problem"),
    [
        ("fee", {"low": 5000, "high": 5000}, (), "value_error"),  # low is not below high
        ("fee", {"low": float("nan")}, ("low",), "finite_number"),
        ("fee", {"high": float("inf")}, ("high",), "finite_number"),
        ("location", {"adjacent": 90}, (), "value_error"),  # not in descending order
        ("history", {"start": 26}, (), "value_error"),  # the sum is above 100
        ("history", {"near": 1.0}, ("near",), "less_than"),
        ("clicks", {"start": 50}, (), "value_error"),  # the sum is above 100
        ("clicks", {"days": 0}, ("days",), "greater_than"),
        ("wage", {"curve": ((0, 0),)}, ("curve",), "value_error"),  # one point
        ("wage", {"curve": ((0, 0), (0, 10))}, ("curve",), "value_error"),  # equal x
        ("wage", {"curve": ((0, 0), (1, 101))}, ("curve",), "value_error"),  # above 100
        ("wage", {"curve": ((0, 0), (float("nan"), 10))}, ("curve", 1, 0), "finite_number"),
        ("popularity", {"prior_looks": 0}, ("prior_looks",), "greater_than"),
        ("freshness", {"half_life_days": -1}, ("half_life_days",), "greater_than"),
        ("category", {"same_major": 1.1}, ("same_major",), "less_than_equal"),
        ("access", {"start": -1}, ("start",), "greater_than_equal"),
        ("collaborative", {"unknown": 100.5}, ("unknown",), "less_than_equal"),
    ],
)
def test_parameters_out_of_bounds_are_rejected(
    kind: str, parameters: dict[str, Any], place: tuple[str | int, ...], problem: str
) -> None:
    """Parameters within their bounds cannot give values outside 0…100."""
    with pytest.raises(ValidationError) as raised:
        get_component_kinds()[kind](**parameters)
    (error,) = raised.value.errors()
    assert (error["loc"], error["type"]) == (place, problem)
