"""Eligibility rules as controls: each change is one move, and a rule that is off keeps its numbers."""

from __future__ import annotations

import json

import pytest

from scoring import load_model
from scoring.errors import ConfigurationError, ModelError
from scoring.widgets.rule_controls import find_numbers, list_rules, set_rule
from scoring.widgets.slider_view_model import WeightsModel
from tests.support.errors import raises_at

OWN = [
    {"name": "worth it", "where": "job.fee >= 800 and not job.has_remote_work"},
    "job.occupation_code in user.preferred_occupations",
    "days_since(user, job, 'view') > 7.5",
]


@pytest.fixture
def weights():
    return WeightsModel(load_model("standard").with_eligibility(rules=OWN))


def find(weights, key, data=None):
    return next(rule for rule in list_rules(weights, data) if rule["key"] == key)


def test_rules_have_text_kind_and_value(weights, session):
    rules = list_rules(weights, session.data)
    json.dumps(rules, allow_nan=False)
    assert {rule["key"]: rule["kind"] for rule in rules} == {
        "open": "flag", "not_applied": "flag", "company_cooldown_days": "number", "min_fee": "number",
        "max_per_company": "number", "employment_types": "choices", "own 0": "own", "own 1": "own", "own 2": "own",
    }  # fmt: skip
    assert (
        find(weights, "open")["text"]
        == "Only jobs that are open at the clock, the time as of which lists are computed."
    )
    assert [rule["key"] for rule in rules if not rule["is_on"]] == ["max_per_company", "employment_types"]
    assert find(weights, "own 0")["numbers"] == [{"label": "job.fee >=", "value": 800.0}]
    units = {rule["key"]: rule["unit"] for rule in rules if rule["kind"] == "number"}
    assert units == {"company_cooldown_days": "", "min_fee": "yen", "max_per_company": ""}
    types = next(rule for rule in rules if rule["key"] == "employment_types")["options"]
    assert all(option["label"] == f"type {option['value']}" for option in types)
    assert find(weights, "own 1")["numbers"] == []
    assert find(weights, "own 2")["numbers"] == [{"label": "days since the action >", "value": 7.5}]
    options = find(weights, "employment_types", session.data)["options"]
    assert sum(option["n"] for option in options) <= len(session.data.jobs)


def test_shipped_rules_are_switched_and_set(weights):
    before = weights.model
    set_rule(weights, "not_applied", on=False)
    assert not weights.model.eligibility.not_applied
    set_rule(weights, "company_cooldown_days", on=False)
    assert weights.model.eligibility.company_cooldown_days is None
    set_rule(weights, "company_cooldown_days", on=True)
    assert weights.model.eligibility.company_cooldown_days == 14
    set_rule(weights, "min_fee", value=800)
    set_rule(weights, "max_per_company", on=True)
    set_rule(weights, "employment_types", value=[3, 1, 3])
    rules = weights.model.eligibility
    assert (rules.min_fee, rules.max_per_company, rules.employment_types) == (800, 3, (1, 3))
    assert find(weights, "min_fee")["is_changed"]
    assert not find(weights, "open")["is_changed"]
    for _ in range(6):
        weights.undo()
    assert weights.model == before


def test_own_rules_keep_place_and_numbers_while_off(weights):
    set_rule(weights, "own 0", value=950, number=0)
    assert weights.model.eligibility.rules[0].where == "job.fee >= 950 and not job.has_remote_work"
    set_rule(weights, "own 0", on=False)
    assert [rule.reason for rule in weights.model.eligibility.rules] == [OWN[1], OWN[2]]
    shown = find(weights, "own 0")
    assert (shown["is_on"], shown["numbers"][0]["value"], shown["name"]) == (False, 950, "worth it")
    set_rule(weights, "own 0", on=True)
    assert [rule.name for rule in weights.model.eligibility.rules] == ["worth it", "", ""]
    assert weights.model.eligibility.rules[0].where.startswith("job.fee >= 950")
    set_rule(weights, "own 2", value=0.25)
    assert weights.model.eligibility.rules[2].where == "days_since(user, job, 'view') > 0.25"
    weights.reset()
    assert weights.model.eligibility.rules == weights.start.eligibility.rules
    assert [rule["is_on"] for rule in list_rules(weights) if rule["kind"] == "own"] == [True] * 3


def test_rules_of_a_loaded_model_are_listed(weights):
    weights.load(load_model("standard").with_eligibility(rules=["job.fee >= 5", "job.has_remote_work"]))
    own = [(rule["where"], rule["is_on"]) for rule in list_rules(weights) if rule["kind"] == "own"]
    assert [is_on for _, is_on in own] == [False, False, False, True, True]
    assert {where for where, _ in own[3:]} == {"job.fee >= 5", "job.has_remote_work"}


@pytest.mark.parametrize(
    ("key", "change", "error"),
    [
        ("unknown", {"on": True}, ConfigurationError),
        ("own 9", {"on": True}, ConfigurationError),
        ("own x", {"on": True}, ConfigurationError),
        ("min_fee", {"value": "much"}, ConfigurationError),
        ("min_fee", {"value": float("nan")}, ConfigurationError),
        ("company_cooldown_days", {"value": 0}, ModelError),
        ("max_per_company", {"value": 1.5}, ModelError),
        ("employment_types", {"on": True}, ConfigurationError),
        ("employment_types", {"value": []}, ConfigurationError),
        ("own 0", {"value": 5, "number": 3}, ConfigurationError),
        ("own 2", {"value": -1}, ModelError),
    ],
)
def test_invalid_changes_change_nothing(weights, key, change, error):
    before = weights.state
    with pytest.raises(error):
        set_rule(weights, key, **change)
    assert weights.state is before
    with raises_at(ConfigurationError, "rule"):
        set_rule(weights, "x")


def test_numbers_of_a_rule_are_those_it_compares_with(weights):
    rule = weights.model.with_eligibility(
        rules=["800 <= job.fee and (job.min_salary > -1.5e3 or job.employment_type_code in (1, 2))"]
    ).eligibility.rules[0]
    assert [(one.label, one.value) for one in find_numbers(rule)] == [("job.fee >=", 800), ("job.min_salary >", -1500)]
