"""The example of real job views: its components keep the contract, and tuned weights hold for other users.

The data is not part of the repository. Tests that need it are skipped without it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scoring import Dataset, Prepared, ScoringModel, Statistics, load_model
from scoring.errors import ModelError
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout import Holdout
from scoring.evaluation.scoreboard import Scoreboard
from scoring.model import Component
from scoring.testing import check_component, small_dataset
from tests.support.errors import raises_at

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "jobviews_us_2014"
DATA = ROOT.parent / "shared" / "real" / "jobviews_us_2014"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data is not here ({DATA})")

PLACES = ("prefecture_code", "city_code")

MINUTE = pd.Timedelta(minutes=1)


@pytest.fixture(scope="module")
def example() -> Iterator[ModuleType]:
    """Yield the script, imported as when it is run: with the folder of its components on the path."""
    names = ("evaluate", "job_view_components", "title_likeness")
    sys.path.insert(0, str(EXAMPLE))
    yield importlib.import_module("evaluate")
    sys.path.remove(str(EXAMPLE))
    for name in names:
        del sys.modules[name]


# --- The components ------------------------------------------------------------------------------------------


def own(example: ModuleType) -> list[Component]:
    shares = [example.ViewedShare(of=of, prior=0.3) for of in ("state", "company", "occupation")]
    titles = [example.TitleLikeness(dimensions=3, unknown=10)]
    return [*(component() for component in example.COMPONENTS), *shares, *titles, example.ViewedNearby(prior=0)]


def test_example_components_keep_the_contract(example: ModuleType) -> None:
    for component in own(example):
        check_component(component)


def row(job_id: int, title: str | None, city: str | None, state: str | None, company: str) -> dict[str, Any]:
    place = {"prefecture_code": state, "city_code": city}
    return {"job_id": job_id, "title": title, "company_id": company, "posted_at": "2015-01-01", **place}


@pytest.fixture(scope="module")
def views() -> Dataset:
    """Five jobs. User 1 viewed jobs 1 (twice) and 2, user 2 viewed 1 and 4, user 3 nothing."""
    jobs = [
        row(1, "Line cook", "Austin", "TX", "A"),
        row(2, "Night cook", "Waco", "TX", "B"),
        row(3, "Line cook", "Austin", "TX", "B"),
        row(4, "Night nurse", "Boston", "MA", "C"),
        row(5, None, None, None, "D"),
    ]
    looks = [(1, 1), (1, 1), (1, 2), (2, 1), (2, 4)]
    start = pd.Timestamp("2015-02-01", tz="UTC")
    actions = [
        {"user_id": user, "job_id": job, "action": "click", "occurred_at": start + place * MINUTE}
        for place, (user, job) in enumerate(looks)
    ]
    users = pd.DataFrame({"user_id": [1, 2, 3]})
    return Dataset.from_frames(pd.DataFrame(jobs), users, pd.DataFrame(actions))


def values(example: ModuleType, component: Component, data: Dataset) -> np.ndarray:
    """Return the (3, 5) values of one component."""
    text = f"groups: {{base: {{weight: 1, components: {{{component.kind}: {{weight: 1}}}}}}}}"
    model = one_component(example, text).with_parameters(component.kind, **component.model_dump())
    return Prepared.of(data, model, workers=1).scorer.components(np.arange(3), np.arange(5))[0]


def one_component(example: ModuleType, text: str) -> ScoringModel:
    from scoring.model import parse_model
    from scoring.model_catalog import get_component_kinds

    return parse_model(text, get_component_kinds(example.COMPONENTS))


def test_shares_count_distinct_jobs(example: ModuleType, views: Dataset) -> None:
    city = values(example, example.ViewedShare(of="city", prior=0), views)
    np.testing.assert_allclose(city, [[50, 50, 50, 0, 0], [50, 0, 50, 50, 0], [0, 0, 0, 0, 0]])
    state = values(example, example.ViewedShare(of="state", prior=2), views)
    np.testing.assert_allclose(state, [[50, 50, 50, 0, 0], [25, 25, 25, 25, 0], [0, 0, 0, 0, 0]])


def test_cities_viewed_together_are_near(example: ModuleType, views: Dataset) -> None:
    """Two users viewed Austin; one of them viewed Waco, the other Boston."""
    near = values(example, example.ViewedNearby(prior=0), views)
    once = 1 / np.sqrt(2)  # Austin and Waco: one of √(2 · 1)
    austin, waco, boston = (
        np.array(row) / np.linalg.norm(row) for row in ([1, once, once], [once, 1, 0], [once, 0, 1])
    )
    places = [austin, waco, austin, boston, np.zeros(3)]
    expected = [[50 * (seen @ job + austin @ job) for job in places] for seen in (waco, boston)]
    np.testing.assert_allclose(near[:2], expected, rtol=1e-12)
    assert near[0, 3] > 0  # via Austin, although no user viewed both Waco and Boston
    assert not near[2].any()


def test_title_similarity_follows_words(example: ModuleType, views: Dataset) -> None:
    """Words in 2 titles or more: line, cook, night, "line cook"."""
    alike = values(example, example.TitleLikeness(unknown=7, half_life=1), views)
    assert alike[0, 1] > alike[0, 0] == alike[0, 2] > 50  # the last job viewed counts most
    # User 2's two titles share no word. The first was viewed one job earlier, so a half-life of 1 halves its weight.
    np.testing.assert_allclose(alike[1, [0, 3]], 50 * (1 + np.array([1, 2]) / np.sqrt(5)), rtol=1e-6)
    assert (alike[:, 4] == 7).all()
    assert (alike[2] == 7).all()


def test_views_count_distinct_users(example: ModuleType, views: Dataset) -> None:
    looks = values(example, example.JobLooks(half=1), views)
    np.testing.assert_allclose(looks[0], [100 * 2 / 3, 50, 0, 50, 0])


def test_rule_excludes_viewed_jobs(example: ModuleType, views: Dataset) -> None:
    for name in ("by_hand.yaml", "tuned.yaml"):
        ready = Prepared.of(views, example.model_of(name), workers=1)
        lists = [sorted(jobs[jobs >= 0].tolist()) for jobs in ready.top_k(5).job_id]
        assert lists == [[3, 4, 5], [2, 3, 5], [1, 2, 3, 4, 5]]


def test_titles_are_decomposed_once_for_a_dataset(example: ModuleType) -> None:
    from title_likeness import Titles

    data = small_dataset(3)
    assert Titles.of(data, 8) is Titles.of(data, 8)
    assert Titles.of(data, 2) is not Titles.of(data, 8)
    assert Titles.of(data, 2).basis.shape[1] == 2


def test_titles_keep_repeated_singular_values(example: ModuleType) -> None:
    """Twelve groups of equal titles have the same singular value. All twelve belong to the largest."""
    from title_likeness import _principal

    blocks = [np.ones((4, 1))] * 12 + [sparse.random(1500, 700, 0.006, random_state=0)]
    largest = np.linalg.svd(sparse.block_diag(blocks).toarray(), compute_uv=False)[:256]
    for rows in (sparse.block_diag(blocks).tocsr(), sparse.block_diag(blocks).T.tocsr()):
        basis = _principal(rows, 256)
        assert np.square(rows @ basis).sum() == pytest.approx(np.square(largest).sum(), rel=1e-12)
        np.testing.assert_allclose(basis.T @ basis, np.eye(256), atol=1e-12)


def test_models_name_the_example_components(example: ModuleType) -> None:
    by_hand, tuned = example.model_of("by_hand.yaml"), example.model_of("tuned.yaml")
    assert [part.name for part in by_hand.parts] == [part.name for part in tuned.parts]
    assert by_hand.digest != tuned.digest
    with raises_at(ModelError, "groups", "base", "components", "popularity", line=8):
        load_model(EXAMPLE / "by_hand.yaml")


# --- The real data -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(example: ModuleType) -> Dataset:
    return example.import_data(DATA)


@pytest.fixture(scope="module")
def holdout(example: ModuleType, data: Dataset) -> Holdout:
    return example.hold_out(data)


@pytest.fixture(scope="module")
def parts(example: ModuleType, holdout: Holdout) -> Any:
    return example.split_evaluators(holdout)


@needs_data
def test_holdout_users_and_jobs(example: ModuleType, data: Dataset, holdout: Holdout) -> None:
    viewed = data.tables.actions.groupby("user_id")["job_id"].nunique()
    assert len(holdout.user_id) == len(holdout.relevance) == 1_054
    assert (
        len(holdout.user_id) + holdout.left_out["user with fewer than 1 job before the holdout"] == (viewed >= 2).sum()
    )
    assert holdout.left_out["user with fewer than 2 jobs"] == (viewed == 1).sum() == 1_052
    assert holdout.left_out["job not among the candidates"] == 0
    assert example.viewed_jobs(holdout).min() == 1
    offered = example.candidates_per_user(holdout)
    assert (np.median(offered), round(offered.mean())) == (2_848.5, 2_680)


@needs_data
def test_candidates_are_the_jobs_open_in_the_week_after(data: Dataset, holdout: Holdout, example: ModuleType) -> None:
    """The data does not say when a job closed, so the candidates are the jobs posted by then."""
    last = data.tables.actions.groupby(["user_id", "job_id"])["occurred_at"].max()
    found = pd.MultiIndex.from_arrays([holdout.relevance.user_id, holdout.relevance.job_id])
    until = (last.reindex(found) + pd.Timedelta(days=7)).astype("int64").to_numpy()
    posted = np.sort(data.tables.jobs["posted_at"].astype("int64").to_numpy())
    expected = np.searchsorted(posted, until, side="right")
    np.testing.assert_array_equal(example.candidates_per_user(holdout), expected)


@needs_data
def test_holdout_jobs_are_eligible_for_their_users(example: ModuleType, holdout: Holdout, parts: Any) -> None:
    everybody = Evaluator(holdout, statistics=parts.test.statistics)
    assert everybody.count_unreachable(example.model_of("by_hand.yaml")) == {}


@needs_data
def test_no_score_reads_the_imported_city(example: ModuleType, holdout: Holdout) -> None:
    """On a tenth of the users and the jobs that they viewed: to decompose all titles again takes seconds."""
    tables = holdout.data.tables
    users = tables.users.iloc[::10]
    actions = tables.actions[tables.actions["user_id"].isin(users["user_id"])]
    jobs = tables.jobs[tables.jobs["job_id"].isin(actions["job_id"])]
    some = tables.with_tables(users=users, actions=actions, jobs=jobs)
    nowhere = {name: pd.Series(None, index=users.index, dtype=users[name].dtype) for name in PLACES}
    assert users[list(PLACES)].notna().to_numpy().any()
    model, scores = example.model_of("by_hand.yaml"), []
    for these in (some, some.with_tables(users=users.assign(**nowhere))):
        data = Dataset(these, as_of=holdout.data.as_of, set_back=False)
        prepared = Prepared.of(Statistics(data), model, workers=1)
        scores.append(prepared.scorer.all_pairs(np.arange(len(users))))
    assert np.ptp(scores[0]) > 50
    np.testing.assert_array_equal(*scores)


@pytest.mark.long
@needs_data
def test_tuned_weights_beat_manual_ones_on_other_users(example: ModuleType, parts: Any) -> None:
    tuning = example.search_weights(parts, n_trials=4, parameters=())
    board = Scoreboard.of(parts.test, {"by hand": tuning.problem.baseline, "tuned": tuning.winner})
    told = example.metrics_frame(board).set_index(["model", "measure"]).loc["tuned"]
    assert set(told.index) == {"HitRate@40", "MRR@40", "NDCG@40"}
    assert (told["difference_low"] > 0).all()
    assert (told["p_holm"] < 0.05).all()


@needs_data
def test_stored_tuned_model_beats_manual_weights(example: ModuleType, parts: Any) -> None:
    models = {"by hand": example.model_of("by_hand.yaml"), "tuned": example.model_of("tuned.yaml")}
    told = example.metrics_frame(Scoreboard.of(parts.test, models)).set_index(["model", "measure"]).loc["tuned"]
    assert (told["difference_low"] > 0).all()
    assert (told["p"].drop("HitRate@40") < 0.01).all()
    assert told.loc["HitRate@40", "p"] < 0.012  # 0.011 with all singular values of the titles
