"""Eligibility rules as controls: on and off, and the numbers of a rule. Each change is one move that can be undone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from scoring.argument_checks import is_number
from scoring.dataset import Dataset
from scoring.dataset.arrays import NO_CODE
from scoring.errors import ConfigurationError, ModelError, shorten_repr
from scoring.model import Eligibility
from scoring.model.eligibility_rule import EligibilityRule, RuleError
from scoring.model.rule_expression import AllOf, AnyOf, ColumnValue, Comparison, Constant, Expression, Not
from scoring.widgets.slider_view_model import WeightsModel
from scoring.widgets.tooltips import read_field_texts

__all__ = ["list_rules", "set_rule"]

_FLAGS: Final = ("open", "not_applied")
_NUMBERS: Final = {
    "company_cooldown_days": {"low": 0.01, "high": 36_500.0, "step": 1.0, "default": 14.0},
    "min_fee": {"low": 0.0, "high": 1e12, "step": 100.0, "default": 0.0},
    "max_per_company": {"low": 1.0, "high": 2.0**31 - 1, "step": 1.0, "default": 3.0},
}
"""Rule with a number → its limits, the step of its control, and its value if the model has none."""
_ORDER: Final = ("open", "not_applied", "company_cooldown_days", "min_fee", "max_per_company", "employment_types")
_OWN: Final = "own "
_TYPE_COUNTS: Final[WeakKeyDictionary[Dataset, dict[int, int]]] = WeakKeyDictionary()
"""Dataset → employment type → number of jobs. The page shows the rules after each move of a slider."""
_NUMBER: Final = re.compile(r"-?\s*(?:[0-9][0-9_]*)?\.?[0-9_]*(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class RuleNumber:
    """A number in the text of an own rule."""

    label: str
    """The comparison before the number, such as `job.fee >=`."""
    value: float
    start: int
    end: int


def list_rules(weights: WeightsModel, data: Dataset | None = None) -> list[dict[str, Any]]:
    """Return the rules of a model for the page, in a fixed order, also those that are off.

    Keys: key · kind (flag, number, choices, own) · text · is_on · is_changed (compared with the baseline). Kind number
    has value, low, high, step and unit. Kind choices has value and options (value, label, n). Kind own has name, where
    and numbers (label, value). `data` provides the options of choices and the currency.
    """
    now, baseline = weights.model.eligibility, weights.baseline.eligibility
    texts, found = read_field_texts(Eligibility), []
    for key in _ORDER:
        value = getattr(now, key)
        control = {
            "key": key,
            "text": texts[key],
            "is_on": value is not None and value is not False,
            "is_changed": value != getattr(baseline, key),
        }
        if key in _FLAGS:
            found.append(control | {"kind": "flag"})
        elif key in _NUMBERS:
            limits: dict[str, Any] = {name: number for name, number in _NUMBERS[key].items() if name != "default"}
            limits["unit"] = data.board.currency if data is not None and key == "min_fee" else ""
            found.append(control | limits | {"kind": "number", "value": value})
        else:
            chosen = list(value or ())
            found.append(
                control | {"kind": "choices", "value": chosen, "options": _list_employment_types(data, chosen)}
            )
    for place, rule in enumerate(_list_own(weights)):
        found.append(
            {
                "key": f"{_OWN}{place}",
                "kind": "own",
                "text": rule.describe(),
                "name": rule.name,
                "where": rule.where,
                "is_on": rule in now.rules,
                "is_changed": (rule in now.rules) != (rule in baseline.rules),
                "numbers": [{"label": one.label, "value": one.value} for one in find_numbers(rule)],
            }
        )
    return found


def set_rule(
    weights: WeightsModel, key: str, *, on: bool | None = None, value: Any = None, number: int | None = None
) -> None:
    """Change a rule by its key.

    Parameters
    ----------
    on: Turn the rule on or off; None: keep it.
    value: The number of a rule, the codes of `employment_types`, or the value of a number of an own rule. None: keep
        it. A value turns the rule on.
    number: Which number of an own rule `value` replaces, from 0.

    Raises
    ------
    ConfigurationError: If the rule does not exist, or the value does not fit it.
    ModelError: If the model rejects the value.
    """
    if key.startswith(_OWN):
        _set_own(weights, key, on, value, number)
        return
    if key not in _ORDER:
        raise ConfigurationError(f"Rule {shorten_repr(key)} does not exist. Use one of: {', '.join(_ORDER)}.",
                                 key=("rule",))  # fmt: skip
    if key in _FLAGS:
        new: Any = bool(value if on is None else on)
    elif on is False:
        new = None
    elif value is None:
        new = _find_former_value(weights, key)
    elif key == "employment_types":
        new = _check_codes(value)
    else:
        new = _check_number(key, value)
    weights.set_eligibility(weights.model.with_eligibility(**{key: new}).eligibility)


def find_numbers(rule: EligibilityRule) -> list[RuleNumber]:
    """Return the numbers that a rule compares with, in the order of its text."""
    found = []
    for comparison in _iterate_comparisons(rule.expression):
        constant = comparison.right
        if (
            isinstance(constant, Constant)
            and not isinstance(constant.value, bool | str)
            and np.isfinite(constant.value)
        ):
            start = constant.place - 1
            match = _NUMBER.match(rule.where, start)
            if match is not None and match.end() > start:
                left = comparison.left
                text = left.text if isinstance(left, ColumnValue) else "days since the action"
                label = f"{text} {comparison.operator}"
                found.append(RuleNumber(label, float(constant.value), start, match.end()))
    return sorted(found, key=lambda one: one.start)


def _iterate_comparisons(expression: Expression) -> Iterator[Comparison]:
    match expression:
        case Comparison():
            yield expression
        case Not(part=part):
            yield from _iterate_comparisons(part)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _iterate_comparisons(part)


def _set_own(weights: WeightsModel, key: str, on: bool | None, value: Any, number: int | None) -> None:
    rules = _list_own(weights)
    place = key.removeprefix(_OWN)
    if not (place.isascii() and place.isdecimal() and int(place) < len(rules)):
        raise ConfigurationError(f"Rule {shorten_repr(key)} does not exist.", key=("rule",))
    rule = rules[int(place)]
    is_on = rule in weights.model.eligibility.rules
    changed = rule if value is None else _replace_number(rule, number or 0, value)
    is_on = (is_on or value is not None) if on is None else on
    order = [changed if one == rule else one for one in rules]
    active = {*weights.model.eligibility.rules} - {rule} | ({changed} if is_on else set())
    weights.set_eligibility(
        weights.model.with_eligibility(rules=tuple(one for one in order if one in active)).eligibility,
        tuple(one for one in order if one not in active),
    )


def _replace_number(rule: EligibilityRule, place: int, value: Any) -> EligibilityRule:
    numbers = find_numbers(rule)
    if not 0 <= place < len(numbers):
        raise ConfigurationError(f"Rule {rule.describe()} has no number {place + 1}.", key=("rule",))
    number = _check_number(rule.reason, value)
    text = str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    where = rule.where[: numbers[place].start] + text + rule.where[numbers[place].end :]
    try:
        return EligibilityRule(where, rule.name, rule.origin)
    except RuleError as error:
        raise ModelError(f"{error}", key=("rule",)) from error


def _list_own(weights: WeightsModel) -> list[EligibilityRule]:
    """Return all own rules that are on, off or were in the initial model, in a fixed order."""
    start = [_make_template(rule) for rule in weights.start.eligibility.rules]
    known = list(weights.model.eligibility.rules)
    templates = {_make_template(rule) for rule in known}
    for rule in (*weights.state.off_rules, *weights.baseline.eligibility.rules, *weights.start.eligibility.rules):
        if _make_template(rule) not in templates:
            known.append(rule)
            templates.add(_make_template(rule))
    order = {template: place for place, template in enumerate(dict.fromkeys(start))}
    return sorted(known, key=lambda rule: (order.get(_make_template(rule), len(order)), rule.name, rule.where))


def _make_template(rule: EligibilityRule) -> tuple[str, str]:
    """Return the name and the text of a rule without its numbers: it stays the same when a number changes."""
    where = rule.where
    for one in reversed(find_numbers(rule)):
        where = f"{where[: one.start]}#{where[one.end :]}"
    return rule.name, where


def _find_former_value(weights: WeightsModel, key: str) -> Any:
    """Return the value with which a rule is turned on: that of the model, the baseline or the initial model."""
    for model in (weights.model, weights.baseline, weights.start):
        value = getattr(model.eligibility, key)
        if value is not None:
            return value
    if key == "employment_types":
        raise ConfigurationError("Choose at least one employment type.", key=(key,))
    return _NUMBERS[key]["default"] if key != "max_per_company" else int(_NUMBERS[key]["default"])


def _check_number(key: str, value: Any) -> float:
    if not is_number(value):
        raise ConfigurationError(f"{key} cannot be {shorten_repr(value)}. Use a number.", key=(key,))
    return float(value)


def _check_codes(value: Any) -> tuple[int, ...]:
    codes = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not codes or not all(is_number(code) and float(code).is_integer() for code in codes):
        raise ConfigurationError("Choose at least one employment type.", key=("employment_types",))
    return tuple(sorted({int(code) for code in codes}))


def _list_employment_types(data: Dataset | None, chosen: Sequence[int]) -> list[dict[str, Any]]:
    """Return the codes of the data with their numbers of jobs, by code, and those that are chosen."""
    found = {} if data is None else _count_employment_types(data)
    return [{"value": code, "label": f"type {code}", "n": found.get(code, 0)} for code in sorted({*found, *chosen})]


def _count_employment_types(data: Dataset) -> dict[int, int]:
    if data not in _TYPE_COUNTS:
        codes, counts = np.unique(data.jobs.employment_type, return_counts=True)
        known = zip(codes.tolist(), counts.tolist(), strict=True)
        _TYPE_COUNTS[data] = {code: n for code, n in known if code != NO_CODE}
    return _TYPE_COUNTS[data]
