"""Correct engines pass every invariant, and each invariant fails on an engine that breaks it."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any
from unittest import SkipTest

import numpy as np
import pytest

from scoring.catalog import load_model
from scoring.components import Fee
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.model import Inputs
from scoring.synthetic import make_market
from scoring.testing import (
    BrokenInvariantsError,
    EngineUnderTest,
    check_engine,
    engine_checks,
    list_checks,
    small_dataset,
)
from tests.support import broken_engines as broken
from tests.support.broken_engines import Broken, of_jobs, of_users, swapped_where
from tests.support.counts import record_count
from tests.support.custom_components import OWN, TitleWord

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
def test_shipped_models_keep_every_promise_by_every_path(model: str, path: Any) -> None:
    report = check_engine(model, scorer_path=path)
    assert report.passed == list_checks()
    assert not report.not_shown
    record_count(
        "invariants", "{} invariants held for {} pairs of a shipped model and a strategy", len(report.passed), 1
    )


@pytest.mark.parametrize("path", ["pruned", "dense"])
def test_a_model_with_components_of_ones_own(path: Any, tmp_path: Path) -> None:
    file = tmp_path / "mixed.yaml"
    file.write_text(MIXED, encoding="utf-8")
    report = check_engine(load_model(file, components=OWN), seed=1, scorer_path=path)
    assert report.passed == list_checks()


@pytest.mark.parametrize("check", engine_checks(TitleWord, backend=Broken("pruned")))
def test_a_component_of_ones_own_beside_standard(check: Any) -> None:
    """Also with a user-defined engine: the base of all broken engines."""
    check()


def test_a_component_that_ships_may_stand_beside_itself() -> None:
    names = ["lists_equal_the_sorted_reference", "points_add_up_to_the_total"]
    assert check_engine(Fee(), checks=names).passed == tuple(names)


def test_as_of_a_day_that_is_past() -> None:
    """`is_active` holds for today, so it is not used for an earlier clock."""
    tables = small_dataset(4, n_users=8, n_jobs=60).tables
    names = ["closed_jobs_are_never_listed", "k_beyond_all_gives_all", "an_ineligible_job_may_come"]
    assert check_engine(dataset=Dataset(tables, as_of="2025-03-01"), checks=names).passed == tuple(names)


# --- Broken engines -----------------------------------------------------------------------------------------

UP = np.float32(200)

MUTANTS: list[tuple[str, dict[str, Any], str]] = [
    # the content of lists
    ("lists_equal_the_sorted_reference", {"lists": swapped_where(lambda a: True)}, r"user \d+, .*: place 1 is job"),
    ("lists_equal_the_sorted_reference", {"lists": broken.shorter(9)}, r"the list has 9 jobs, not 10"),
    ("lists_equal_the_sorted_reference", {"lists": broken.rescored(broken.other_group)}, r"place 1 is job \d+ with"),
    ("many_ties_are_broken_by_id", {"lists": broken.larger_id_first}, r"each job 4 times: place 1 is job"),
    ("ties_go_to_the_smaller_id", {"lists": broken.larger_id_first}, r"and the larger id comes first"),
    ("ties_go_to_the_smaller_id", {"lists": broken.later_ties}, r"has the same total and is left out"),
    ("shorter_lists_are_prefixes", {"lists": swapped_where(lambda a: a.k == 11)}, r"10 best against 11 best: place 1"),
    ("lists_are_well_formed", {"lists": broken.doubled}, r"a job stands twice"),
    ("lists_are_well_formed", {"lists": swapped_where(lambda a: True)}, r"totals ascend"),
    ("lists_are_well_formed", {"lists": broken.rubbish_behind}, r"something stands behind its"),
    ("lists_are_well_formed", {"lists": broken.other_rows}, r"rows are of other ids"),
    ("lists_are_well_formed", {"lists": broken.unknown_ids}, r"a job is none of the data"),
    # what must not change lists
    (
        "any_chunk_of_users_is_ranked_alike",
        {"lists": swapped_where(lambda a: not a.everybody)},
        r"asked for 1 at a time: place 1",
    ),
    (
        "any_number_of_workers_ranks_alike",
        {"lists": swapped_where(lambda a: (a.workers or 0) > 2)},
        r"with 5 workers: place 1",
    ),
    ("users_come_as_asked_for", {"lists": broken.by_user}, r"the users are others, or in another order"),
    ("the_same_again", {"lists": broken.sometimes()}, r"the second time: place 1"),
    ("the_same_again", {"pairs": broken.noisy()}, r"the second time: scores of all pairs are others"),
    ("threads_may_share_a_scorer", {"lists": broken.crowded()}, r"with another thread at the same time: place 1"),
    # scores
    (
        "pairs_equal_the_reference",
        {"pairs": lambda scores: np.nextafter(scores, UP)},
        r"against the reference: \d+\.\d+, not",
    ),
    ("a_pair_has_one_score", {"single": lambda scores: np.nextafter(scores, UP)}, r"total_score is .* on its own"),
    ("a_pair_has_one_score", {"pairs": broken.by_how_many}, r"in the rows of one user: "),
    (
        "a_list_shows_the_scores_of_its_pairs",
        {"lists": broken.rescored(broken.other_group)},
        r"in the list, \[.*\] as a pair",
    ),
    ("scores_are_finite_float32", {"pairs": lambda scores: scores.astype(float)}, r"all pairs are float64"),
    ("scores_are_finite_float32", {"pairs": broken.not_a_number}, r"a score of all pairs is nan"),
    ("scores_are_finite_float32", {"lists": broken.rescored(broken.not_a_number)}, r"a score of lists is nan"),
    ("scores_are_finite_float32", {"lists": broken.rescored(lambda scores: 2 * scores)}, r"of lists is 1\d\d\."),
    ("components_lie_from_0_to_100", {"component": of_jobs(lambda inputs: 130)}, r"component own is 130\.0"),
    (
        "points_add_up_to_the_total",
        {"explained": lambda said: broken.replace(said, total=math.nan)},
        r"explained is a total of nan",
    ),
    (
        "points_add_up_to_the_total",
        {"explained": lambda said: broken.replace(said, parts=said.parts[1:])},
        r"its points add up to",
    ),
    (
        "points_add_up_to_the_total",
        {"explained": lambda said: broken.replace(said, groups=dict.fromkeys(said.groups, 1.0))},
        r"its weighted groups add up to 1, ",
    ),
    ("explained_parts_are_the_score", {"explained": broken.of_part(weight=0.5)}, r"fee weighs 0\.5, in the model 0\.1"),
    ("explained_parts_are_the_score", {"explained": broken.of_part(value=-1.0)}, r"fee is explained as -1\.0, and is"),
    ("explained_parts_are_the_score", {"explained": broken.of_part(points=-1.0)}, r"fee gives -1\.0 points"),
    ("explained_parts_are_the_score", {"explained": broken.of_part(name="fees")}, r"fees stands where fee should"),
    (
        "explained_parts_are_the_score",
        {"explained": lambda said: broken.replace(said, groups=dict.fromkeys(said.groups, 1.0))},
        r"group base is explained as 1, and is",
    ),
    (
        "not_ranked_is_said_of_those_left_out",
        {"explained": lambda said: broken.replace(said, not_ranked=())},
        r"in no list, and `explain` names no rule",
    ),
    (
        "not_ranked_is_said_of_those_left_out",
        {"explained": lambda said: broken.replace(said, not_ranked=("never",))},
        r"in the list, and `explain` says \['never'\]",
    ),
    # weights
    ("scaled_weights_change_nothing", {"model": broken.standard_as(broken.Smoothed)}, r"weights times 0\.25: "),
    ("a_component_without_weight_may_go", {"built": broken.never_nothing}, r"without fee, which weighs 0: "),
    ("all_weight_on_a_component_orders_by_it", {"built": broken.never_nothing}, r"all weight on fee: "),
    (
        "all_weight_on_a_component_orders_by_it",
        {"lists": broken.second_best},
        r"all weight on wage: the list holds .* the largest values are",
    ),
    ("new_weights_equal_a_new_plan", {"moved": lambda moved, plan: plan}, r"under other weights \(1 of 3\): place 1"),
    ("totals_are_linear_in_the_weights", {"model": broken.standard_as(broken.Squared)}, r"half-way the total is"),
    # rules
    ("closed_jobs_are_never_listed", {"built": broken.ruled(open=False)}, r"is not open at the clock, and is in the"),
    ("applied_jobs_are_never_listed", {"built": broken.ruled(not_applied=False)}, r"is applied to, and is in the list"),
    ("applied_jobs_are_never_listed", {"lists": broken.shorter(9)}, r"is not applied to, and is in no list"),
    (
        "companies_cool_down",
        {"built": broken.ruled(company_cooldown_days=None)},
        r"applied to in 60 days, and is in the list",
    ),
    (
        "companies_cool_down",
        {"built": broken.ruled(company_cooldown_days=90.0)},
        r"is not of a company applied to in 60 days, and is in no list",
    ),
    ("fees_have_a_floor", {"built": broken.ruled(min_fee=None)}, r"is below a fee of \d+, and is in the list"),
    ("employment_types_are_those_allowed", {"built": broken.ruled(employment_types=None)}, r"of another employment"),
    ("k_beyond_all_gives_all", {"lists": broken.shorter(30)}, r"is not left out by a rule, and is in no list"),
    ("k_beyond_all_gives_all", {"built": broken.ruled(open=False)}, r"is left out by a rule, and is in the list"),
    (
        "a_company_has_no_more_places_than_its_share",
        {"built": broken.ruled(max_per_company=None)},
        r"at most 1 of a company: place \d+ is job",
    ),
    (
        "a_company_has_no_more_places_than_its_share",
        {"lists": broken.without_those_beyond_the_cap},
        r"the list has 7 jobs, not",
    ),
    ("candidates_are_all_that_is_listed", {"candidates": lambda given: None}, r"with 0 jobs: the list has 10 jobs"),
    (
        "candidates_are_all_that_is_listed",
        {"lists": swapped_where(lambda a: a.plan.exclusions.candidates is not None)},
        r"with \d+ jobs: place 1 is job",
    ),
    # data
    (
        "rows_of_tables_have_no_order",
        {"component": of_jobs(broken.first_in_the_log)},
        r"rows of the tables in another order: ",
    ),
    ("rows_of_a_request_have_no_order", {"component": of_jobs(broken.position)}, r"rows of the request in another"),
    ("ids_do_nothing_but_break_ties", {"component": of_jobs(lambda i: i.jobs.job_id % 97)}, r"under other ids"),
    ("some_users_have_the_rows_of_all", {"component": of_users(lambda i: len(i.users))}, r"about with 15 others: "),
    ("an_unlisted_job_may_go", {"component": of_jobs(lambda i: len(i.jobs) / 10)}, r"without \d+ jobs that are not in"),
    ("an_ineligible_job_may_come", {"built": broken.ruled(open=False)}, r"expired copies of the best jobs: place 1"),
    ("a_user_without_data_gets_a_list", {"lists": broken.nothing_for_strangers(63)}, r"new, in a list of 1: 0 jobs"),
    (
        "a_user_without_data_gets_a_list",
        {"lists": broken.rescored(broken.not_a_number)},
        r"new, in a list of 1: a score is no number",
    ),
    (
        "nobody_and_nothing_can_be_asked_about",
        {"lists": broken.stops_for_nobody},
        r"it raised IndexError: index 0 is out of bounds",
    ),
    (
        "nobody_and_nothing_can_be_asked_about",
        {"pairs": lambda scores: scores.reshape(4, -1)},
        r"without users: scores are of shape \(4, 0\), not \(4, 0, 160\)",
    ),
    ("nothing_after_the_clock_is_read", {"component": of_jobs(broken.length_of_the_log)}, r"as of .* later actions: "),
    ("an_action_counts_once", {"component": of_jobs(broken.length_of_the_log)}, r"actions in the log twice: "),
    # inputs that must not be changed
    ("what_is_read_is_not_changed", {"component": of_jobs(broken.writes_wages)}, r"changed .*: inputs\..*jobs\.hourly"),
    ("what_is_read_is_not_changed", {"component": of_jobs(broken.writes_a_table)}, r"changed .*: the table jobs"),
    ("what_is_read_is_not_changed", {"lists": broken.writes_to_the_plan}, r"plan\.program\.folded_total"),
]
"""An invariant, what breaks it, and a pattern of the message."""


def engine(of: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `check_engine`."""
    of = dict(of)
    model = of.pop("model", None) or of.pop("component", None) or "standard"
    return {"model": model, "backend": Broken("pruned", **of)}


@pytest.mark.parametrize(("name", "of", "evidence"), MUTANTS, ids=[mutant[0] for mutant in MUTANTS])
def test_each_invariant_fails_on_what_breaks_it(name: str, of: dict[str, Any], evidence: str) -> None:
    with pytest.raises(BrokenInvariantsError, match=evidence) as error:
        check_engine(**engine(of), checks=[name])
    assert set(error.value.failures) == {name}
    record_count("broken engines", "{} broken engines", 1)


def test_there_is_no_invariant_that_nothing_breaks() -> None:
    assert {mutant[0] for mutant in MUTANTS} == set(list_checks())


# --- Messages -----------------------------------------------------------------------------------------------


def test_all_that_fail_are_named_with_their_evidence() -> None:
    names = ["lists_are_well_formed", "shorter_lists_are_prefixes", "lists_equal_the_sorted_reference"]
    with pytest.raises(BrokenInvariantsError) as error:
        check_engine(backend=Broken("dense", lists=swapped_where(lambda a: a.k == 10)), seed=3, checks=names)
    assert list(error.value.failures) == names
    message = str(error.value)
    assert message.startswith("3 of 3 invariants do not hold of standard (Broken, path dense, seed 3):\n")
    assert str(pickle.loads(pickle.dumps(error.value))) == message  # noqa: S301  # pickled in this test
    for name, evidence in error.value.failures.items():
        assert f"- {name}: " in message
        assert evidence in message


def test_what_all_of_them_say_is_said_once() -> None:
    def fail(inputs: Inputs) -> float:
        raise KeyError("title")

    with pytest.raises(BrokenInvariantsError) as error:
        check_engine(of_jobs(fail))
    assert set(error.value.failures) == set(list_checks())
    assert str(error.value).count("component own: its `terms` raised KeyError: 'title'") == 1


def test_each_says_what_it_is_in_a_sentence() -> None:
    assert len(list_checks()) >= 25
    for check in engine_checks():
        sentence = check.invariant.sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert check.__name__ == check.invariant.name
        assert repr(check) == f"EngineCheck({check.__name__})"


def test_what_could_not_be_shown_is_said() -> None:
    """Without actions no user has applied to a job; without users almost nothing can be shown."""
    quiet = check_engine(dataset=small_dataset(2, n_users=4, n_jobs=20, n_actions=0), checks=list_checks())
    assert {"applied_jobs_are_never_listed", "companies_cool_down", "nothing_after_the_clock_is_read"} <= set(
        quiet.not_shown
    )
    assert set(quiet.passed) | set(quiet.not_shown) == set(list_checks())
    nobody = check_engine(dataset=small_dataset(2, n_users=0, n_jobs=20, n_actions=0))
    assert nobody.passed == ("nobody_and_nothing_can_be_asked_about",)
    frame = nobody.frame()
    assert frame["invariant"].tolist() == list(list_checks())
    assert (frame["not_shown"] == "").sum() == 1
    assert "could not be shown" in repr(nobody)
    assert "<table" in nobody._repr_html_()
    with pytest.raises(SkipTest, match="the data has no actions"):
        engine_checks(dataset=small_dataset(2, n_users=4, n_jobs=20, n_actions=0), checks=["an_action_counts_once"])[
            0
        ]()


def test_of_a_large_dataset_some_rows_are_scored() -> None:
    dataset = Dataset(make_market(70, 700, 4_000, seed=5).tables)
    names = ["lists_equal_the_sorted_reference", "rows_of_a_request_have_no_order", "k_beyond_all_gives_all"]
    assert check_engine(dataset=dataset, checks=names).passed == tuple(names)
    with pytest.raises(BrokenInvariantsError, match=r"against the reference: "):
        check_engine(
            dataset=dataset,
            backend=Broken(pairs=lambda scores: np.nextafter(scores, UP)),
            checks=["pairs_equal_the_reference"],
        )


def test_what_cannot_be_checked_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="there is no invariant 'sorted'; there are lists_equal"):
        check_engine(checks=["sorted"])
    with pytest.raises(ConfigurationError, match="scorer_path is 'fast'; it may be auto, pruned, dense, reference"):
        check_engine(scorer_path="fast")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="not both"):
        check_engine(scorer_path="dense", backend=EngineUnderTest("dense"))
