"""Rankings are exact for any basis: the dataset's own, an earlier one, or one read from arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict
from datetime import timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset, Tables
from scoring.dataset.arrays import DAY
from scoring.dataset.clock import Clock
from scoring.errors import ConfigurationError, DataReason
from scoring.model import Inputs
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.statistics import Basis, Statistics, frozen_statistics
from tests.support.errors import raises_at, raises_data, raises_same
from tests.support.random_markets import CLOCK, random_market

MODELS = ("standard", "classic")
SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 3))]
FAR_BACK = CLOCK - timedelta(days=40)


def dataset(seed: int, *, as_of: object = None, **options: object) -> Dataset:
    return Dataset(tables(seed, **options), as_of=as_of)


@cache
def tables(seed: int, **options: object) -> Tables:
    return Tables(**random_market(seed, **{"factors": True} | options).frames())


Answers = tuple[list[np.ndarray], list[str]]


def answers(prepared: Prepared, pairs: int = 5) -> Answers:
    """Return rankings, scores of all pairs, component values, eligibility, and some explanations."""
    users, jobs = np.arange(len(prepared.plan.user_id)), np.arange(len(prepared.plan.job_id))
    ranking, scorer = prepared.top_k(10), prepared.scorer
    arrays = [
        ranking.user_id,
        ranking.job_id,
        ranking.scores,
        scorer.all_pairs(),
        scorer.components(users, jobs),
        prepared.plan.exclusions.matrix(users),
    ]
    chosen = np.random.default_rng(0).integers(0, [len(users), len(jobs)], (pairs, 2))
    ids = ((int(prepared.plan.user_id[u]), int(prepared.plan.job_id[j])) for u, j in chosen)
    return arrays, [repr(asdict(prepared.explain(*pair))) for pair in ids]


def assert_answers(prepared: Prepared, wanted: Answers) -> None:
    found = answers(prepared)
    for one, other in zip(found[0], wanted[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert found[1] == wanted[1]


def assert_same(found: Prepared, wanted: Prepared) -> None:
    assert_answers(found, answers(wanted))


def basis_of(data: Dataset) -> Basis:
    return Statistics(data).basis


def materialized(data: Dataset) -> Basis:
    return Statistics(data).basis.materialize([360.0])


def transferred_basis(data: Dataset) -> Basis:
    """Return the basis as another process receives it."""
    return Basis.of_arrays({name: array.copy() for name, array in materialized(data).arrays().items()})


# --- The dataset's own basis --------------------------------------------------------------------------------


@cache
def compute_own_answers(seed: int, model: str) -> Answers:
    """Return the answers without a given basis, with which those of each basis are compared."""
    return answers(Prepared.of(dataset(seed), load_model(model)))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("build", [basis_of, materialized, transferred_basis])
@pytest.mark.parametrize("seed", SEEDS)
def test_basis_of_dataset_keeps_lists(seed: int, build: Callable[[Dataset], Basis], model: str) -> None:
    data = dataset(seed)
    assert_answers(Prepared.of(data, load_model(model), basis=build(data)), compute_own_answers(seed, model))


@pytest.mark.parametrize("model", MODELS)
def test_basis_with_trained_factors_keeps_lists(model: str) -> None:
    data = dataset(3, factors=False)
    statistics, chosen = Statistics(data), load_model(model)
    whole = Prepared.of(statistics, chosen)
    read = Basis.of_arrays(statistics.basis.arrays())  # the plan has read the windows that it needs
    assert read.factors.source == statistics.factors.source == "trained"
    assert len(read.user_id) < len(data.users)
    assert_same(Prepared.of(data, chosen, basis=read), whole)


def test_local_ranking_computes_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    error = AssertionError("a digest was computed")

    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(frozen_statistics, "digest_of", fail)
    data = dataset(1)
    prepared = Prepared.of(data, load_model("standard"))
    prepared.top_k(5)
    assert "fingerprint" not in vars(data)
    with raises_same(error):
        prepared.inputs.basis.materialize().digest  # noqa: B018


def test_basis_computes_values_on_access_only() -> None:
    statistics = Statistics(dataset(1))
    found = statistics.basis
    assert not {"areas", "factors", "_local_similarity"} & vars(statistics).keys()
    assert not found.popularity
    assert found.areas is statistics.areas
    assert found.similarity is statistics.similarity
    assert found.factors is statistics.factors
    assert not found.popularity
    assert found.company_actions(360.0) is statistics.company_actions(360.0)
    assert list(found.popularity) == [360.0]


# --- Another basis ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", SEEDS)
def test_earlier_basis_equals_dataset_with_that_clock(seed: int, model: str) -> None:
    """Later actions are not read, and jobs are open or new as of the earlier clock."""
    content, chosen = tables(seed), load_model(model)
    earlier, today = Dataset(content, as_of=FAR_BACK), Dataset(content)
    assert len(earlier.actions) < len(today.actions)
    wanted = answers(Prepared.of(earlier, chosen))
    for build in (basis_of, transferred_basis):
        assert_answers(Prepared.of(today, chosen, basis=build(earlier)), wanted)


@pytest.mark.parametrize("model", MODELS)
def test_later_basis_reads_actions_up_to_its_clock(model: str) -> None:
    content, chosen = tables(3), load_model(model)
    earlier, today = Dataset(content, as_of=FAR_BACK), Dataset(content)
    assert_same(Prepared.of(earlier, chosen, basis=transferred_basis(today)), Prepared.of(today, chosen))


@pytest.mark.parametrize("seed", SEEDS)
def test_changed_rows_equal_request_on_old_data(seed: int) -> None:
    """Both tables have new rows and codes, fewer rows, and changed values; the actions are unchanged."""
    before = dataset(seed)
    acted = set(before.tables.actions["job_id"])
    jobs, users = before.tables.jobs.copy(), before.tables.users.copy()
    free = jobs.index[~jobs["job_id"].isin(acted)].to_numpy()
    jobs.loc[free[::2], ["occupation_code", "prefecture_code", "company_id"]] = [987_654, "00 new", "00 new"]
    jobs.loc[free[1::3], "min_salary"] = 2345.0
    jobs = pd.concat([jobs.drop(index=free[3::4]), jobs.loc[free[:1]].assign(job_id=77_000_000)], ignore_index=True)
    users.loc[users.index[::3], ["prefecture_code", "city_code"]] = ["00 new", "00 new"]
    users.loc[users.index[1::4], "preferred_occupations"] = users["preferred_occupations"].map(lambda _: [987_654, 101])
    after = Dataset(
        before.tables.with_tables(jobs=jobs, users=users), as_of=before.as_of, set_back=before.clock.set_back
    )
    for name in MODELS:
        model = load_model(name)
        request = Inputs.of(Statistics(before), jobs=after.tables.jobs, users=after.tables.users)
        wanted = Prepared.of(request, model)
        wanted_answers = answers(wanted)
        for build in (basis_of, transferred_basis):
            assert_answers(Prepared.of(after, model, basis=build(before)), wanted_answers)
        if name == "standard":  # no component of classic reads rows other than the pair's
            assert (Prepared.of(after, model).scorer.all_pairs() != wanted.scorer.all_pairs()).any()


def test_new_codes_match_themselves_only() -> None:
    before = dataset(1)
    jobs, users = before.tables.jobs.copy(), before.tables.users.copy()
    jobs["prefecture_code"] = np.where(jobs.index % 2, "00 new", "01")
    jobs["city_code"] = None
    jobs["occupation_code"] = np.where(jobs.index % 2, 987_654, 101)
    jobs["occupation_code"] = jobs["occupation_code"].astype("Int64")
    jobs = jobs.astype(before.tables.jobs.dtypes)
    users["prefecture_code"] = np.where(users.index % 2, "00 new", "02")
    users["preferred_occupations"] = [[987_654] if row % 2 else [102] for row in users.index]
    adjacency = before.tables.prefecture_adjacency
    added = pd.DataFrame({"prefecture_code": ["02"], "adjacent_code": ["00 new"]}).astype(adjacency.dtypes)
    known = before.tables.prefectures
    prefectures = pd.concat([known, known.iloc[:1].assign(prefecture_code="00 new")], ignore_index=True)
    content = before.tables.with_tables(
        jobs=jobs,
        users=users.astype(before.tables.users.dtypes),
        prefectures=prefectures,
        prefecture_adjacency=pd.concat([adjacency, added], ignore_index=True),
    )
    prepared = Prepared.of(Dataset(content), load_model("standard"), basis=materialized(before))
    names = [part.name for part in prepared.model.parts]
    values = prepared.scorer.components(np.arange(len(users)), np.arange(len(jobs)))
    location, category = values[names.index("location")], values[names.index("category")]
    new_user, new_job = np.arange(len(users)) % 2 == 1, np.arange(len(jobs)) % 2 == 1
    assert set(location[np.ix_(new_user, new_job)].ravel()) == {85.0}
    assert set(location[np.ix_(new_user, ~new_job)].ravel()) == {20.0}
    assert set(location[np.ix_(~new_user, new_job)].ravel()) == {20.0}
    assert set(category[np.ix_(new_user, new_job)].ravel()) == {100.0}
    assert set(category[np.ix_(new_user, ~new_job)].ravel()) == {20.0}
    assert set(category[np.ix_(~new_user, new_job)].ravel()) == {20.0}
    # with its own basis the new prefecture is adjacent to 02
    location = Prepared.of(Dataset(content), load_model("standard")).scorer.components(
        np.arange(len(users)), np.arange(len(jobs))
    )[names.index("location")]
    assert set(location[np.ix_(~new_user, new_job)].ravel()) == {60.0}


def test_basis_keeps_its_means_and_counts() -> None:
    """Wages double and every user applies to every job; wage and popularity scores still follow the old basis."""
    before = dataset(0)
    jobs, actions = before.tables.jobs, before.tables.actions
    more = pd.DataFrame(
        {
            "user_id": np.repeat(before.users.user_id, len(jobs)),
            "job_id": np.tile(before.jobs.job_id, len(before.users)),
            "action": "application",
            "occurred_at": before.as_of,
        }
    ).astype(actions.dtypes)
    after = Dataset(
        before.tables.with_tables(
            jobs=jobs.assign(min_salary=2 * jobs["min_salary"]),
            actions=pd.concat([actions, more], ignore_index=True),
        ),
        as_of=before.as_of,
        set_back=before.clock.set_back,
    )
    model, old = load_model("standard"), materialized(before)
    inputs = Inputs.of(after, basis=old)
    mean, count, level = old.areas.of(inputs.jobs)
    for found, wanted in zip(Statistics(before).areas.of(before.jobs), (mean, count, level), strict=True):
        np.testing.assert_array_equal(found, wanted)
    names = [part.name for part in model.parts]
    components = {
        name: Prepared.of(data, model, basis=given).scorer.components(np.array([0]), np.arange(len(jobs)))
        for name, data, given in (("old", before, None), ("kept", after, old), ("own", after, None))
    }
    popularity, wage, category = (names.index(name) for name in ("popularity", "wage", "category"))
    for kept in (popularity, category):
        np.testing.assert_array_equal(components["kept"][kept], components["old"][kept])
    assert (components["own"][popularity] > components["kept"][popularity]).any()
    assert (components["kept"][wage] > components["own"][wage]).any()
    # the user's own actions are read from the rows, so they count immediately
    assert not Prepared.of(after, model, basis=old).plan.exclusions.matrix(np.arange(len(after.users))).any()


def test_basis_without_window_is_rejected() -> None:
    data = dataset(1)
    with raises_at(ConfigurationError, "days"):
        Prepared.of(data, load_model("standard"), basis=Statistics(data).basis.materialize([30.0]))


def test_inputs_with_basis_reject_another_basis() -> None:
    data = dataset(1)
    with raises_at(ConfigurationError, "basis"):
        Prepared.of(Inputs.of(data), load_model("classic"), basis=materialized(data))


def test_fingerprint_includes_other_basis() -> None:
    """Runs of the same data under different bases have different keys."""
    today, earlier = dataset(2), dataset(2, as_of=FAR_BACK)
    inputs = [
        Inputs.of(today, basis=given) for given in (None, basis_of(today), materialized(today), materialized(earlier))
    ]
    assert inputs[0].fingerprint == inputs[1].fingerprint == today.fingerprint
    assert len({each.fingerprint for each in inputs}) == 3
    assert inputs[0].has_same_data(inputs[1])
    assert not inputs[0].has_same_data(inputs[3])
    assert inputs[3].has_same_data(Inputs.of(today, basis=transferred_basis(earlier)))


# --- Arrays and digest --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_arrays_are_numeric_and_round_trip(seed: int) -> None:
    found = materialized(dataset(seed))
    arrays = found.arrays()
    assert all(array.dtype.kind in "biuf" for array in arrays.values())
    read = Basis.of_arrays(arrays)
    assert read.clock.now == found.clock.now
    assert read.clock.set_back == found.clock.set_back
    assert read.words.equals(found.words)
    assert read.words.majors().tolist() == found.words.majors().tolist()
    assert read.digest == found.digest
    for name, array in read.arrays().items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype


def test_actions_by_job_are_counted_and_round_trip() -> None:
    inputs = Inputs.of(dataset(0))
    basis = inputs.basis.materialize([360.0], [None, 30])
    again = Basis.of_arrays(basis.arrays())
    assert again.digest == basis.digest
    job_id = np.append(inputs.jobs.job_id, 10**9)
    for days in (None, 30):
        wanted = inputs.count_actions("view", days)
        for counted in (basis, again):
            assert counted.job_actions(days).of("view", job_id).tolist() == [*wanted.tolist(), 0]
    assert basis.digest != Statistics(dataset(0)).basis.materialize([360.0], [None]).digest
    with raises_at(ConfigurationError, "days"):
        basis.job_actions(7)


def test_empty_dataset_has_a_basis() -> None:
    empty = {name: frame.iloc[:0] for name, frame in dataset(1).tables.items()}
    found = Statistics(Dataset(Tables(**empty))).basis.materialize([360.0])
    assert Basis.of_arrays(found.arrays()).digest == found.digest


def test_digest_depends_on_content_only() -> None:
    content = tables(4)
    found = materialized(Dataset(content)).digest
    mixed = Tables(**{name: frame.sample(frac=1, random_state=1) for name, frame in content.items()})
    assert materialized(Dataset(mixed)).digest == found
    fewer = content.with_tables(actions=content.actions.iloc[:-20])
    cheaper = content.with_tables(jobs=content.jobs.assign(min_salary=content.jobs["min_salary"] - 1))
    others = [
        materialized(Dataset(fewer, as_of=Dataset(content).as_of)).digest,
        materialized(Dataset(cheaper)).digest,
        materialized(Dataset(content, as_of=FAR_BACK)).digest,
        Statistics(Dataset(content)).basis.materialize([30.0]).digest,
    ]
    assert len({found, *others}) == 5


def test_digest_of_dataset_basis_covers_windows_read() -> None:
    statistics = Statistics(dataset(1))
    before = statistics.basis.digest
    statistics.company_actions(360.0)
    assert statistics.basis.digest != before
    assert statistics.basis.digest == materialized(statistics.dataset).digest


@cache
def arrays_of_basis() -> dict[str, np.ndarray]:
    """Return the arrays of a basis, of which tests change copies."""
    return materialized(dataset(1)).arrays()


@pytest.mark.parametrize("name", sorted(arrays_of_basis()))
def test_missing_or_misshapen_arrays_are_rejected(name: str) -> None:
    arrays = arrays_of_basis()
    missing = {other: array for other, array in arrays.items() if other != name}
    with raises_data("missing array", column=name):
        Basis.of_arrays(missing)
    for broken in (arrays[name].astype(np.complex128), arrays[name][None]):
        with raises_data("wrong shape", column=name, value=f"{broken.dtype} {broken.shape}"):
            Basis.of_arrays(arrays | {name: broken})


@pytest.mark.parametrize(
    ("name", "column", "reason"),
    [
        ("adjacent", "adjacent", "wrong shape"),
        ("areas.by_major", "areas.by_major", "wrong shape"),
        ("areas.by_prefecture", "areas.by_prefecture", "wrong shape"),
        ("popularity.looks", "popularity.looks", "wrong shape"),
        ("words.company.end", "words.company.end", "damaged"),
        ("factors.users", "factors.user_has", "wrong shape"),
    ],
)
def test_inconsistent_arrays_are_rejected(name: str, column: str, reason: DataReason) -> None:
    arrays = arrays_of_basis()
    with raises_data(reason, table="basis", column=column):
        Basis.of_arrays(arrays | {name: arrays[name][:-1]})


def test_other_format_is_rejected() -> None:
    with raises_data("other format", column="format", value="1"):
        Basis.of_arrays(arrays_of_basis() | {"format": np.array([1])})


def test_basis_is_immutable() -> None:
    for found in (basis_of(dataset(1)), materialized(dataset(1))):
        with pytest.raises(FrozenInstanceError):
            found.areas = None  # type: ignore[misc, assignment]


# --- The clock ----------------------------------------------------------------------------------------------


def test_clock_truncates_nanoseconds() -> None:
    exact = pd.Timestamp("2025-06-30T12:00:00.123456789Z")
    assert Clock(exact, False).now == exact.value // 1000
    assert Clock(pd.Timestamp("9999-12-31T23:59:59.999999Z"), False).now == 253402300799999999
    assert Clock.at(-DAY, set_back=True) == Clock(pd.Timestamp("1969-12-31", tz="UTC"), True)
    assert Clock.at(Clock(exact, True).now, set_back=True).as_of == pd.Timestamp("2025-06-30T12:00:00.123456Z")


@pytest.mark.parametrize("component", ["classic_history", "classic_click"])
def test_ties_follow_values_of_new_codes(component: str) -> None:
    """An occupation that the basis does not know has a code after all others, and the smallest value."""
    n, kind = (10, "application") if component == "classic_history" else (20, "click")
    jobs = pd.DataFrame({"job_id": np.arange(n + 1), "occupation_code": [1, *range(201, 201 + n)]})
    actions = pd.DataFrame({"user_id": 7, "job_id": jobs["job_id"], "action": kind, "occurred_at": CLOCK})
    users = pd.DataFrame({"user_id": [7]})
    before = Dataset.from_frames(jobs[1:], users, actions[1:])
    given = Statistics(before).basis.materialize()
    data, model = Dataset.from_frames(jobs, users, actions), load_model("classic")
    number = next(c for c, part in enumerate(model.parts) if part.component.kind == component)
    values = [
        Prepared.of(data, model, basis=basis).scorer.components(np.array([0]), np.arange(n + 1))[number]
        for basis in (given, None)
    ]
    np.testing.assert_array_equal(*values)
