"""Direct fit of weights: a pairwise logistic model on component values, as a comparison for the search.

A relevant job of a user should score above the eligible jobs that are not relevant. The loss is the mean of
log(1 + exp(-y·Δ)) over pairs of a relevant and another job of the same user; Δ is the difference of their component
values (RankNet with a linear score: Burges et al., Learning to rank using gradient descent, ICML 2005). The loss is
convex. The fit needs no trials and does not use the goal metrics.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_positive_integer, check_seed
from scoring.array_types import Floats
from scoring.errors import ConfigurationError
from scoring.evaluation.evaluator import Evaluator
from scoring.model import ScoringModel
from scoring.ranking import Prepared
from scoring.tuning.constant_components import find_constant_components
from scoring.tuning.space import Space

__all__ = ["fit_pairwise"]

_POINTS = 100.0
"""Component values range from 0 to 100; the fit scales them to 0 to 1."""


def fit_pairwise(
    space: Space,
    train: Evaluator,
    *,
    others: int = 100,
    ridge: float = 1e-4,
    seed: int = 0,
) -> ScoringModel:
    """Return the model of the space with fitted weights. Parameters and locked weights do not change.

    Components with the same value for all jobs of every user get weight 0, as in a search.

    Each relevant job is compared with jobs drawn uniformly from the user's other eligible jobs. Measured and rejected:
    drawing some of them from the top of the lists of a first fit gave a lower NDCG on the synthetic market.

    Parameters
    ----------
    others: Number of jobs drawn per user.
    ridge: Factor of the squared norm that is added to the loss.

    Raises
    ------
    ConfigurationError: If fewer than two weights are unlocked, no user has an eligible relevant job and another
        eligible job, or every fitted weight is 0.

    Example
    -------
    >>> from scoring.tuning import Space
    >>> fitted = fit_pairwise(Space(model), evaluator)
    >>> float(fitted.flat_weights.sum().round(6))
    1.0
    """
    others, seed = check_positive_integer("others", others), check_seed(seed)
    if not space.free:
        raise ConfigurationError(
            "Fewer than two weights are unlocked. A fit needs at least two. Unlock another component.", key=("space",)
        )
    space = space.drop(find_constant_components(train, space.model, ignored=(*space.locked, *space.dropped)))
    deltas, weight = _compute_differences(train, train.prepare(space.model), others, np.random.default_rng(seed))
    return space.model.with_weights(
        _flatten_weights(space, _minimise_loss(_compute_features(space, deltas), weight, ridge))
    )


def _compute_differences(
    train: Evaluator, prepared: Prepared, others: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return differences of a relevant and another job, (p, n_components), from -1 to 1, and pair weights, (p,).

    Each user has the same total weight. All weights sum to 1.
    """
    relevance = train.holdout.relevance
    users, jobs = prepared.user_rows(relevance.user_id), prepared.job_rows(relevance.job_id)
    deltas, weights = [], []
    for user in range(len(prepared.plan.user_id)):
        rows = slice(*np.searchsorted(users, [user, user + 1]))
        eligible = prepared.plan.exclusions.matrix(np.array([user]))[0]
        relevant, gain = jobs[rows][eligible[jobs[rows]]], relevance.gain[rows][eligible[jobs[rows]]]
        eligible[jobs[rows]] = False
        rest = np.flatnonzero(eligible)
        if not len(relevant) or not len(rest):
            continue
        drawn = rng.choice(rest, min(others, len(rest)), replace=False)
        values = prepared.scorer.components(np.array([user]), np.concatenate([relevant, drawn]))[:, 0].T / _POINTS
        pairs = values[: len(relevant), None] - values[None, len(relevant) :]
        deltas.append(pairs.reshape(-1, values.shape[1]))
        weights.append(np.repeat(gain / gain.sum(), len(drawn)) / len(drawn))
    if not deltas:
        raise ConfigurationError(
            "No user has an eligible relevant job and another eligible job to compare it with. A fit needs at least "
            "one such user. Relax the model's eligibility rules, or choose another holdout: "
            "`Evaluator.count_unreachable` counts the pairs that each rule excludes.",
            key=("train",),
        )
    return np.concatenate(deltas), np.concatenate(weights) / len(weights)


def _compute_features(space: Space, deltas: Floats) -> Floats:
    """Return features (p, n_free) in which the score is linear; locked weights scale with the sum of the free ones."""
    free = [space.names.index(name) for name in space.free]
    locked_weights = np.array([space.fixed.get(name, 0.0) for name in space.names])
    return deltas[:, free] + (deltas @ locked_weights)[:, None] / space.shared


def _minimise_loss(features: Floats, weight: Floats, ridge: float) -> Floats:
    """Return y ≥ 0, (n_free,), that minimises the weighted loss + ridge · |y|²."""
    from scipy.optimize import minimize
    from scipy.special import expit

    def loss(y: Floats) -> tuple[float, Floats]:
        score = features @ y
        slope = -weight * expit(-score)
        value = float(weight @ np.logaddexp(0.0, -score)) + ridge * float(y @ y)
        return value, features.T @ slope + 2 * ridge * y

    n = features.shape[1]
    options = {"ftol": 1e-14, "gtol": 1e-8, "maxiter": 10_000}
    solution = minimize(loss, np.full(n, 1.0), jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * n, options=options)
    return np.asarray(solution.x)


def _flatten_weights(space: Space, fitted: NDArray[np.float64]) -> dict[str, float]:
    total = float(fitted.sum())
    if total <= 0:
        raise ConfigurationError(
            "The fit gives every weight 0: no unlocked component gives relevant jobs higher values than other jobs. "
            "Unlock other components, or choose another holdout.",
            key=("weights",),
        )
    return space.fixed | dict(zip(space.free, (fitted * space.shared / total).tolist(), strict=True))
