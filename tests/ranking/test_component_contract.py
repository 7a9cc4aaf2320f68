"""Components of users that disagree with `explain` or read other rows are rejected before anything is ranked."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from scoring import Dataset, Prepared, load_model, make_market
from scoring.dataset import Tables
from scoring.errors import ModelError
from scoring.model import Component, Inputs, Pair, Part, Reason, ScoringModel, WeightProfile
from scoring.model.terms import JobTerm, Value
from scoring.ranking import component_contract
from scoring.statistics import Statistics
from scoring.validation.table_validator import normalise


class Sound(Component):
    """A tenth of the last two digits of a job's id."""

    kind: ClassVar[str] = "sound"

    def terms(self, inputs: Inputs) -> Value:
        return Value((JobTerm(inputs.jobs.job_id % 100 / 10),))

    def explain(self, pair: Pair) -> Reason:
        return Reason(pair.job.job_id % 100 / 10)


class Disagrees(Sound):
    kind: ClassVar[str] = "disagrees"

    def explain(self, pair: Pair) -> Reason:
        return Reason(pair.job.job_id % 100 / 10 + 1e-6)


class NotANumber(Sound):
    kind: ClassVar[str] = "not_a_number"

    def explain(self, pair: Pair) -> Reason:
        return Reason(float("nan"))


class Fails(Sound):
    kind: ClassVar[str] = "fails"

    def explain(self, pair: Pair) -> Reason:
        raise LookupError("no such key")


class NoReason(Sound):
    kind: ClassVar[str] = "no_reason"

    def explain(self, pair: Pair) -> Reason:
        return 3.0  # type: ignore[return-value]


class ReadsOthers(Sound):
    """Fees relative to the largest fee of the rows, which differs between requests."""

    kind: ClassVar[str] = "reads_others"

    def terms(self, inputs: Inputs) -> Value:
        fee = np.nan_to_num(inputs.jobs.fee)
        return Value((JobTerm(100 * fee / max(fee.max(initial=0.0), 1.0)),))


BROKEN: dict[type[Component], str] = {
    Disagrees: "explain",
    NotANumber: "explain",
    Fails: "explain",
    NoReason: "explain",
    ReadsOthers: "rows",
}
"""Component → what is wrong with it, in the key of the error."""


def model_of(component: Component) -> ScoringModel:
    name = component.kind
    return ScoringModel("own", (Part(name, "base", component),), WeightProfile({"base": 1.0}, {"base": {name: 1.0}}))


@pytest.fixture(scope="module")
def tables() -> Tables:
    return make_market(30, 60, seed=1).tables


@pytest.fixture
def market(tables: Tables) -> Dataset:
    """Return a dataset without the results of earlier checks."""
    return Dataset(tables)


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_component_is_rejected_by_name(broken: type[Component], market: Dataset) -> None:
    with pytest.raises(ModelError) as raised:
        Prepared.of(market, model_of(broken()))
    assert raised.value.key == (broken.kind, BROKEN[broken])


@pytest.mark.parametrize("broken", BROKEN)
def test_change_to_a_broken_component_is_rejected(broken: type[Component], market: Dataset) -> None:
    prepared = Prepared.of(market, model_of(Sound()))
    with pytest.raises(ModelError) as raised:
        prepared.with_model(model_of(broken()))
    assert raised.value.key == (broken.kind, BROKEN[broken])


def test_explaining_one_pair_compares_both_values(market: Dataset) -> None:
    users, jobs = market.users.user_id[:1].tolist(), market.jobs.job_id[:1].tolist()
    prepared = Prepared.for_rows(market, model_of(Disagrees()), user_ids=users, job_ids=jobs)
    with pytest.raises(ModelError) as raised:
        prepared.explain(users[0], jobs[0])
    assert raised.value.key == ("disagrees", "explain")


def test_component_is_explained_once_per_dataset(market: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(Sound, "explain", lambda self, pair: calls.append(pair) or Reason(pair.job.job_id % 100 / 10))
    statistics = Statistics(market)
    frame = normalise("jobs", market.tables.jobs.head(5)).frame
    for _ in range(2):
        Prepared.of(Inputs.of(statistics, jobs=frame), model_of(Sound()))
        assert len(calls) == 20 * 5
    for _ in range(2):  # the rows of a request show less than all rows
        Prepared.of(statistics, model_of(Sound()))
        assert len(calls) == 20 * 5 + 20 * 10
    Prepared.of(Inputs.of(statistics, jobs=frame), model_of(Sound()))
    assert len(calls) == 20 * 5 + 20 * 10


def test_empty_tables_are_accepted(market: Dataset) -> None:
    empty = Dataset.from_frames(market.tables.jobs.iloc[:0], market.tables.users)
    Prepared.of(empty, model_of(Disagrees()))


def test_components_of_the_package_are_not_checked(market: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(component_contract, "call_explain", lambda *given: pytest.fail("a component was checked"))
    Prepared.of(market, load_model("standard"))
