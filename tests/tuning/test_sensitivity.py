"""Sensitivity, compared with sorted float64 totals and with the engine's lists on a grid of weights."""

from __future__ import annotations

import io

import numpy as np
import pytest

from scoring.errors import ConfigurationError
from scoring.evaluation.metrics import MAP, MRR, NDCG, HitRate, Metric, Precision, Recall
from scoring.evaluation.relevance_judgements import Relevance, rank_relevance
from scoring.ranking import Prepared, Ranking
from scoring.tuning.sensitivity import Sensitivity, sensitivity
from scoring.tuning.weight_sweep import vary_weight
from tests.support.errors import raises_at, raises_unknown
from tests.support.prepared_markets import small

NEAR = 1e-5
"""In points. Two totals closer than this may be in either order: float32 rounding is smaller."""
GRID = np.arange(0, 401, 8) / 400


@pytest.fixture(scope="module")
def ready() -> Prepared:
    return small()


@pytest.fixture(scope="module")
def users(ready: Prepared) -> np.ndarray:
    return ready.plan.user_id[ready.active_users[:6]]


@pytest.fixture(scope="module")
def pairs(ready: Prepared, users: np.ndarray) -> Relevance:
    """Five relevant jobs for each user but the last: four from the user's top 25, and one that the data lack."""
    lists = ready.top_k(25, users[:-1]).job_id
    chosen = np.array([np.random.default_rng(7).choice(row, 5, replace=False) for row in lists])
    chosen[:, 4] = 999_999_999
    return Relevance.of(np.repeat(users[:-1], 5), chosen.ravel(), np.tile([1.0, 2.0, 1.0, 5.0, 1.0], len(lists)))


def ranked(ready: Prepared, user_id: int, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eligible job ids and float64 totals, best first."""
    row = ready.user_rows([user_id])
    jobs = np.flatnonzero(ready.plan.exclusions.matrix(row)[0])
    totals = np.tensordot(flat, ready.scorer.components(row, jobs)[:, 0], 1)
    order = np.lexsort((ready.plan.job_id[jobs], -totals))
    return ready.plan.job_id[jobs][order], totals[order]


def metric_at(metric: Metric, job_id: np.ndarray, pairs: Relevance, user_id: int) -> float:
    """Return the metric of one list, computed by the function for whole rankings."""
    listed = job_id[None, : metric.k]
    shape, count = listed.shape, np.array([listed.shape[1]], dtype=np.int32)
    ranking = Ranking(np.array([user_id]), listed, np.zeros(shape, np.int64), np.zeros((*shape, 4), np.float32), count)
    return float(metric.of(rank_relevance(ranking, pairs, metric.k))[0])


@pytest.mark.parametrize("metric", [NDCG(10), Recall(10), Precision(10), MRR(10), MAP(10), HitRate(10)], ids=str)
def test_curves_equal_metric_of_sorted_totals(
    ready: Prepared, users: np.ndarray, pairs: Relevance, metric: Metric
) -> None:
    found = sensitivity(ready, users, pairs, metric=metric, k=12)
    assert found.n_measured == len(users) - 1
    flat, left_out, compared = ready.model.flat_weights, 0, 0
    for place, component in enumerate(found.paths):
        for t in GRID[::5]:
            lists = [ranked(ready, int(user), vary_weight(flat, place, float(t))) for user in users[:-1]]
            # rounding decides the order of totals that differ by less than this
            gaps = [-np.diff(totals[: metric.k + 2]) for _, totals in lists]
            if any(((gap > 0) & (gap < NEAR)).any() for gap in gaps):
                left_out += 1
                continue
            compared += 1
            expected = np.mean(
                [metric_at(metric, jobs, pairs, int(user)) for (jobs, _), user in zip(lists, users, strict=False)]
            )
            assert found.curve(component)(t) == pytest.approx(expected, abs=1e-12), f"{component} at {t}"
    assert compared > 10 * left_out


def test_kept_jobs_equal_engine_lists(ready: Prepared, users: np.ndarray) -> None:
    k = 12
    found = sensitivity(ready, users, k=k, components=["wage", "location", "collaborative"])
    names = [part.name for part in ready.model.parts]
    now = ready.top_k(k, users).job_id
    left_out = compared = 0
    for component in found.paths:
        for t in GRID[::3]:
            flat = vary_weight(ready.model.flat_weights, names.index(component), float(t))
            totals = [ranked(ready, int(user), flat)[1] for user in users]
            if any(abs(total[k - 1] - total[k]) < NEAR for total in totals if total[k - 1] != total[k]):
                left_out += 1
                continue
            compared += 1
            model = ready.model.with_weights(dict(zip(names, flat.tolist(), strict=True)))
            lists = ready.with_model(model).top_k(k, users).job_id
            kept = sum(len(np.intersect1d(*both)) for both in zip(now, lists, strict=True))
            assert found.curve(component)(t) == pytest.approx(kept / now.size, abs=1e-12), f"{component} at {t}"
    assert compared > 5 * left_out


def test_lists_change_only_at_reported_weights(ready: Prepared, users: np.ndarray) -> None:
    found = sensitivity(ready, users, k=10)
    names = [part.name for part in ready.model.parts]
    now = ready.top_k(10, users).job_id

    def lists(component: str, t: float) -> np.ndarray:
        flat = vary_weight(ready.model.flat_weights, names.index(component), t)
        return ready.with_model(ready.model.with_weights(dict(zip(names, flat, strict=True)))).top_k(10, users).job_id

    beyond = 0
    for name, along in found.paths.items():
        low, high = along.constant_interval
        assert low <= along.weight <= high
        np.testing.assert_array_equal(lists(name, low + 0.1 * (high - low)), now)
        np.testing.assert_array_equal(lists(name, high - 0.1 * (high - low)), now)
        after = along.changes[along.changes > high]
        if high < 1 and len(after) and after[0] - high > 1e-5:
            beyond += 1
            assert not np.array_equal(lists(name, (high + after[0]) / 2), now)
    assert beyond >= 5


def test_frame_equals_curves(ready: Prepared, users: np.ndarray, pairs: Relevance) -> None:
    found = sensitivity(ready, users, pairs, metric=NDCG(10), k=10)
    frame = found.frame().set_index("component")
    assert list(frame.index) == [part.name for part in ready.model.parts]
    assert frame["now"].nunique() == 1
    for name, row in frame.iterrows():
        curve = found.curve(str(name))
        assert row["best"] == curve(row["best_weight"]) >= row["now"]
        assert row["at_zero"] == curve(0.0)
        assert row["metric_from"] <= row["same_from"] <= row["weight"] <= row["same_to"] <= row["metric_to"]
        assert curve((row["metric_from"] + row["metric_to"]) / 2) == row["now"]
    assert "best" not in sensitivity(ready, users, k=10).frame()


@pytest.fixture(scope="module")
def of_two(ready: Prepared, users: np.ndarray) -> Sensitivity:
    return sensitivity(ready, users[:2], components=["fee", "access"])


def test_only_given_components_are_varied(of_two: Sensitivity) -> None:
    assert list(of_two.paths) == ["fee", "access"]
    with raises_at(ConfigurationError, "wage"):
        of_two.curve("wage")


def test_plots_are_readable(of_two: Sensitivity, ready: Prepared, users: np.ndarray, pairs: Relevance) -> None:
    for found in (of_two, sensitivity(ready, users, pairs, metric=MRR(5), k=5)):
        figure = found.plot()
        shown = [axes for axes in figure.axes if axes.get_visible()]
        assert [axes.get_title(loc="left") for axes in shown] == list(found.paths)
        assert all(axes.get_ylabel() for axes in shown[::4])
        assert all(axes.get_xlabel() for axes in shown[-4:])
        figure.savefig(io.BytesIO(), format="png")


def test_invalid_arguments_raise(ready: Prepared, users: np.ndarray, pairs: Relevance) -> None:
    metric = NDCG(10)
    capped = ready.with_model(ready.model.with_eligibility(max_per_company=2))
    with raises_at(ConfigurationError, "max_per_company"):
        sensitivity(capped, users)
    with raises_at(ConfigurationError, "relevance", "metric"):
        sensitivity(ready, users, pairs)
    with raises_at(ConfigurationError, "metric"):
        sensitivity(ready, users, pairs, metric=metric, k=5)
    with raises_at(ConfigurationError, "relevance"):
        sensitivity(ready, users[-1:], pairs, metric=metric)
    with raises_at(ConfigurationError, "salary"):
        sensitivity(ready, users, components=["salary"])
    with raises_at(ConfigurationError, "users"):
        sensitivity(ready, [])
    with raises_unknown("user", 123_456_789):
        sensitivity(ready, [123_456_789])
