"""The direct fit minimises its documented loss and recovers planted weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.holdout import Holdout
from scoring.evaluation.holdout_splits import by_time
from scoring.evaluation.metrics import NDCG
from scoring.evaluation.relevance_judgements import Relevance
from scoring.model import ScoringModel
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.statistics import Statistics
from scoring.synthetic import make_market
from scoring.tuning.logistic_fit import fit_pairwise
from scoring.tuning.space import Parameter, Space
from tests.support.errors import raises_at

STANDARD = load_model("standard")
NAMES = [part.name for part in STANDARD.parts]
PLANTED = {"wage": 0.3, "freshness": 0.1, "location": 0.25, "category": 0.2, "history": 0.15}
RIDGE = 1e-4


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    return by_time(Dataset(make_market(400, 500, 24_000, seed=8).tables), days=14)


@pytest.fixture(scope="module")
def statistics(holdout: Holdout) -> Statistics:
    return Statistics(holdout.data)


def planted(holdout: Holdout, statistics: Statistics, temperature: float, n: int = 3) -> Evaluator:
    """Return users who choose n jobs by a softmax of the totals at the planted weights (Gumbel-max trick)."""
    model = STANDARD.with_weights(PLANTED)
    ready = Prepared.of(statistics, model)
    rng = np.random.default_rng(1)
    rows = ready.active_users
    totals = ready.scorer.all_pairs(rows)[0].astype(np.float64)
    noisy = totals + temperature * rng.gumbel(size=totals.shape)
    noisy[~ready.plan.exclusions.matrix(rows)] = -np.inf
    best = np.argsort(-noisy, axis=1)[:, :n]
    users = np.repeat(ready.plan.user_id[rows], n)
    wanted = Relevance.of(users, ready.plan.job_id[best.ravel()])
    return Evaluator(replace(holdout, relevance=wanted), statistics=statistics, metrics=(NDCG(10),), k=10)


def flat(model: ScoringModel) -> dict[str, float]:
    return dict(zip(NAMES, model.flat_weights.tolist(), strict=True))


@pytest.mark.parametrize(("temperature", "atol"), [(0.0, 0.05), (3.0, 0.05)], ids=["argmax", "softmax"])
def test_fit_finds_planted_weights(holdout: Holdout, statistics: Statistics, temperature: float, atol: float) -> None:
    train = planted(holdout, statistics, temperature)
    found = fit_pairwise(Space(STANDARD), train)
    hidden = STANDARD.with_weights(PLANTED)
    for name, weight in flat(found).items():
        assert weight == pytest.approx(PLANTED.get(name, 0.0), abs=atol)
    before, fitted, best = (train.evaluate(model).values["NDCG@10"].mean() for model in (STANDARD, found, hidden))
    assert fitted > 0.95 * best > 1.2 * before


def loss_by_hand(space: Space, train: Evaluator) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of each relevant job with each other eligible job, and the pair weights, without sampling."""
    ready = Prepared.of(train.inputs, space.model, candidates=None)
    wanted = train.holdout.relevance
    deltas, weights, n = [], [], 0
    for row, user in enumerate(ready.plan.user_id.tolist()):
        jobs = ready.job_rows(wanted.job_id[wanted.user_id == user])
        gain = wanted.gain[wanted.user_id == user]
        open_ = ready.plan.exclusions.matrix(np.array([row]))[0]
        values = ready.scorer.components(np.array([row]), np.arange(len(open_)))[:, 0].T / 100
        rest = np.setdiff1d(np.flatnonzero(open_), jobs)
        jobs, gain = jobs[open_[jobs]], gain[open_[jobs]]
        if not len(jobs) or not len(rest):
            continue
        n += 1
        for job, one in zip(jobs, gain / gain.sum(), strict=True):
            deltas.append(values[job] - values[rest])
            weights.append(np.full(len(rest), one / len(rest)))
    return np.concatenate(deltas), np.concatenate(weights) / n


@pytest.mark.parametrize("locked", [(), ("fee", "location")])
def test_fit_is_the_optimum(holdout: Holdout, statistics: Statistics, locked: tuple[str, ...]) -> None:
    """With all other jobs in the pairs, the fit has no sampling error and equals the result of another optimiser."""
    train = Evaluator(holdout, users=holdout.user_id[:40], statistics=statistics, metrics=(NDCG(10),), k=10)
    space = Space(STANDARD, locked)
    found = flat(fit_pairwise(space, train, others=10_000, ridge=RIDGE))
    deltas, weight = loss_by_hand(space, train)
    free = [NAMES.index(name) for name in space.free]
    at = np.array([STANDARD.flat_weights[NAMES.index(name)] for name in locked])
    shift = deltas[:, [NAMES.index(name) for name in locked]] @ at if locked else np.zeros(len(deltas))

    def loss(y: np.ndarray) -> float:
        scale = y.sum() / space.shared  # scale of the locked weights, which have a fixed share of the sum
        score = deltas[:, free] @ y + scale * shift
        return float(weight @ np.logaddexp(0, -score) + RIDGE * y @ y)

    def slope(y: np.ndarray, step: float = 1e-6) -> np.ndarray:
        return np.array([(loss(y + step * e) - loss(y - step * e)) / (2 * step) for e in np.eye(len(y))])

    other = minimize(
        loss,
        np.full(len(free), 2.0),
        method="trust-constr",
        bounds=[(0, None)] * len(free),
        jac=slope,
        options={"gtol": 1e-9, "xtol": 1e-12, "maxiter": 2_000},
    )
    expected = other.x / other.x.sum() * space.shared
    fitted = np.array([found[name] for name in space.free])
    np.testing.assert_allclose(fitted, expected, atol=2e-3)
    # the fit does not return its scale: use the scale of least loss, then check the gradient of each weight
    scales = np.linspace(0.5, 1.5, 2_001) * other.x.sum() / space.shared
    y = fitted * min(scales, key=lambda scale: loss(fitted * scale))
    assert loss(y) <= other.fun + 1e-7
    gradient = slope(y)
    assert (abs(gradient[fitted > 1e-6]) < 2e-4).all()
    assert (gradient[fitted <= 1e-6] > -2e-4).all()


def test_locked_weights_and_parameters_do_not_change(holdout: Holdout, statistics: Statistics) -> None:
    train = Evaluator(holdout, statistics=statistics, metrics=(NDCG(10),), k=10)
    model = STANDARD.with_parameters("freshness", half_life_days=30)
    space = Space(model, ("fee", "collaborative"), (Parameter("freshness", "half_life_days", 1, 60),))
    found = fit_pairwise(space, train)
    for name in space.locked:
        assert flat(found)[name] == pytest.approx(flat(STANDARD)[name], abs=1e-12)
    assert found.parts == model.parts
    assert sum(flat(found).values()) == pytest.approx(1, abs=1e-12)
    assert min(flat(found).values()) >= 0
    space.point_of(found)  # a search can start from it


def test_same_seed_gives_same_weights(holdout: Holdout, statistics: Statistics) -> None:
    train = Evaluator(holdout, statistics=statistics, metrics=(NDCG(10),), k=10)
    a, b, c = (fit_pairwise(Space(STANDARD), train, others=10, seed=seed) for seed in (1, 1, 2))
    assert flat(a) == flat(b) != flat(c)


def test_each_user_has_the_same_weight(holdout: Holdout, statistics: Statistics) -> None:
    """The gains of each user are normalised: ten times all gains of a user gives the same fit."""
    wanted = holdout.relevance
    more = Relevance.of(wanted.user_id, wanted.job_id, wanted.gain * np.where(wanted.user_id % 2, 10.0, 1.0))
    fits = [
        fit_pairwise(Space(STANDARD), Evaluator(replace(holdout, relevance=one), statistics=statistics, k=10))
        for one in (wanted, more)
    ]
    np.testing.assert_allclose(fits[0].flat_weights, fits[1].flat_weights, atol=1e-9)


def test_nothing_to_fit_raises(holdout: Holdout, statistics: Statistics) -> None:
    train = Evaluator(holdout, users=holdout.user_id[:5], statistics=statistics, metrics=(NDCG(10),), k=10)
    parameter = Parameter("freshness", "half_life_days", 1, 60)
    with raises_at(ConfigurationError, "space"):
        fit_pairwise(Space(STANDARD, tuple(NAMES), (parameter,)), train)
    with raises_at(ConfigurationError, "train"):
        fit_pairwise(Space(STANDARD.with_eligibility(min_fee=1e9)), train)


def test_all_zero_fit_raises(holdout: Holdout, statistics: Statistics) -> None:
    ready = Prepared.of(statistics, STANDARD)
    (active,) = np.nonzero(holdout.data.users.active)
    values = ready.scorer.components(active, np.arange(len(ready.plan.job_id)))
    totals = values.sum(axis=0)
    totals[~ready.plan.exclusions.matrix(active)] = np.inf
    least = totals.argmin(axis=1)
    wanted = Relevance.of(ready.plan.user_id[active], ready.plan.job_id[least])
    train = Evaluator(replace(holdout, relevance=wanted), statistics=statistics, metrics=(NDCG(10),), k=10)
    with raises_at(ConfigurationError, "weights"):
        fit_pairwise(Space(STANDARD), train)
