"""Components that cannot change a list are found, reported and left out of searches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout_splits import by_time, last_n
from scoring.evaluation.metrics import NDCG
from scoring.evaluation.user_splits import split_users
from scoring.model import ScoringModel
from scoring.model_catalog import load_model
from scoring.statistics import Statistics
from scoring.synthetic import make_market
from scoring.tuning import Parameter, Problem, Space, tune
from scoring.tuning.constant_components import find_constant_components
from scoring.tuning.logistic_fit import fit_pairwise
from tests.support.errors import raises_at

STANDARD = load_model("standard")
NAMES = [part.name for part in STANDARD.parts]
CONSTANT = ("fee", "conditions")


@pytest.fixture(scope="module")
def evaluators() -> tuple[Evaluator, Evaluator]:
    """Jobs without fees and features, and salary floors that no job meets, make `fee` and `conditions` constant."""
    tables = make_market(300, 700, 20_000, seed=6).tables
    jobs = tables.jobs.assign(
        fee=np.nan, has_daily_payment=False, has_no_experience=False, has_student_welcome=False, has_remote_work=False
    ).astype(tables.jobs.dtypes)
    users = tables.users.assign(preferred_salary_min=np.where(tables.users["user_id"] % 2, 1e9, np.nan))
    holdout = by_time(Dataset(tables.with_tables(jobs=jobs, users=users)))
    split, statistics = split_users(holdout.user_id, (0.5, 0.5, 0.0)), Statistics(holdout.data)
    train, validation = (
        Evaluator(holdout, users=some, metrics=(NDCG(10),), k=10, statistics=statistics)
        for some in (split.train, split.validation)
    )
    return train, validation


def weights(model: ScoringModel) -> dict[str, float]:
    return dict(zip(NAMES, model.flat_weights.tolist(), strict=True))


def test_constant_components_are_found(evaluators: tuple[Evaluator, Evaluator]) -> None:
    """`conditions` differs between users, as only some have a salary floor."""
    train, _ = evaluators
    assert find_constant_components(train, STANDARD) == CONSTANT
    assert find_constant_components(train, STANDARD, ignored=("fee",)) == ("conditions",)
    values = train.prepare(STANDARD).scorer.components(np.arange(20), np.arange(700))[NAMES.index("conditions")]
    assert len(np.unique(values)) > 1


def test_one_other_value_of_one_user_is_found(evaluators: tuple[Evaluator, Evaluator]) -> None:
    train, _ = evaluators
    data = train.holdout.data
    earlier = by_time(data, days=30).data
    open_job = earlier.jobs.job_id[earlier.open_jobs][-1]
    jobs = data.tables.jobs
    one_fee = jobs.assign(fee=np.where(jobs["job_id"] == open_job, 2_000.0, np.nan))
    holdout = by_time(Dataset(data.tables.with_tables(jobs=one_fee), as_of=data.as_of), days=30)
    assert find_constant_components(Evaluator(holdout), STANDARD) == ("conditions",)


def test_jobs_that_may_not_be_listed_do_not_count(evaluators: tuple[Evaluator, Evaluator]) -> None:
    """All fees differ only among jobs that are not candidates."""
    train, _ = evaluators
    data, jobs = train.holdout.data, train.holdout.data.tables.jobs
    offered = jobs["job_id"].to_numpy()[::2]
    fees = jobs.assign(fee=np.where(jobs["job_id"].isin(offered), 700.0, jobs["job_id"]))
    holdout = last_n(Dataset(data.tables.with_tables(jobs=fees), as_of=data.as_of), candidates=offered)
    model = STANDARD.with_weights(weights(STANDARD))
    assert "fee" in find_constant_components(Evaluator(holdout), model)


def test_dropped_weights_are_0_and_locked_ones_stay() -> None:
    space = Space(STANDARD, locked=("conditions", "wage")).drop(CONSTANT)
    assert space.dropped == ("fee",)
    assert "fee" not in space.free
    assert space.shared == pytest.approx(1 - space.flat["conditions"] - space.flat["wage"])
    found = weights(space.model_of(dict.fromkeys(space.free, 0.3)))
    assert found["fee"] == 0
    for name in ("conditions", "wage"):
        assert found[name] == pytest.approx(space.flat[name], abs=1e-12)
    assert sum(found.values()) == pytest.approx(1)
    free = {name: space.flat[name] for name in space.free}
    back = weights(space.model_at(space.point_of(STANDARD)))
    for name, weight in free.items():
        assert back[name] == pytest.approx(weight / sum(free.values()) * space.shared)
    parameter = Parameter("freshness", "half_life_days", 1, 60)
    assert Space(STANDARD, parameters=(parameter,)).drop(("freshness",)).dropped == ()
    with raises_at(ConfigurationError, *NAMES[1:]):
        Space(STANDARD).drop(NAMES[1:])


def test_search_and_fit_give_constant_components_weight_0(
    evaluators: tuple[Evaluator, Evaluator], tmp_path: Path
) -> None:
    train, validation = evaluators
    problem = Problem(Space(STANDARD), train)
    assert problem.constant_components == CONSTANT
    (note,) = problem.notes[len(train.notes) :]
    assert note.startswith("fee, conditions have the same value for all jobs of every user")
    found = tune(problem, validation, 8, random_trials=12, storage=tmp_path / "trials")
    table = found.weights()
    assert (table.loc[list(CONSTANT), "baseline"] > 0).all()
    assert (table.loc[list(CONSTANT)].drop(columns="baseline") == 0).all(axis=None)
    assert (found.trials()[list(CONSTANT)] == 0).all(axis=None)
    assert note in found.notes
    assert note in repr(found)
    fitted = weights(fit_pairwise(Space(STANDARD), train))
    assert [fitted[name] for name in CONSTANT] == [0, 0]
    # the first trial ranks as the baseline does: only weights without effect changed
    first = found.trials().query("study == 'search'").iloc[0]["NDCG@10"]
    assert first == pytest.approx(train.evaluate(STANDARD).values["NDCG@10"].mean())


def test_locked_constant_component_is_noted(evaluators: tuple[Evaluator, Evaluator]) -> None:
    train, _ = evaluators
    problem = Problem(Space(STANDARD, locked=("fee",)), train)
    assert problem.search_space.dropped == ("conditions",)
    assert [note.split()[0] for note in problem.notes[len(train.notes) :]] == ["conditions", "fee"]
    assert problem.notes[-1].endswith("A search keeps it locked.")
