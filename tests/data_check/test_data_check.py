"""Each oddity that is planted in a market is reported with the value that shows it; the shipped market has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from scoring import Dataset, Prepared, load_model, make_market
from scoring.columns.dataset_frames import Tables
from scoring.data_check import CHECKS, DataCheck, check_data, find_run_warnings
from scoring.data_check.row_findings import find_late_clock
from scoring.model import Component, Inputs, Pair, Part, Reason, ScoringModel, WeightProfile
from scoring.model.terms import JobTerm, Value

STANDARD = load_model("standard")


@pytest.fixture(scope="module")
def market() -> Tables:
    return make_market(700, 2_000, seed=2).tables


def frames(market: Tables, **changed: pd.DataFrame) -> dict[str, pd.DataFrame]:
    names = ("jobs", "users", "actions", "occupations", "prefectures", "prefecture_adjacency")
    return {name: getattr(market, name).copy() for name in names} | changed


def check(frames: dict[str, pd.DataFrame], model: ScoringModel = STANDARD, **options: Any) -> DataCheck:
    return check_data(Dataset.from_frames(**frames, on_bad="quarantine", **options), model)


def test_shipped_market_has_no_warning() -> None:
    found = check_data(Dataset(make_market(2_200, 2_000, seed=2).tables), STANDARD)
    assert found.problems == found.warnings == ()
    silent = {
        "clock",
        "text ids",
        "times of 1970",
        "local times",
        "duplicate postings",
        "areas without jobs",
        "factors",
    }
    assert {finding.check for finding in found.findings} == set(CHECKS) - silent - {"component values"}
    assert len(found.frame()) == len(found.findings)


# Each function changes the frames, and returns the check and a value that its text must contain.

Plant = Callable[[dict[str, pd.DataFrame]], tuple[str, str]]


def invalid_fee(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["jobs"]["fee"] = tables["jobs"]["fee"].astype(object)
    tables["jobs"].loc[3, "fee"] = "abc"
    return "rejected rows", "fee"


def missing_fees(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["jobs"].loc[tables["jobs"].index >= 100, "fee"] = np.nan
    return "missing values", "the component fee reads jobs.fee (95% missing)"


def unknown_salary_type(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["jobs"].loc[:199, "salary_type"] = "時給"
    return "unknown values", "時給"


def repeated_header(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    jobs = tables["jobs"]
    jobs["job_id"] = jobs["job_id"].astype(object)
    row = jobs.iloc[[5]].assign(job_id="total")
    tables["jobs"] = pd.concat([jobs, row], ignore_index=True)
    return "text ids", "1 text id among 2,000 numbers, such as 'total'"


def epoch_seconds(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    """Milliseconds that were read as microseconds."""
    start = pd.Timestamp(0, tz="UTC")
    tables["users"]["registered_at"] = start + (tables["users"]["registered_at"] - start) / 1000
    return "times of 1970", "users.registered_at"


def local_times(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    clock = tables["actions"]["occurred_at"].max()
    late = tables["jobs"].index < 150
    tables["jobs"].loc[late, "posted_at"] = clock + pd.Timedelta(hours=8.5)
    tables["jobs"].loc[tables["jobs"]["posted_at"] > clock + pd.Timedelta(hours=9), "posted_at"] = clock
    return "local times", "within 8.5 hours"


def late_action(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    clock = tables["actions"]["occurred_at"].max()
    tables["actions"].loc[7, "occurred_at"] = clock + pd.Timedelta(days=40)
    return (
        "clock",
        f"days after 99.9% of the actions. If its time is wrong, correct it, or set --as-of {clock:%Y-%m-%d}",
    )


def future_action(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    now = pd.Timestamp.now(tz="UTC").floor("us")
    tables["actions"].loc[7, "occurred_at"] = now + pd.Timedelta(hours=9)
    return "clock", "9.0 hours after the time of this machine"


def duplicates(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["jobs"].loc[:99, ["company_id", "title", "city_code"]] = ["C-9", "Cook", "13101"]
    return "duplicate postings", "C-9, Cook, 13101"


def expired_jobs(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["jobs"]["expires_at"] = pd.Timestamp("2025-01-01", tz="UTC")
    return "jobs", "no job is open"


def inactive_users(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["users"]["is_active"] = False
    return "users", "none of 700 users is active"


def no_wishes_no_actions(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["users"] = tables["users"][["user_id", "prefecture_code"]]
    tables["actions"] = tables["actions"].iloc[:0]
    return "users", "with neither"


def no_applications(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["actions"] = tables["actions"][tables["actions"]["action"] != "application"]
    return "actions", "the data contains no applications"


def quiet_week(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    at = tables["actions"]["occurred_at"]
    newest = at.max()
    lost = (at > newest - pd.Timedelta(days=14)) & (at < newest - pd.Timedelta(days=7))
    tables["actions"] = tables["actions"][~lost]
    return "actions", "has 0 actions"


def area_without_jobs(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    in_tokyo = tables["jobs"]["prefecture_code"] == "13"
    assert in_tokyo.any()
    tables["jobs"].loc[in_tokyo, "is_active"] = False
    return "areas without jobs", "13 ("


def other_factors(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    rng = np.random.default_rng(0)
    for what in ("user", "job"):
        ids = tables[f"{what}s"][f"{what}_id"].to_numpy()
        ids = ids[:30] if what == "user" else ids
        values = pd.DataFrame(rng.normal(size=(len(ids), 4)), columns=[f"f{n}" for n in range(4)])
        tables[f"{what}_factors"] = values.assign(**{f"{what}_id": ids})
    return "factors", "user_factors lacks"


def one_fee(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["jobs"]["fee"] = 700.0
    return "constant components", "Reason: jobs.fee: one value, 700.0"


def no_clicks(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["actions"] = tables["actions"][tables["actions"]["action"] != "click"]
    return "constant components", "Reason: actions.click: there are none"


def few_users(tables: dict[str, pd.DataFrame]) -> tuple[str, str]:
    tables["users"] = tables["users"].iloc[:150]
    return "holdout", "of them for tests"


PLANTS: list[Plant] = [
    invalid_fee, missing_fees, unknown_salary_type, repeated_header, epoch_seconds, local_times, duplicates,
    expired_jobs, inactive_users, no_wishes_no_actions, no_applications, quiet_week, area_without_jobs, other_factors,
    one_fee, no_clicks, few_users, late_action, future_action,
]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_planted_oddity_is_reported_with_its_value(market: Tables, plant: Plant) -> None:
    changed = frames(market)
    name, value = plant(changed)
    found = check(changed)
    texts = [f"{finding}" for finding in (*found.problems, *found.warnings) if finding.check == name]
    assert any(value in text for text in texts), (texts, found.frame())
    assert bool(found.problems) == (plant in (expired_jobs, inactive_users))


class TooLarge(Component):
    kind: ClassVar[str] = "too_large"

    def terms(self, inputs: Inputs) -> Value:
        return Value((JobTerm(np.full(len(inputs.jobs), 500.0)),))

    def explain(self, pair: Pair) -> Reason:
        return Reason(500.0)


def test_component_outside_the_range_is_a_problem(market: Tables) -> None:
    part = Part("too_large", "base", TooLarge())
    model = ScoringModel("own", (part,), WeightProfile({"base": 1.0}, {"base": {"too_large": 1.0}}))
    [problem] = check(frames(market), model).problems
    assert problem.check == "component values"
    assert "too_large" in problem.text
    assert "500" in problem.text


@pytest.mark.parametrize("plant", [expired_jobs, inactive_users, late_action, local_times, epoch_seconds, one_fee])
def test_run_repeats_the_important_findings(market: Tables, plant: Plant) -> None:
    changed = frames(market)
    name, value = plant(changed)
    prepared = Prepared.of(Dataset.from_frames(**changed), STANDARD)
    found = find_run_warnings(prepared)
    assert [finding for finding in found if finding.check == name and value in str(finding)], found


def test_run_has_no_warning_on_the_shipped_market(market: Tables) -> None:
    assert find_run_warnings(Prepared.of(Dataset(market), STANDARD)) == []


def test_given_clock_is_not_warned_about(market: Tables) -> None:
    changed = frames(market)
    late_action(changed)
    for as_of in (market.actions["occurred_at"].max(), changed["actions"]["occurred_at"].max() + pd.Timedelta(days=1)):
        data = Dataset.from_frames(**changed, as_of=as_of)
        assert list(find_late_clock(data)) == []


def test_every_finding_belongs_to_a_check(market: Tables) -> None:
    found = check(frames(market))
    assert {finding.check for finding in found.findings} <= set(CHECKS)


def test_empty_tables_are_problems(market: Tables) -> None:
    for name in ("jobs", "users"):
        changed = frames(market)
        changed["actions"] = changed["actions"].iloc[:0]
        changed[name] = changed[name].iloc[:0]
        assert check(changed).problems


def test_documentation_lists_every_check() -> None:
    page = (Path(__file__).parents[2] / "docs" / "your_data.md").read_text(encoding="utf-8")
    assert all(f"| {name} | {text} |" in page for name, text in CHECKS.items())
