"""User-defined components, from the class to rankings, and the errors of the contract suite for invalid ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ConfigDict

from scoring.backends import reference
from scoring.errors import ModelError
from scoring.model import Component, Inputs, Pair, Part, Reason, ScoringModel, WeightProfile, dump_model, parse_model
from scoring.model.terms import (
    DotTerm,
    Flags,
    FlagTerm,
    IntervalTerm,
    JobTerm,
    Key,
    LookupTerm,
    Number,
    UserTerm,
    Value,
)
from scoring.model_catalog import load_model
from scoring.plan import Plan
from scoring.ranking import Prepared
from scoring.statistics import Statistics
from scoring.testing import BrokenContractError, check_component
from tests.support.custom_components import OWN, FeeInReach, SameAge, TitleWord
from tests.support.errors import raises_at, raises_with
from tests.support.small_datasets import small_dataset

MODEL = """\
name: mine
groups:
  base:
    weight: 0.5
    components:
      title_word: {weight: 0.5, word: Café}
      bakery: {component: title_word, weight: 0.25, word: bakery, without: 0}
      fee: {weight: 0.25}
  match:
    weight: 0.5
    components:
      same_age: {weight: 1/3, gain: 12.5}
      fee_in_reach: {weight: 1/3}
      location: {weight: 1/3}
"""


# --- Valid components ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("component", [*OWN, TitleWord(word="駅前", without=0), SameAge(gain=0)], ids=repr)
def test_custom_components_satisfy_contract(component: Component | type[Component]) -> None:
    check_component(component)


def test_contract_check_accepts_other_dataset() -> None:
    check_component(TitleWord, dataset=small_dataset(7, n_users=3, n_jobs=9, factors=False))


def test_model_file_uses_custom_components(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MODEL, encoding="utf-8")
    model = load_model(file, components=OWN)
    assert (
        parse_model(
            dump_model(model),
            {kind.kind: kind for kind in (*OWN, type(model.parts[2].component), type(model.parts[5].component))},
        )
        == model
    )
    ready = Prepared.of(small_dataset(3, n_jobs=200), model)
    users, jobs = np.arange(len(ready.plan.user_id)), np.arange(len(ready.plan.job_id))
    scores = reference.compute_scores(ready.plan.program, users, jobs)
    np.testing.assert_array_equal(ready.scorer.all_pairs(), scores)
    ranking = ready.scorer.top_k(200)
    lists = reference.top_k(
        scores[0], ready.plan.job_id, ready.plan.exclusions.matrix(users), ready.plan.exclusions.company, 200, 0
    )
    for row, wanted in enumerate(lists):
        assert ranking.job_row[row, : ranking.count[row]].tolist() == wanted.tolist()
    explanation = ready.explain(int(ready.plan.user_id[0]), int(ready.plan.job_id[0]))
    assert [part.name for part in explanation.parts] == [part.name for part in model.parts]


def test_duplicate_kind_is_rejected() -> None:
    class Fee(TitleWord):
        kind: ClassVar[str] = "fee"

    with raises_at(ModelError, "fee", match="exists"):
        load_model("standard", components=[Fee])
    with raises_with(BrokenContractError, condition="can be pickled", when=None):
        check_component(Fee)
    assert load_model("standard", components=[TitleWord, TitleWord]) == load_model("standard")


# --- Invalid components -------------------------------------------------------------------------------------


class Bad(Component):
    """A component whose methods a test replaces."""

    kind: ClassVar[str] = "bad"
    make: ClassVar[Any] = None
    plain: ClassVar[Any] = staticmethod(lambda pair: 50.0)

    def terms(self, inputs: Inputs) -> Value:
        return type(self).make(inputs)

    def explain(self, pair: Pair) -> Reason:
        return Reason(type(self).plain(pair))


@pytest.fixture
def bad(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets the results of `terms` and `explain`."""

    def become(make: Any, plain: Any = lambda pair: 50.0) -> type[Component]:
        monkeypatch.setattr(Bad, "make", staticmethod(make))
        monkeypatch.setattr(Bad, "plain", staticmethod(plain))
        return Bad

    return become


def job(values: Any) -> Any:
    """Return a `terms` function that returns one job term."""
    return lambda inputs: Value((JobTerm(values(inputs)),))


def full(inputs: Inputs, value: float = 50.0) -> np.ndarray:
    return np.full(len(inputs.jobs), value)


def test_constant_component_satisfies_contract(bad: Any) -> None:
    """The invalid components are variants of this one."""
    check_component(bad(job(full)))


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (job(lambda i: np.where(i.jobs.job_id % 2, 50, np.nan)), ("values", "finite")),
        (job(lambda i: full(i, np.inf)), ("values", "finite")),
        (job(lambda i: full(i, 1e300)), ("values", "range")),
        (job(lambda i: full(i, 100.1)), ("range",)),
        (job(lambda i: full(i, -0.1)), ("range",)),
        (job(lambda i: np.full(3, 50.0)), ("values", "shape")),
        (job(lambda i: np.full((len(i.users), len(i.jobs)), 50.0)), ("values", "shape")),
        (job(lambda i: 50.0), ("values", "type")),
        (job(lambda i: np.array(["50"] * len(i.jobs), dtype=object)), ("values", "dtype")),
        (lambda i: np.full(len(i.jobs), 50.0), ("terms",)),
        (lambda i: Value((JobTerm(full(i)), Key("k", np.zeros(len(i.jobs), np.int32), 1))), ("terms", "Key")),
    ],
)
def test_invalid_values_are_detected(bad: Any, make: Any, key: tuple[str, ...]) -> None:
    with raises_invalid_terms("bad", *key):
        check_component(bad(make))


@contextmanager
def raises_invalid_terms(*key: str) -> Iterator[None]:
    """Expect that the terms are invalid on the dataset, with the key of the plan's error."""
    with raises_with(BrokenContractError, condition="has valid terms", when="on the dataset") as raised:
        yield
    assert isinstance(raised.value.__cause__, ModelError)
    assert raised.value.__cause__.key == key, raised.value


def lookup(inputs: Inputs, **changed: Any) -> Value:
    n, codes = len(inputs.users), np.zeros(len(inputs.jobs), dtype=np.int32)
    given: dict[str, Any] = {"codes": codes, "size": 2, "rows": np.full((1, 3), 50.0), "row_of": np.zeros(n, np.int32)}
    given |= changed
    return Value((LookupTerm(Key("own", given["codes"], given["size"]), given["rows"], given["row_of"]),))


def sparse(inputs: Inputs, code: int, gains: int | None = None) -> Value:
    n = len(inputs.users)
    term = LookupTerm.sparse(Key("own", np.zeros(len(inputs.jobs), np.int32), 2), ragged(n, code), 0.0)
    if gains is not None:
        term = LookupTerm(term.key, term.rows, term.row_of, term.entries, np.zeros(gains))
    return Value((UserTerm(np.full(n, 50.0)), term))


def ragged(n: int, code: int) -> Any:
    from scoring.dataset.arrays import Ragged

    return Ragged.of([code] for _ in range(n))


def flags(inputs: Inputs, bits: Any = None, row: int = 0, columns: int = 2) -> Value:
    bits = np.zeros(len(inputs.jobs), dtype=np.uint16) if bits is None else bits
    rows = np.full((1, columns), 50.0)
    return Value((FlagTerm(Flags("own", bits, 1), rows, np.full(len(inputs.users), row, dtype=np.int32)),))


def divided(inputs: Inputs, divisor: Any) -> Value:
    return Value((UserTerm(np.full(len(inputs.users), 50.0)),), divisor=divisor(inputs))


def interval(inputs: Inputs, **changed: Any) -> Value:
    n = len(inputs.users)
    bounds = {"low": np.zeros(n), "high": np.ones(n), "gain": np.zeros(n)} | changed
    return Value((UserTerm(np.full(n, 50.0)), IntervalTerm(Number("own", full(inputs)), **bounds)))


def dot(inputs: Inputs, dimensions: tuple[int, int], **changed: Any) -> Value:
    n, m = len(inputs.users), len(inputs.jobs)
    given: dict[str, Any] = {
        "users": np.zeros((n, dimensions[0]), np.float32),
        "jobs": np.zeros((m, dimensions[1]), np.float32),
        "user_has": np.ones(n, bool),
        "job_has": np.ones(m, bool),
        "scale": 50.0,
        "shift": 1.0,
        "otherwise": np.full(n, 50.0),
    }
    return Value((DotTerm(**given | changed),))


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda i: lookup(i, rows=np.full((1, 2), 50.0)), ("rows", "shape")),
        (lambda i: lookup(i, codes=np.full(len(i.jobs), 2, np.int32)), ("key.codes", "range")),
        (lambda i: lookup(i, codes=np.full(len(i.jobs), -2, np.int32)), ("key.codes", "range")),
        (lambda i: lookup(i, codes=np.zeros(len(i.jobs))), ("key.codes", "dtype")),
        (lambda i: lookup(i, row_of=np.ones(len(i.users), np.int32)), ("row_of", "range")),
        (lambda i: lookup(i, row_of=np.zeros(1, np.int32)), ("row_of", "shape")),
        (lambda i: lookup(i, rows=np.array([[50.0, np.nan, 50.0]])), ("rows", "finite")),
        (lambda i: sparse(i, 2), ("entries", "range")),
        (lambda i: sparse(i, -1), ("entries", "range")),
        (lambda i: sparse(i, 1, gains=5), ("gains", "shape")),
        (lambda i: flags(i, row=1), ("row_of", "range")),
        (lambda i: flags(i, row=-1), ("row_of", "range")),
        (lambda i: flags(i, bits=np.full(len(i.jobs), 2, np.uint16)), ("flags.bits", "range")),
        (lambda i: flags(i, columns=4), ("rows", "shape")),
        (lambda i: divided(i, lambda i: UserTerm(np.zeros(len(i.users)))), ("divisor",)),
        (lambda i: divided(i, lambda i: JobTerm(full(i))), ("divisor", "JobTerm")),
        (lambda i: interval(i, low=np.zeros(1)), ("low", "shape")),
        (lambda i: interval(i, gain=np.full(len(i.users), np.nan)), ("gain", "finite")),
        (lambda i: dot(i, (3, 4)), ("jobs", "shape")),
        (lambda i: dot(i, (3, 3), scale=np.inf), ("scale", "finite")),
        (lambda i: dot(i, (3, 3), users=np.full((len(i.users), 3), np.nan, np.float32)), ("users", "finite")),
    ],
)
def test_terms_that_do_not_fit_data_are_rejected(bad: Any, make: Any, key: tuple[str, ...]) -> None:
    """The plan rejects them too, because a compiled kernel would read outside its arrays."""
    component = bad(make)
    with raises_invalid_terms("bad", *key):
        check_component(component)
    model = ScoringModel("m", (Part("mine", "base", component()),), WeightProfile({"base": 1}, {"base": {"mine": 1}}))
    with raises_at(ModelError, "mine", *key):
        Plan.build(model, Inputs.of(Statistics(small_dataset())))


def test_two_columns_with_one_name_are_detected(bad: Any) -> None:
    """Terms with equal names share their column: a name clash would read the wrong one."""

    def clash(inputs: Inputs) -> Value:
        rows, row_of = np.full((1, 3), 25.0), np.zeros(len(inputs.users), dtype=np.int32)
        a, b = (np.full(len(inputs.jobs), code, dtype=np.int32) for code in (0, 1))
        return Value((LookupTerm(Key("own", a, 2), rows, row_of), LookupTerm(Key("own", b, 2), rows, row_of)))

    with raises_invalid_terms("own"):
        check_component(bad(clash))


def test_name_clash_with_shipped_column_is_rejected(bad: Any) -> None:
    def clash(inputs: Inputs) -> Value:
        n = len(inputs.users)
        return Value((IntervalTerm(Number("hourly", full(inputs)), np.zeros(n), np.ones(n), np.zeros(n)),))

    base = load_model("standard")
    parts = (*base.parts, Part("bad", "personal", bad(clash)()))
    components = {group: {part.name: 1.0 for part in parts if part.group == group} for group in base.weights.groups}
    model = ScoringModel("m", parts, WeightProfile.normalised(base.weights.groups, components))
    with raises_at(ModelError, "hourly"):
        Plan.build(model, Inputs.of(Statistics(small_dataset())))


@pytest.mark.parametrize(
    ("make", "plain", "condition", "when"),
    [
        # the mean of the selected rows
        (
            job(lambda i: full(i, len(i.jobs) / 10)),
            lambda pair: len(pair.inputs.jobs) / 10,
            "is repeatable",
            "for this job alone",
        ),
        # the position of a row
        (
            job(lambda i: np.arange(len(i.jobs)) / 10.0),
            lambda pair: pair._j / 10.0,
            "is repeatable",
            "with the rows of the request in another order",
        ),
        # all actions, also those after the clock
        (
            job(lambda i: full(i, len(i.dataset.tables.actions) / 100)),
            lambda pair: len(pair.inputs.dataset.tables.actions) / 100,
            "is repeatable",
            "with actions after the clock",
        ),
        # the first action of a table without order
        (
            job(lambda i: full(i, i.dataset.tables.actions["job_id"].iloc[:1].sum() % 101)),
            lambda pair: float(pair.inputs.dataset.tables.actions["job_id"].iloc[:1].sum() % 101),
            "is repeatable",
            "with the rows of the tables in another order",
        ),
        (job(lambda i: full(i)), lambda pair: float("nan"), "equals explain", "on the dataset"),
        (job(lambda i: full(i)), lambda pair: None, "equals explain", "on the dataset"),
        (job(lambda i: full(i, 50 + 1e-8)), lambda pair: 50.0, "equals explain", "on the dataset"),
        (job(lambda i: full(i, 51.0)), lambda pair: 50.0, "equals explain", "on the dataset"),
    ],
    ids=["request", "position", "clock", "order", "nan", "none", "close", "other"],
)
def test_forbidden_dependency_of_value_is_detected(bad: Any, make: Any, plain: Any, condition: str, when: str) -> None:
    with raises_with(BrokenContractError, condition=condition, when=when):
        check_component(bad(make, plain))


def test_random_component_is_detected(bad: Any) -> None:
    rng = np.random.default_rng(0)
    last: list[np.ndarray] = []

    def dice(inputs: Inputs) -> Value:
        last.append(rng.uniform(0, 100, len(inputs.jobs)))
        return Value((JobTerm(last[-1]),))

    with raises_with(BrokenContractError, condition="is repeatable", when="when it is computed a second time"):
        check_component(bad(dice, lambda pair: float(last[-1][pair._j])))


def test_component_that_changes_inputs_is_detected(bad: Any) -> None:
    def clean(inputs: Inputs) -> Value:
        inputs.jobs.fee[np.isnan(inputs.jobs.fee)] = 0.0
        return Value((JobTerm(full(inputs)),))

    with raises_invalid_terms("bad", "terms"):
        check_component(bad(clean))


class WithoutKind(Component):
    def terms(self, inputs: Inputs) -> Value:
        return job(full)(inputs)

    def explain(self, pair: Pair) -> Reason:
        return Reason(50.0)


class NotFrozen(WithoutKind):
    model_config = ConfigDict(frozen=False)
    kind: ClassVar[str] = "not_frozen"


class RequiredParameter(WithoutKind):
    kind: ClassVar[str] = "required_parameter"
    must: float


class LostParameter(WithoutKind):
    """Loses a parameter when it is written to a file."""

    kind: ClassVar[str] = "lost_parameter"
    given: float = 1.0

    def model_dump(self, **options: Any) -> dict[str, Any]:
        return {}


class Fee(WithoutKind):
    kind: ClassVar[str] = "fee"


@pytest.mark.parametrize(
    ("component", "condition"),
    [
        (WithoutKind, "has a kind"),
        (NotFrozen, "is frozen"),
        (RequiredParameter, "has defaults"),
        (LostParameter(given=2.0), "can be stored"),
        (Fee, "can be stored"),
        (dict, "is a component"),
        ("fee", "is a component"),
    ],
    ids=["without_kind", "not_frozen", "required_parameter", "lost_parameter", "taken", "no component", "text"],
)
def test_invalid_component_class_is_detected(component: Any, condition: str) -> None:
    with raises_with(BrokenContractError, condition=condition, when=None):
        check_component(component)


def test_component_with_required_parameters_is_checked() -> None:
    check_component(RequiredParameter(must=3.0))


def test_interval_component_returns_all_values() -> None:
    """The interval and its condition give all three values."""
    data = small_dataset(3)
    inputs = Inputs.of(Statistics(data))
    values = [
        FeeInReach().explain(Pair(inputs, u, j)).value for u in range(len(data.users)) for j in range(len(data.jobs))
    ]
    assert {30.0, 50.0, 100.0} == set(values)
