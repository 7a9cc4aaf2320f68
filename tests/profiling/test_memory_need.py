"""The predicted memory of a run at other sizes."""

from __future__ import annotations

import pytest

from scoring.errors import ConfigurationError
from scoring.profiling import plot_memory, predict_memory
from scoring.ranking import Prepared
from scoring.runs.memory_forecast import predict_data
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
