"""Correct engines pass every invariant, and each invariant fails on an engine that breaks it."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoring.components import Fee
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.model import Inputs
from scoring.model_catalog import load_model
from scoring.plan import Plan
from scoring.synthetic import make_market
from scoring.testing import (
    BrokenInvariantsError,
    EngineUnderTest,
    check_engine,
    engine_checks,
    list_checks,
    small_dataset,
)
from scoring.testing.check_context import make_small_market
from scoring.testing.invariants.invariant_registry import NotTestableError
from tests.support import broken_engines as broken
from tests.support.broken_engines import Broken, of_jobs, of_users, swap_best_where
from tests.support.custom_components import OWN, TitleWord
from tests.support.errors import raises_at
from tests.support.proof_counts import record_count

MIXED = """\
name: mixed
groups:
  base:
    weight: 0.5
    components:
      title_word: {weight: 0.5, word: Night}
      fee: {weight: 0.5}
  personal:
    weight: 0.5
    components:
      same_age: {weight: 1/3, gain: 12.5}
      fee_in_reach: {weight: 1/3}
      collaborative: {weight: 1/3}
eligibility: {max_per_company: 7, employment_types: [1]}
"""
"""User-defined and shipped components, a group without components, and a cap."""


# --- Correct engines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("standard", "dense"),
        pytest.param("standard", "reference", marks=pytest.mark.long),
        ("classic", "pruned"),
        pytest.param("classic", "dense", marks=pytest.mark.long),
    ],
)
def test_shipped_models_pass_every_invariant(model: str, path: Any) -> None:
    report = check_engine(model, scorer_path=path)
    assert report.passed == list_checks()
    assert not report.not_testable
    record_count(
        "invariants", "{} invariants held for {} pairs of a shipped model and a strategy", len(report.passed), 1
    )


@pytest.mark.parametrize("path", ["pruned", pytest.param("dense", marks=pytest.mark.long)])
def test_model_with_custom_components_passes(path: Any, tmp_path: Path) -> None:
    file = tmp_path / "mixed.yaml"
    file.write_text(MIXED, encoding="utf-8")
    report = check_engine(load_model(file, components=OWN), seed=1, scorer_path=path)
    assert report.passed == list_checks()


@pytest.mark.parametrize("check", engine_checks(TitleWord, backend=Broken("pruned")))
def test_custom_component_added_to_standard_passes(check: Any) -> None:
    """Also with a user-defined engine: the base of all broken engines."""
    check()


def test_shipped_component_can_be_added_again() -> None:
    names = ["lists_equal_the_sorted_reference", "points_add_up_to_the_total"]
    assert check_engine(Fee(), checks=names).passed == tuple(names)


def test_earlier_clock_ignores_is_active() -> None:
    """`is_active` holds for today, so it is not used for an earlier clock."""
    tables = small_dataset(4, n_users=8, n_jobs=60).tables
    names = ["closed_jobs_are_never_listed", "large_k_lists_all_eligible_jobs", "ineligible_jobs_can_be_added"]
    assert check_engine(dataset=Dataset(tables, as_of="2025-03-01"), checks=names).passed == tuple(names)


# --- Broken engines -----------------------------------------------------------------------------------------

UP = np.float32(200)


pytestmark = pytest.mark.usefixtures("without_contract")
"""The components of these tests are broken on purpose."""


def double_job_values(plan: Plan) -> Plan:
    return broken.replace(plan, program=plan.program._replace(job_value=2 * plan.program.job_value))


MUTANTS: list[tuple[str, dict[str, Any], str]] = [
    # the content of lists
    (
        "lists_equal_the_sorted_reference",
        {"lists": swap_best_where(lambda a: True)},
        r"user \d+, .*: position 1 is job",
    ),
    ("lists_equal_the_sorted_reference", {"lists": broken.truncate(9)}, r"the list has 9 jobs, not 10"),
    (
        "lists_equal_the_sorted_reference",
        {"lists": broken.change_scores(broken.change_group_score)},
        r"position 1 is job \d+ with the scores",
    ),
    ("many_ties_are_broken_by_id", {"lists": broken.larger_id_first}, r"each job 4 times: position 1 is job"),
    ("ties_are_broken_by_smaller_id", {"lists": broken.larger_id_first}, r"and the larger id comes first"),
    ("ties_are_broken_by_smaller_id", {"lists": broken.later_ties}, r"has the same total and is missing"),
    (
        "shorter_lists_are_prefixes",
        {"lists": swap_best_where(lambda a: a.k == 11)},
        r"10 best compared with 11 best: position 1",
    ),
    ("lists_are_well_formed", {"lists": broken.duplicate_best}, r"a job occurs twice"),
    ("lists_are_well_formed", {"lists": swap_best_where(lambda a: True)}, r"totals ascend"),
    ("lists_are_well_formed", {"lists": broken.understate_counts}, r"entries after its \d+ jobs are not empty"),
    ("lists_are_well_formed", {"lists": broken.other_rows}, r"rows and ids differ"),
    ("lists_are_well_formed", {"lists": broken.unknown_ids}, r"a job is not in the data"),
    # what must not change lists
    (
        "lists_do_not_depend_on_chunk_size",
        {"lists": swap_best_where(lambda a: not a.is_complete)},
        r"requested 1 at a time: position 1",
    ),
    (
        "lists_do_not_depend_on_workers",
        {"lists": swap_best_where(lambda a: (a.workers or 0) > 2)},
        r"with 5 workers: position 1",
    ),
    ("lists_follow_the_requested_order", {"lists": broken.sort_by_user}, r"the users or their order differ"),
    ("results_are_repeatable", {"lists": broken.swap_every_second_call()}, r"the second time: position 1"),
    ("results_are_repeatable", {"pairs": broken.add_noise()}, r"the second time: scores of all pairs differ"),
    (
        "scorers_are_thread_safe",
        {"lists": broken.swap_in_parallel()},
        r"with another thread at the same time: position 1",
    ),
    # scores
    (
        "pairs_equal_the_reference",
        {"pairs": lambda scores: np.nextafter(scores, UP)},
        r"compared with the reference: total_score is \d+\.\d+; it must be",
    ),
    ("pair_scores_are_consistent", {"single": lambda scores: np.nextafter(scores, UP)}, r"total_score is .* alone"),
    ("pair_scores_are_consistent", {"pairs": broken.change_single_users}, r"in the row of one user: "),
    (
        "list_scores_equal_pair_scores",
        {"lists": broken.change_scores(broken.change_group_score)},
        r"in the list, \[.*\] among all pairs",
    ),
    ("scores_are_finite_float32", {"pairs": lambda scores: scores.astype(float)}, r"all pairs are float64"),
    ("scores_are_finite_float32", {"pairs": broken.set_nan}, r"a score of all pairs is nan"),
    ("scores_are_finite_float32", {"lists": broken.change_scores(broken.set_nan)}, r"a score of lists is nan"),
    ("scores_are_finite_float32", {"lists": broken.change_scores(lambda scores: 2 * scores)}, r"of lists is 1\d\d\."),
    (
        "component_values_are_from_0_to_100",
        {"planned": double_job_values},
        r"component \w+ has the value [12]\d\d\.",
    ),
    (
        "points_add_up_to_the_total",
        {"explained": lambda explained: broken.replace(explained, total=math.nan)},
        r"the explained total is nan",
    ),
    (
        "points_add_up_to_the_total",
        {"explained": lambda explained: broken.replace(explained, parts=explained.parts[1:])},
        r"its points add up to",
    ),
    (
        "points_add_up_to_the_total",
        {"explained": lambda explained: broken.replace(explained, groups=dict.fromkeys(explained.groups, 1.0))},
        r"its weighted groups add up to 1, ",
    ),
    (
        "explanation_equals_the_score",
        {"explained": broken.change_component(weight=0.5)},
        r"fee has weight 0\.5, in the model 0\.1",
    ),
    (
        "explanation_equals_the_score",
        {"explained": broken.change_component(value=-1.0)},
        r"fee has the explained value -1\.0, but",
    ),
    ("explanation_equals_the_score", {"explained": broken.change_component(points=-1.0)}, r"fee has -1\.0 points"),
    (
        "explanation_equals_the_score",
        {"explained": broken.change_component(name="fees")},
        r"fees is explained in place of fee",
    ),
    (
        "explanation_equals_the_score",
        {"explained": lambda explained: broken.replace(explained, groups=dict.fromkeys(explained.groups, 1.0))},
        r"score of group base is 1, but it is",
    ),
    (
        "not_ranked_matches_the_lists",
        {"explained": lambda explained: broken.replace(explained, not_ranked=())},
        r"in no list, but `explain` names no rule",
    ),
    (
        "not_ranked_matches_the_lists",
        {"explained": lambda explained: broken.replace(explained, not_ranked=("never",))},
        r"in the list, but `explain` returns \['never'\]",
    ),
    # weights
    ("scaled_weights_change_nothing", {"model": broken.standard_as(broken.Smoothed)}, r"weights times 0\.25: "),
    (
        "zero_weight_component_can_be_removed",
        {"built": broken.replace_zero_weights},
        r"without fee, which has weight 0: ",
    ),
    ("single_component_orders_by_its_values", {"built": broken.replace_zero_weights}, r"all weight on fee: "),
    (
        "single_component_orders_by_its_values",
        {"lists": broken.drop_best},
        r"all weight on wage: the list has .* the largest values are",
    ),
    (
        "reweighted_plan_equals_a_new_plan",
        {"moved": lambda moved, plan: plan},
        r"with other weights \(1 of 3\): position 1",
    ),
    (
        "totals_are_linear_in_the_weights",
        {"model": broken.standard_as(broken.Squared)},
        r"with the mean of two weightings, the total is",
    ),
    # rules
    (
        "closed_jobs_are_never_listed",
        {"built": broken.with_rules(open=False)},
        r"the list contains job \d+, which must be excluded: it is not open at the clock",
    ),
    (
        "applied_jobs_are_never_listed",
        {"built": broken.with_rules(not_applied=False)},
        r"must be excluded: it is already applied to by the user",
    ),
    (
        "applied_jobs_are_never_listed",
        {"lists": broken.truncate(9)},
        r"the list lacks job \d+\. Only jobs that are already applied to",
    ),
    (
        "company_cooldown_is_applied",
        {"built": broken.with_rules(company_cooldown_days=None)},
        r"must be excluded: it is of a company that the user applied to in the last 60 days",
    ),
    (
        "company_cooldown_is_applied",
        {"built": broken.with_rules(company_cooldown_days=90.0)},
        r"Only jobs that are of a company that the user applied to in the last 60 days may be missing",
    ),
    ("min_fee_is_applied", {"built": broken.with_rules(min_fee=None)}, r"must be excluded: it is below a fee of \d+"),
    ("employment_types_are_applied", {"built": broken.with_rules(employment_types=None)}, r"of another employment"),
    ("own_conditions_on_jobs_are_applied", {"built": broken.with_rules(rules=())}, r"without a fee of at least"),
    ("own_comparisons_of_columns_are_applied", {"built": broken.with_rules(rules=())}, r"not in the prefecture"),
    ("own_rules_about_actions_are_applied", {"built": broken.with_rules(rules=())}, r"of a company that the user"),
    (
        "own_rules_about_actions_are_applied",
        {"built": broken.negate_rules_about_actions},
        r"must be excluded: it is not applied to",
    ),
    (
        "large_k_lists_all_eligible_jobs",
        {"lists": broken.truncate(30)},
        r"Only jobs that are excluded by a rule may be missing",
    ),
    (
        "large_k_lists_all_eligible_jobs",
        {"built": broken.with_rules(open=False)},
        r"must be excluded: it is excluded by a rule",
    ),
    (
        "max_per_company_is_applied",
        {"built": broken.with_rules(max_per_company=None)},
        r"at most 1 of a company: position \d+ is job",
    ),
    (
        "max_per_company_is_applied",
        {"lists": broken.cap_after_truncation},
        r"the list has 7 jobs, not",
    ),
    ("only_candidates_are_listed", {"candidates": lambda given: None}, r"with 0 jobs: the list has 10 jobs"),
    (
        "only_candidates_are_listed",
        {"lists": swap_best_where(lambda a: a.plan.exclusions.candidates is not None)},
        r"with \d+ jobs: position 1 is job",
    ),
    # data
    (
        "table_order_does_not_matter",
        {"component": of_jobs(broken.first_in_the_log)},
        r"rows of the tables in another order: ",
    ),
    ("request_order_does_not_matter", {"component": of_jobs(broken.position)}, r"rows of the request in another"),
    ("ids_only_break_ties", {"component": of_jobs(lambda i: i.jobs.job_id % 97)}, r"under other ids"),
    (
        "results_do_not_depend_on_other_users",
        {"component": of_users(lambda i: len(i.users))},
        r"requested with 15 other users: ",
    ),
    (
        "unlisted_jobs_can_be_removed",
        {"component": of_jobs(lambda i: len(i.jobs) / 10)},
        r"without \d+ jobs that are not in",
    ),
    (
        "ineligible_jobs_can_be_added",
        {"built": broken.with_rules(open=False)},
        r"expired copies of the best jobs: position 1",
    ),
    ("new_user_gets_a_list", {"lists": broken.empty_lists_for_new_users(63)}, r"new, in a list of 1: 0 jobs"),
    (
        "new_user_gets_a_list",
        {"lists": broken.change_scores(broken.set_nan)},
        r"new, in a list of 1: a score is not a number",
    ),
    (
        "empty_requests_are_valid",
        {"lists": broken.fail_for_empty_requests},
        r"It raised IndexError: index 0 is out of bounds",
    ),
    (
        "empty_requests_are_valid",
        {"pairs": lambda scores: scores.reshape(4, -1)},
        r"without users: scores have shape \(4, 0\), not \(4, 0, 160\)",
    ),
    (
        "actions_after_the_clock_are_ignored",
        {"component": of_jobs(broken.length_of_the_log)},
        r"as of .* later actions: ",
    ),
    ("duplicate_actions_count_once", {"component": of_jobs(broken.length_of_the_log)}, r"actions in the log twice: "),
    # inputs that must not be changed
    ("inputs_are_not_changed", {"component": of_jobs(broken.writes_wages)}, r"changed inputs\..*jobs\.hourly"),
    ("inputs_are_not_changed", {"component": of_jobs(broken.writes_a_table)}, r"changed the table jobs"),
    ("inputs_are_not_changed", {"lists": broken.writes_to_the_plan}, r"plan\.program\.folded_total"),
]
"""An invariant, what breaks it, and a pattern of the message."""


def engine(of: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `check_engine`."""
    of = dict(of)
    model = of.pop("model", None) or of.pop("component", None) or "standard"
    return {"model": model, "backend": Broken("pruned", **of)}


@pytest.fixture(scope="module")
def market() -> Dataset:
    """Return the market that `check_engine` creates. It takes a third of the time of a check."""
    return make_small_market(0)


@pytest.mark.parametrize(("name", "of", "evidence"), MUTANTS, ids=[mutant[0] for mutant in MUTANTS])
def test_each_invariant_detects_a_broken_engine(name: str, of: dict[str, Any], evidence: str, market: Dataset) -> None:
    shared = None if name == "inputs_are_not_changed" else market  # its broken engines write to the tables
    with pytest.raises(BrokenInvariantsError, match=evidence) as error:
        check_engine(**engine(of), dataset=shared, checks=[name])
    assert set(error.value.failures) == {name}
    record_count("broken engines", "{} broken engines", 1)


def test_every_invariant_has_a_broken_engine() -> None:
    assert {mutant[0] for mutant in MUTANTS} == set(list_checks())


# --- Messages -----------------------------------------------------------------------------------------------


def test_error_names_failures_with_their_evidence() -> None:
    names = ["lists_are_well_formed", "shorter_lists_are_prefixes", "lists_equal_the_sorted_reference"]
    with pytest.raises(BrokenInvariantsError) as error:
        check_engine(backend=Broken("dense", lists=swap_best_where(lambda a: a.k == 10)), seed=3, checks=names)
    assert list(error.value.failures) == names
    message = str(error.value)
    assert message.startswith("3 of 3 invariants do not hold for standard (Broken, path dense, seed 3):\n")
    assert str(pickle.loads(pickle.dumps(error.value))) == message  # noqa: S301  # pickled in this test
    for name, evidence in error.value.failures.items():
        assert f"- {name}: " in message
        assert evidence in message


def test_equal_evidence_is_printed_once() -> None:
    def fail(inputs: Inputs) -> float:
        raise KeyError("title")

    with pytest.raises(BrokenInvariantsError) as error:
        check_engine(of_jobs(fail))
    assert set(error.value.failures) == set(list_checks())
    assert str(error.value).count("component own: its `terms` raised KeyError: 'title'") == 1


def test_each_invariant_has_a_one_line_statement() -> None:
    assert len(list_checks()) >= 25
    for check in engine_checks():
        statement = check.invariant.statement
        assert statement.endswith(".")
        assert "\n" not in statement
        assert check.__name__ == check.invariant.name
        assert repr(check) == f"EngineCheck({check.__name__})"


def test_report_names_invariants_that_are_not_testable() -> None:
    """Without actions no user has applied to a job; without users almost nothing can be shown."""
    quiet = check_engine(dataset=small_dataset(2, n_users=4, n_jobs=20, n_actions=0), checks=list_checks())
    assert {
        "applied_jobs_are_never_listed",
        "company_cooldown_is_applied",
        "actions_after_the_clock_are_ignored",
    } <= set(quiet.not_testable)
    assert set(quiet.passed) | set(quiet.not_testable) == set(list_checks())
    without_users = check_engine(dataset=small_dataset(2, n_users=0, n_jobs=20, n_actions=0))
    assert without_users.passed == ("empty_requests_are_valid",)
    frame = without_users.frame()
    assert frame["invariant"].tolist() == list(list_checks())
    assert (frame["not_testable"] == "").sum() == 1
    assert "could not be tested" in repr(without_users)
    assert "<table" in without_users._repr_html_()
    with pytest.raises(NotTestableError):
        engine_checks(
            dataset=small_dataset(2, n_users=4, n_jobs=20, n_actions=0), checks=["duplicate_actions_count_once"]
        )[0]()


def test_large_dataset_is_sampled() -> None:
    dataset = Dataset(make_market(70, 700, 4_000, seed=5).tables)
    names = ["lists_equal_the_sorted_reference", "request_order_does_not_matter", "large_k_lists_all_eligible_jobs"]
    assert check_engine(dataset=dataset, checks=names).passed == tuple(names)
    with pytest.raises(BrokenInvariantsError) as broken_engine:
        check_engine(
            dataset=dataset,
            backend=Broken(pairs=lambda scores: np.nextafter(scores, UP)),
            checks=["pairs_equal_the_reference"],
        )
    assert list(broken_engine.value.failures) == ["pairs_equal_the_reference"]


def test_invalid_arguments_are_rejected() -> None:
    with raises_at(ConfigurationError, "checks"):
        check_engine(checks=["sorted"])
    with raises_at(ConfigurationError, "path"):
        check_engine(scorer_path="fast")  # type: ignore[arg-type]
    with raises_at(ConfigurationError, "scorer_path", "backend"):
        check_engine(scorer_path="dense", backend=EngineUnderTest("dense"))
