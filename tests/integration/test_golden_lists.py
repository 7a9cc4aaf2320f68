"""Lists, scores and explanations of the committed inputs are the recorded ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

import scoring
from tests.support import golden_cases as cases

RECORDED = json.loads(cases.FILE.read_text(encoding="utf-8"))
CASES = [name for clock in cases.AS_OF for name, _ in cases.models(clock)]


@pytest.fixture(scope="module")
def prepared() -> Any:
    """Return a function that prepares a case's model on the statistics of its clock."""
    statistics = {clock: scoring.Statistics(cases.dataset(as_of)) for clock, as_of in cases.AS_OF.items()}
    models = {name: (statistics[clock], model) for clock in cases.AS_OF for name, model in cases.models(clock)}
    return lambda name: scoring.Prepared.of(*models[name])


def test_all_recorded_cases_are_compared() -> None:
    assert sorted(CASES) == sorted(RECORDED)


@pytest.mark.parametrize("name", CASES)
def test_lists_equal_the_recorded_ones(name: str, prepared: Any) -> None:
    expected, ready = RECORDED[name], prepared(name)
    for strategy, k, digests in cases.strategies(ready):
        assert digests == expected["lists"][str(k)], f"{strategy}, k = {k}"
    if "pairs" in expected:
        assert cases.explanations(ready) == expected["explanations"]
        assert cases.pairs(ready) == expected["pairs"]


def test_a_list_of_one_user_equals_that_user_among_all(prepared: Any) -> None:
    ready = prepared(CASES[0])
    everyone = ready.top_k(10).frame()
    for user_id in (1, 122, 3_000_000_009):
        alone = ready.top_k(10, [user_id]).frame()
        assert cases.lists(alone) == cases.lists(everyone[everyone["user_id"] == user_id])


def test_row_order_of_inputs_does_not_change_lists(prepared: Any) -> None:
    tables = cases.dataset().tables
    reversed_tables = tables.with_tables(**{name: frame[::-1] for name, frame in tables.items()})
    again = scoring.Prepared.of(scoring.Dataset(reversed_tables), scoring.load_model("standard"))
    assert cases.lists(again.top_k(40).frame()) == RECORDED[CASES[0]]["lists"]["40"]
