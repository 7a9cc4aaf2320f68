"""User-defined components, from the class to rankings, and the errors of the contract suite for invalid ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ConfigDict

from scoring.backends import reference
from scoring.catalog import load_model
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
from scoring.plan import Plan
from scoring.ranking import Prepared
from scoring.statistics import Statistics
from scoring.testing import check_component, small_dataset
from tests.support.custom_components import OWN, FeeInReach, SameAge, TitleWord
from tests.support.errors import raises_at

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
    with pytest.raises(AssertionError, match="cannot be pickled"):
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
    ("make", "message"),
    [
        (job(lambda i: np.where(i.jobs.job_id % 2, 50, np.nan)), r"`values` contains NaN or infinity"),
        (job(lambda i: full(i, np.inf)), r"`values` contains NaN or infinity"),
        (job(lambda i: full(i, 1e300)), r"`values` contains values beyond 1e\+09"),
        (
            job(lambda i: full(i, 100.1)),
            r"on the dataset: component bad: the value of user \d+ and job \d+ is 100.1",
        ),
        (job(lambda i: full(i, -0.1)), r"the value of user \d+ and job \d+ is -0.1"),
        (job(lambda i: full(i, 51.0)), r"`terms` gives 51.0, `explain` returns 50.0"),
        (job(lambda i: np.full(3, 50.0)), r"`values` has shape \(3,\); it must be \(48,\)"),
        (job(lambda i: np.full((len(i.users), len(i.jobs)), 50.0)), r"has shape \(12, 48\); it must be \(48,\)"),
        (job(lambda i: 50.0), r"`values` is a float; it must be a NumPy array"),
        (job(lambda i: np.array(["50"] * len(i.jobs), dtype=object)), r"it must be numeric"),
        (lambda i: np.full(len(i.jobs), 50.0), r"`terms` returned a ndarray; it must return a scoring.model.Value"),
        (
            lambda i: Value((JobTerm(full(i)), Key("k", np.zeros(len(i.jobs), np.int32), 1))),
            r"`terms` returned a Value that contains a Key, which is not a term",
        ),
    ],
)
def test_invalid_values_are_detected(bad: Any, make: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_component(bad(make))


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
    ("make", "message"),
    [
        (lambda i: lookup(i, rows=np.full((1, 2), 50.0)), r"`rows` has shape \(1, 2\); it must be \(1, 3\)"),
        (
            lambda i: lookup(i, codes=np.full(len(i.jobs), 2, np.int32)),
            r"`key.codes` has values from 2 to 2; they must be from -1 to 1",
        ),
        (
            lambda i: lookup(i, codes=np.full(len(i.jobs), -2, np.int32)),
            r"`key.codes` has values from -2 to -2; they must be from -1 to 1",
        ),
        (
            lambda i: lookup(i, codes=np.zeros(len(i.jobs))),
            r"`key.codes` has dtype float64; it must be an integer type",
        ),
        (
            lambda i: lookup(i, row_of=np.ones(len(i.users), np.int32)),
            r"`row_of` has values from 1 to 1; they must be from -1 to 0",
        ),
        (lambda i: lookup(i, row_of=np.zeros(1, np.int32)), r"`row_of` has shape \(1,\); it must be \(12,\)"),
        (lambda i: lookup(i, rows=np.array([[50.0, np.nan, 50.0]])), r"`rows` contains NaN or infinity"),
        (lambda i: sparse(i, 2), r"`entries` has values from 2 to 2; they must be from 0 to 1"),
        (lambda i: sparse(i, -1), r"`entries` has values from -1 to -1; they must be from 0 to 1"),
        (lambda i: sparse(i, 1, gains=5), r"`gains` has shape \(5,\); it must be \(12,\)"),
        (lambda i: flags(i, row=1), r"`row_of` has values from 1 to 1; they must be from 0 to 0"),
        (lambda i: flags(i, row=-1), r"`row_of` has values from -1 to -1; they must be from 0 to 0"),
        (
            lambda i: flags(i, bits=np.full(len(i.jobs), 2, np.uint16)),
            r"`flags.bits` has values from 2 to 2; they must be from 0 to 1",
        ),
        (lambda i: flags(i, columns=4), r"`rows` has shape \(1, 4\); it must be \(1, 2\)"),
        (
            lambda i: divided(i, lambda i: UserTerm(np.zeros(len(i.users)))),
            r"UserTerm: as a divisor, it must not contain 0",
        ),
        (lambda i: divided(i, lambda i: JobTerm(full(i))), r"a Value whose divisor is a JobTerm"),
        (lambda i: interval(i, low=np.zeros(1)), r"`low` has shape \(1,\); it must be \(12,\)"),
        (lambda i: interval(i, gain=np.full(len(i.users), np.nan)), r"`gain` contains NaN or infinity"),
        (lambda i: dot(i, (3, 4)), r"`jobs` has shape \(48, 4\); it must be \(48, 3\)"),
        (lambda i: dot(i, (3, 3), scale=np.inf), r"`scale` contains NaN or infinity"),
        (
            lambda i: dot(i, (3, 3), users=np.full((len(i.users), 3), np.nan, np.float32)),
            r"`users` contains NaN or infinity",
        ),
    ],
)
def test_terms_that_do_not_fit_data_are_rejected(bad: Any, make: Any, message: str) -> None:
    """The plan rejects them too, because a compiled kernel would read outside its arrays."""
    component = bad(make)
    with pytest.raises(AssertionError, match=message):
        check_component(component)
    model = ScoringModel("m", (Part("mine", "base", component()),), WeightProfile({"base": 1}, {"base": {"mine": 1}}))
    with raises_at(ModelError, "mine", match=message):
        Plan.build(model, Inputs.of(Statistics(small_dataset())))


def test_two_columns_with_one_name_are_detected(bad: Any) -> None:
    """Terms with equal names share their column: a name clash would read the wrong one."""

    def clash(inputs: Inputs) -> Value:
        rows, row_of = np.full((1, 3), 25.0), np.zeros(len(inputs.users), dtype=np.int32)
        a, b = (np.full(len(inputs.jobs), code, dtype=np.int32) for code in (0, 1))
        return Value((LookupTerm(Key("own", a, 2), rows, row_of), LookupTerm(Key("own", b, 2), rows, row_of)))

    with pytest.raises(
        AssertionError, match="Two terms of the components use the name 'own' for different job columns"
    ):
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
    ("make", "plain", "message"),
    [
        # the mean of the selected rows
        (
            job(lambda i: full(i, len(i.jobs) / 10)),
            lambda pair: len(pair.inputs.jobs) / 10,
            "for this job alone",
        ),
        # the position of a row
        (
            job(lambda i: np.arange(len(i.jobs)) / 10.0),
            lambda pair: pair._j / 10.0,
            "with the rows of the request in another order",
        ),
        # all actions, also those after the clock
        (
            job(lambda i: full(i, len(i.dataset.tables.actions) / 100)),
            lambda pair: len(pair.inputs.dataset.tables.actions) / 100,
            "with actions after the clock",
        ),
        # the first action of a table without order
        (
            job(lambda i: full(i, i.dataset.tables.actions["job_id"].iloc[:1].sum() % 101)),
            lambda pair: float(pair.inputs.dataset.tables.actions["job_id"].iloc[:1].sum() % 101),
            "with the rows of the tables in another order",
        ),
        (job(lambda i: full(i)), lambda pair: float("nan"), "`terms` gives 50.0, `explain` returns nan"),
        (job(lambda i: full(i)), lambda pair: None, "`explain` returns None, which is not a number"),
        (job(lambda i: full(i, 50 + 1e-8)), lambda pair: 50.0, "`explain` returns 50.0"),
    ],
    ids=["request", "position", "clock", "order", "nan", "none", "close"],
)
def test_forbidden_dependency_of_value_is_detected(bad: Any, make: Any, plain: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_component(bad(make, plain))


def test_random_component_is_detected(bad: Any) -> None:
    rng = np.random.default_rng(0)
    last: list[np.ndarray] = []

    def dice(inputs: Inputs) -> Value:
        last.append(rng.uniform(0, 100, len(inputs.jobs)))
        return Value((JobTerm(last[-1]),))

    with pytest.raises(AssertionError, match="when it is computed a second time"):
        check_component(bad(dice, lambda pair: float(last[-1][pair._j])))


def test_component_that_changes_inputs_is_detected(bad: Any) -> None:
    def clean(inputs: Inputs) -> Value:
        inputs.jobs.fee[np.isnan(inputs.jobs.fee)] = 0.0
        return Value((JobTerm(full(inputs)),))

    with pytest.raises(AssertionError, match="read-only"):
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
    ("component", "message"),
    [
        (WithoutKind, "has no `kind`"),
        (NotFrozen, "NotFrozen is not frozen"),
        (RequiredParameter, "cannot be created without parameters"),
        (LostParameter(given=2.0), "after it is written to a model file and read back"),
        (Fee, "component kind 'fee' already exists: Fee"),
        (dict, "dict is not a subclass of"),
        ("fee", "'fee' is neither a Component nor a subclass of Component"),
    ],
    ids=["without_kind", "not_frozen", "required_parameter", "lost_parameter", "taken", "no component", "text"],
)
def test_invalid_component_class_is_detected(component: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
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
