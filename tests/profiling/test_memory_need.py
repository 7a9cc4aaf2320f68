"""The predicted memory of a run at other sizes."""

from __future__ import annotations

import pytest

from scoring.backends.numba.vector_clusters import estimate_bytes
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.model_catalog import load_model
from scoring.profiling import plot_memory, predict_memory
from scoring.ranking import Prepared
from scoring.runs.memory_forecast import predict_data
from scoring.runs.runner import prepare
from scoring.synthetic import make_market
from tests.support.errors import raises_at
from tests.support.figure_checks import assert_readable

SIZES = [(90, 500, 3_000), (10_000, 100_000, 1_000_000), (1_000_000, 10_000_000, 0)]


def test_memory_grows_with_size_and_is_compared(prepared: Prepared) -> None:
    frame = predict_memory(prepared, SIZES, available=2_000_000_000)
    assert frame[["users", "jobs", "actions"]].to_numpy().tolist() == [list(size) for size in SIZES]
    assert frame["needed_bytes"].is_monotonic_increasing
    assert [needed > predict_data(*size) for needed, size in zip(frame["needed_bytes"], SIZES, strict=True)] == [
        True
    ] * 3
    assert frame["fits"].tolist() == [True, True, False]
    assert frame.loc[0, "needed_bytes"] - predict_data(*SIZES[0]) >= prepared.plan.program.nbytes


def test_clusters_of_vectors_are_included() -> None:
    """With all weight on a product of vectors, the search computes clusters."""
    prepared = prepare(
        Dataset(make_market(600, 500, 3_000, seed=5).tables),
        load_model("standard").with_weights({"collaborative": 1.0}),
    )
    plan, size = prepared.plan, (len(prepared.plan.user_id), len(prepared.plan.job_id), 3_000)
    assert estimate_bytes(plan.program) > 0.9 * plan.search_bytes > 0
    assert plan.scale_search_bytes(*size[:2]) == pytest.approx(plan.search_bytes, rel=0.01)
    needed = predict_memory(prepared, [size], available=0)["needed_bytes"].item()
    assert needed - predict_data(*size) >= plan.program.nbytes + plan.search_bytes
    assert plan.scale_search_bytes(1_000, 1_000_000) < plan.scale_search_bytes(100_000, 1_000_000)  # too few users


def test_available_memory_is_measured(prepared: Prepared) -> None:
    assert predict_memory(prepared, SIZES[:1])["available_bytes"].iloc[0] > 0


def test_plot_marks_sizes_that_do_not_fit(prepared: Prepared) -> None:
    figure = plot_memory(predict_memory(prepared, SIZES, available=2_000_000_000))
    assert_readable(figure)
    fits, _, does_not = (bar.get_facecolor() for bar in figure.axes[0].patches)
    assert fits != does_not
    assert [text.get_text().rpartition(": ")[2] for text in figure.axes[0].texts] == ["fits", "fits", "does not fit"]


@pytest.mark.parametrize("size", [(0, 1, 1), (1, 0, 1), (1, 1, -1), (1.5, 1, 1)])
def test_invalid_sizes_are_rejected(prepared: Prepared, size: tuple[int, int, int]) -> None:
    with raises_at(ConfigurationError, "sizes"):
        predict_memory(prepared, [size])
