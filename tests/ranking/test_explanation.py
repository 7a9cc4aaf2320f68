"""The parts of an explained score add up, and an explanation names the rules that exclude a job."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest

from scoring.dataset import Dataset, Tables
from scoring.model import GROUPS, Inputs
from scoring.model_catalog import load_model
from scoring.ranking import Explanation, Prepared, explain
from scoring.ranking.explanation import list_exclusions
from scoring.ranking.explanation_text import format_facts
from scoring.statistics import Statistics
from tests.support.errors import raises_unknown
from tests.support.random_markets import random_market
from tests.support.small_datasets import small_dataset


@pytest.fixture(scope="module", params=["standard", "classic"])
def ready(request: pytest.FixtureRequest) -> Prepared:
    return Prepared.of(small_dataset(4, n_users=10, n_jobs=60, n_actions=200), load_model(request.param))


@pytest.fixture(scope="module")
def explanations(ready: Prepared) -> list[Explanation]:
    n_users, n_jobs = len(ready.plan.user_id), len(ready.plan.job_id)
    return [explain(ready.plan, ready.inputs, u, j) for u in range(0, n_users, 2) for j in range(0, n_jobs, 5)]


def test_points_add_up_to_the_total_and_the_groups(explanations: list[Explanation]) -> None:
    for explanation in explanations:
        total = 0.0
        groups = dict.fromkeys(GROUPS, 0.0)
        for part in explanation.parts:
            assert part.points == part.weight * part.value
            total += part.points
            groups[part.group] += part.weight_in_group * part.value
        assert explanation.total == np.float32(total)
        assert explanation.groups == {group: np.float32(value) for group, value in groups.items()}


def test_total_equals_the_score_of_the_scorer(ready: Prepared, explanations: list[Explanation]) -> None:
    scores = ready.scorer.all_pairs()
    for explanation in explanations:
        u, j = ready.user_rows([explanation.user_id])[0], ready.job_rows([explanation.job_id])[0]
        assert [explanation.total, *explanation.groups.values()] == scores[:, u, j].tolist()


def test_every_component_has_facts_as_text(ready: Prepared, explanations: list[Explanation]) -> None:
    for explanation in explanations:
        assert [part.name for part in explanation.parts] == [part.name for part in ready.model.parts]
        for part in explanation.parts:
            assert part.facts, part.name
            assert all(isinstance(name, str) for name in part.facts)


def test_frame_has_a_row_per_component(ready: Prepared) -> None:
    explanation = explain(ready.plan, ready.inputs, 3, 7)
    frame = explanation.frame()
    assert frame.columns.tolist() == ["group", "component", "value", "weight", "points", "facts"]
    assert frame["component"].tolist() == [part.name for part in ready.model.parts]
    assert frame["facts"].tolist() == [format_facts(part.facts) for part in explanation.parts]
    assert not frame["facts"].str.contains(r"[{}]|missing").any()
    assert frame["points"].sum() == pytest.approx(explanation.total, abs=1e-5)


def test_html_escapes_the_facts(ready: Prepared) -> None:
    explanation = explain(ready.plan, ready.inputs, 3, 7)
    page = explanation._repr_html_()
    assert all(f">{part.name}</td>" in page for part in explanation.parts)
    assert not re.search(r"datetime|np\.|[{}]", page)
    named = replace(explanation.parts[0], facts={"company": "<script>a</script>", "long": "x" * 200})
    page = replace(explanation, parts=(named,))._repr_html_()
    assert f"company &lt;script&gt;a&lt;/script&gt;; long {'x' * 200}" in page


def test_eligible_pairs_are_those_of_rankings(ready: Prepared, explanations: list[Explanation]) -> None:
    lists = ready.scorer.top_k(10**6)
    for explanation in explanations:
        row = ready.user_rows([explanation.user_id])[0]
        assert explanation.eligible == (explanation.job_id in lists.job_id[row])


def test_each_rule_that_excludes_a_job_is_named() -> None:
    data = small_dataset(4, n_users=10, n_jobs=60, n_actions=200)
    model = load_model("standard").with_eligibility(min_fee=1000.0, employment_types=(1,), company_cooldown_days=90)
    ready = Prepared.of(data, model)
    exclusions = ready.plan.exclusions
    reasons_found = set()
    for u in range(len(ready.plan.user_id)):
        for j in range(0, len(ready.plan.job_id)):
            explanation = explain(ready.plan, ready.inputs, u, j).not_ranked if (u + j) % 7 == 0 else ()
            reasons_found |= set(explanation)
            for rule in explanation:
                if rule in exclusions.by_rule:
                    assert exclusions.by_rule[rule][j]
    assert reasons_found == {
        "posted later",
        "expired",
        "inactive",
        "employment type",
        "fee too low",
        "the user applied to the job",
        "the user applied to the same company in the last 90 days",
    }
    assert list(exclusions.counts()) == ["posted later", "expired", "inactive", "employment type", "fee too low"]
    assert sum(exclusions.counts().values()) == (~exclusions.open_to_all).sum()


@pytest.mark.parametrize("alone", [False, True])
def test_counts_of_a_user_are_those_of_the_pairs(ready: Prepared, alone: bool) -> None:
    """Each job counts for the first reason that an explanation lists."""
    users, jobs = ready.plan.user_id, ready.plan.job_id
    lists = ready.scorer.top_k(10**6)
    for row, user in list(enumerate(users.tolist()))[::5]:
        prepared = Prepared.for_rows(ready.inputs, ready.model, user_ids=[user], job_ids=jobs) if alone else ready
        found = prepared.explain_user(user)
        first = Counter(reasons[0] for job in range(len(jobs)) if (reasons := list_exclusions(ready.plan, row, job)))
        assert {reason: count for reason, count in found.excluded.items() if count} == dict(first)
        assert found.n_ranked == lists.count[row]
        assert found.frame()["jobs"].sum() == len(jobs)


def test_unknown_id_is_named(ready: Prepared) -> None:
    with raises_unknown("user", 999999):
        ready.explain(999999, int(ready.plan.job_id[0]))
    with pytest.raises(KeyError):
        ready.explain(int(ready.plan.user_id[0]), -5)


# --- Preparing selected rows only ---------------------------------------------------------------------------


def repr_exactly(explanation: Explanation) -> str:
    """Return all values and facts as text, so that missing values compare equal."""
    return repr(asdict(explanation))


@pytest.mark.parametrize("model", ["standard", "classic"])
@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(4, 8))])
def test_pair_prepared_alone_has_the_same_explanation(seed: int, model: str) -> None:
    """Random markets have unknown codes, missing values, given or trained factors, and an earlier clock."""
    market = random_market(seed, n_jobs=(60, 250)[seed % 2], factors=seed % 4 != 3)
    data = Dataset(Tables(**market.frames()), as_of=market.as_of)
    statistics, rules = Statistics(data), {"min_fee": 600.0, "employment_types": (1, 2), "max_per_company": 2}
    chosen = load_model(model).with_eligibility(not_applied=True, company_cooldown_days=90, **rules)
    full = Prepared.of(statistics, chosen)
    pairs = np.random.default_rng(seed).integers(0, [len(data.users), len(data.jobs)], (12, 2))
    reasons = set()
    for u, j in pairs:
        user, job = int(data.users.user_id[u]), int(data.jobs.job_id[j])
        alone = Prepared.for_rows(statistics, chosen, user_ids=[user], job_ids=[job])
        assert (len(alone.plan.user_id), len(alone.plan.job_id)) == (1, 1)
        explanation = alone.explain(user, job)
        assert repr_exactly(explanation) == repr_exactly(full.explain(user, job))
        assert explanation.total == full.scorer.all_pairs(np.array([u]))[0, 0, j]
        reasons |= set(explanation.not_ranked)
    assert reasons


def test_rows_prepared_alone_have_the_same_scores() -> None:
    data = small_dataset(4, n_users=10, n_jobs=60, n_actions=200)
    model = load_model("standard")
    full, inputs = Prepared.of(data, model), Inputs.of(data)
    users, jobs = data.users.user_id[[7, 2, 3]], data.jobs.job_id[[50, 0, 9, 8]]
    for source in (data, inputs):
        few = Prepared.for_rows(source, model, user_ids=users, job_ids=jobs)
        assert (few.plan.user_id.tolist(), few.plan.job_id.tolist()) == (users.tolist(), jobs.tolist())
        expected = full.scorer.all_pairs()[:, [7, 2, 3]][:, :, [50, 0, 9, 8]]
        np.testing.assert_array_equal(few.scorer.all_pairs(), expected)


def test_pairs_of_a_request_can_be_prepared_alone() -> None:
    """The rows of the request have ids and codes that the dataset does not contain."""
    data = small_dataset(4, n_users=10, n_jobs=60, n_actions=200)
    jobs = data.tables.jobs.iloc[::3].assign(job_id=lambda rows: rows["job_id"] + 7_000_000, prefecture_code="new")
    users = data.tables.users.iloc[::2].assign(prefecture_code="new", city_code="new")
    inputs, model = Inputs.of(Statistics(data), jobs=jobs, users=users), load_model("standard")
    full = Prepared.of(inputs, model)
    for user in users["user_id"]:
        for job in jobs["job_id"].iloc[::5]:
            alone = Prepared.for_rows(inputs, model, user_ids=[user], job_ids=[job])
            assert repr_exactly(alone.explain(user, job)) == repr_exactly(full.explain(user, job))


def test_unknown_ids_are_named_with_the_size_of_the_data() -> None:
    data, model = small_dataset(4, n_users=10, n_jobs=60, n_actions=200), load_model("classic")
    user, job = int(data.users.user_id[0]), int(data.jobs.job_id[0])
    with raises_unknown("user", 999999):
        Prepared.for_rows(data, model, user_ids=[999999], job_ids=[job])
    with raises_unknown("job", 999999):
        Prepared.for_rows(data, model, user_ids=[user], job_ids=[999999])
