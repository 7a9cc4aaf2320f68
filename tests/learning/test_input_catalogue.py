"""Inputs of trained models: formulas compared with plain Python, values of categories, batches, and errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from scoring.columns import ACTION_KINDS
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.learning.input_catalogue import (
    INPUTS,
    InputSpec,
    InputTables,
    compute_job_inputs,
    compute_pair_inputs,
    compute_user_inputs,
    find_input,
    make_specs,
)
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from tests.support.live_market import make_tables

DAY = 86_400.0


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return Inputs.of(Dataset(make_tables(seed=3, users=50, jobs=200)))


@pytest.fixture(scope="module")
def tables(inputs: Inputs) -> InputTables:
    return InputTables(inputs, make_specs(list(INPUTS), inputs))


def make_pairs(inputs: Inputs, n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    return generator.integers(0, len(inputs.users), n), generator.integers(0, len(inputs.jobs), n)


def nan_if_none(value: float | None) -> float:
    return math.nan if value is None else float(value)


def expected_values(pair: Pair) -> dict[str, float]:
    """Return inputs of a pair from plain facts."""
    job, user = pair.job, pair.user
    applied = [action.job for action in pair.actions("application", 90)]
    wages = [seen.hourly for seen in applied if seen.hourly is not None]
    mean = sum(wages) / len(wages) if wages else None
    applications, looks = pair.company_actions(360)
    if job.prefecture is None or user.prefecture is None:
        place = None
    elif job.prefecture == user.prefecture:
        place = 3.0 if user.city is not None and user.city == job.city else 2.0
    else:
        place = 1.0 if pair.adjacent else 0.0
    share = sum(seen.occupation == job.occupation is not None for seen in applied) / len(applied) if applied else None
    same_city = sum((seen.prefecture, seen.city) == (job.prefecture, job.city) for seen in applied)
    is_placed = job.prefecture is not None and job.city is not None
    city_share = (same_city / len(applied) if is_placed else 0.0) if applied else None
    every = [action for kind in ("application", "click", "view") for action in pair.actions(kind)]
    latest = max((action.at for action in every), default=None)
    clock = pair.inputs.dataset.as_of.to_pydatetime()
    viewed = [action.at for action in pair.actions("view") if action.job.job_id == job.job_id]
    return {
        "job.wage": nan_if_none(job.hourly),
        "job.fee": nan_if_none(job.fee),
        "job.age_days": nan_if_none(pair.job_age_days),
        "job.daily_payment": nan_if_none(job.daily_payment),
        "job.clicks_30d": float(pair.count_actions("click", 30)),
        "job.company_rate": (applications + 1) / (looks + 20),
        "user.applications_90d": float(len(applied)),
        "user.days_since_action": nan_if_none(None if latest is None else (clock - latest).total_seconds() / DAY),
        "user.mean_wage": nan_if_none(mean),
        "user.preferred": float(len(user.preferred)),
        "pair.place": nan_if_none(place),
        "pair.application_occupation_share": nan_if_none(share),
        "pair.application_city_share": nan_if_none(city_share),
        "pair.wage_ratio": nan_if_none(None if mean is None or job.hourly is None else job.hourly / mean),
        "pair.days_since_view": nan_if_none((clock - max(viewed)).total_seconds() / DAY if viewed else None),
        "pair.factors": nan_if_none(pair.cosine_of_factors),
    }


def test_formulas_equal_plain_python(inputs: Inputs, tables: InputTables) -> None:
    users, jobs = make_pairs(inputs, 300)
    rows = tables.rows(users, jobs)
    place = {spec.name: column for column, spec in enumerate(tables.specs)}
    compared = 0
    for row, (user, job) in enumerate(zip(users.tolist(), jobs.tolist(), strict=True)):
        for name, value in expected_values(Pair(inputs, user, job)).items():
            np.testing.assert_allclose(rows[row, place[name]], value, rtol=1e-13, err_msg=name)
            compared += not math.isnan(value)
    assert compared > 2_000


def test_preferred_similarity_is_that_of_category(inputs: Inputs) -> None:
    from scoring.components import Category

    specs = make_specs(["pair.preferred_similarity"], inputs)
    users, jobs = make_pairs(inputs)
    found = compute_pair_inputs(inputs, specs, users, jobs)[:, 0]
    known = ~np.isnan(found)
    component = Category(floor=0)
    values = [
        component.explain(Pair(inputs, user, job)).value
        for user, job in zip(users[known].tolist(), jobs[known].tolist(), strict=True)
    ]
    assert known.any()
    np.testing.assert_allclose(100.0 * found[known], values, rtol=1e-13)


def test_rows_have_the_same_bits_alone_and_in_batches(inputs: Inputs, tables: InputTables) -> None:
    users, jobs = make_pairs(inputs)
    rows = tables.rows(users, jobs)
    for size in (1, 7, 64):
        parts = [tables.rows(users[at : at + size], jobs[at : at + size]) for at in range(0, len(users), size)]
        assert np.concatenate(parts).tobytes() == rows.tobytes()


def test_sides_are_columns_of_the_pair_rows(inputs: Inputs) -> None:
    specs = make_specs(["user.preferred", "job.fee", "pair.place", "job.wage"], inputs)
    users, jobs = make_pairs(inputs, 20)
    rows = compute_pair_inputs(inputs, specs, users, jobs)
    np.testing.assert_array_equal(rows[:, [1, 3]], compute_job_inputs(inputs, specs)[jobs])
    np.testing.assert_array_equal(rows[:, [0]], compute_user_inputs(inputs, specs)[users])


def test_categories_do_not_depend_on_codes_of_the_data(inputs: Inputs) -> None:
    """A dataset with fewer values has other codes, and its rows have the same numbers."""
    specs = make_specs(["job.occupation", "job.prefecture", "job.employment_type", "user.prefecture"], inputs)
    whole = inputs.dataset.tables
    lowest = whole.jobs["occupation_code"].min()
    kept = whole.jobs[whole.jobs["occupation_code"] != lowest]
    actions = whole.actions[whole.actions["job_id"].isin(kept["job_id"])]
    fewer = Inputs.of(Dataset(replace(whole, jobs=kept, actions=actions), as_of=inputs.dataset.as_of))
    rows = np.isin(inputs.jobs.job_id, fewer.jobs.job_id)
    np.testing.assert_array_equal(compute_job_inputs(fewer, specs), compute_job_inputs(inputs, specs)[rows])
    np.testing.assert_array_equal(compute_user_inputs(fewer, specs), compute_user_inputs(inputs, specs))


def test_unseen_category_is_after_the_last(inputs: Inputs) -> None:
    spec = make_specs(["job.occupation"], inputs, missing=-1.0)[0]
    assert spec.categories is not None
    part = spec.model_copy(update={"categories": spec.categories[1:]})
    found, expected = (compute_job_inputs(inputs, [each])[:, 0] for each in (part, spec))
    n = len(spec.categories)
    np.testing.assert_array_equal(found, np.where(expected == 0, n - 1, np.where(expected < 0, -1, expected - 1)))
    assert {-1.0, float(n - 1)} <= set(found.tolist())


def test_missing_values_are_those_of_the_spec(inputs: Inputs) -> None:
    names = ["job.fee", "user.salary_floor", "pair.wage_ratio", "user.work_style"]
    users, jobs = make_pairs(inputs)
    missing = np.isnan(compute_pair_inputs(inputs, make_specs(names, inputs), users, jobs))
    filled = compute_pair_inputs(inputs, make_specs(names, inputs, missing=-7.5), users, jobs)
    assert missing.any(axis=0).all()
    np.testing.assert_array_equal(filled == -7.5, missing)


def compute_all(inputs: Inputs, names: Sequence[str]) -> dict[str, bytes]:
    """Return the values of every input for some pairs. Categories are compared as values of the first data."""
    users, jobs = make_pairs(inputs, 400)
    rows = InputTables(inputs, make_specs(names, inputs)).rows(users, jobs)
    return {name: rows[:, place].tobytes() for place, name in enumerate(names)}


def test_inputs_state_all_columns_that_they_read() -> None:
    """A column is changed at a time; the statistics of all users stay. An input that changes must name the column."""
    data = Dataset(make_tables(seed=3, users=50, jobs=200))
    inputs = Inputs.of(data)
    before, changes = compute_all(inputs, list(INPUTS)), dict[str, set[str]]()
    for table in ("jobs", "users", "actions"):
        given = getattr(data.tables, table)
        names = given.columns if table != "actions" else [f"actions.{kind}" for kind in ACTION_KINDS]
        for name in names:
            if name in ("job_id", "user_id", "external_id"):
                continue
            frame = given.copy()
            if table == "actions":
                rows = frame["action"] == name.partition(".")[2]
                frame.loc[rows, "job_id"] = np.roll(frame.loc[rows, "job_id"].to_numpy(), 1)
            else:
                values = list(frame[name])
                frame[name] = pd.Series(values[1:] + values[:1], index=frame.index, dtype=frame[name].dtype)
            changed = Dataset(data.tables.with_tables(**{table: frame}), as_of=data.as_of)
            after = compute_all(Inputs.of(changed, basis=inputs.basis), list(INPUTS))
            found = {each for each in INPUTS if before[each] != after[each]}
            changes[name if table == "actions" else f"{table}.{name}"] = found
    assert sum(map(len, changes.values())) > 60
    for column, found in changes.items():
        kinds = ("actions",) if column.startswith("actions.") else ()
        unstated = {name for name in found if not {column, *kinds} & set(INPUTS[name].reads)}
        assert not unstated, (column, unstated)
    stated = {column for each in INPUTS.values() for column in each.reads}
    known = {f"{table}.{column}" for table in ("jobs", "users") for column in getattr(data.tables, table).columns}
    known |= {"actions", "user_factors", "job_factors", *(f"actions.{kind}" for kind in ACTION_KINDS)}
    assert stated <= known


def test_own_columns_are_inputs() -> None:
    jobs = pd.DataFrame({"job_id": [1, 2, 3], "remote_days": [1, 5, None], "seniority": ["b", "a", None]})
    own = {"jobs": {"remote_days": "integer", "seniority": "category"}}
    data = Dataset.from_frames(jobs, pd.DataFrame({"user_id": [1]}), own_columns=own, as_of="2026-01-01")
    inputs = Inputs.of(data)
    specs = make_specs(["jobs.remote_days", "jobs.seniority"], inputs, missing=-1.0)
    assert specs[1].categories == ("a", "b")
    np.testing.assert_array_equal(compute_job_inputs(inputs, specs), [[1.0, 1.0], [5.0, 0.0], [-1.0, -1.0]])


@pytest.mark.parametrize("name", ["job.wag", "jobs.unknown", "users.", "wage"])
def test_unknown_input_is_refused_by_name(inputs: Inputs, name: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make_specs([name], inputs)
    assert raised.value.key == (name,)


def test_text_columns_are_refused() -> None:
    jobs = pd.DataFrame({"job_id": [1], "title_text": ["x"]})
    data = Dataset.from_frames(
        jobs, pd.DataFrame({"user_id": [1]}), own_columns={"jobs": {"title_text": "text"}}, as_of="2026-01-01"
    )
    with pytest.raises(ConfigurationError):
        make_specs(["jobs.title_text"], Inputs.of(data))


def test_duplicate_input_is_refused(inputs: Inputs) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make_specs(["job.fee", "job.fee"], inputs)
    assert raised.value.key == ("job.fee",)


@pytest.mark.parametrize(
    "change",
    [
        {"formula": "fee / 2"},
        {"unit": "yen"},
        {"side": "user"},
        {"categories": (1, 2)},
        {"name": "job.occupation", "formula": "occupation_code", "unit": "value"},
        {"name": "job.nothing"},
    ],
)
def test_spec_of_another_formula_is_refused(change: dict[str, object]) -> None:
    known = {"name": "job.fee", "side": "job", "formula": "fee", "unit": "money"}
    InputSpec.model_validate(known)
    with pytest.raises(ValidationError):
        InputSpec.model_validate(known | change)


def test_names_begin_with_their_side() -> None:
    assert all(name.split(".")[0] == found.side for name, found in INPUTS.items())
    assert find_input("users.level").side == "user"
