"""The peak memory that a new process reports is correct."""

from __future__ import annotations

import pytest

from scoring.profiling import Peak, Source, peak_frame, peak_of, plot_peaks
from tests.support.figure_checks import assert_readable, bar_widths
from tests.support.measured_functions import FailedInNewProcessError, do_nothing, fail, hold

KNOWN = 200_000_000


def test_known_allocation_is_measured_within_10_percent() -> None:
    freed = hold(2 * KNOWN)  # neither counted nor hiding the allocation of the new process
    assert freed
    peak = peak_of(hold, KNOWN)
    assert peak.extra_bytes == pytest.approx(KNOWN, rel=0.1)
    assert "of a new process" in str(peak)


def test_empty_function_has_no_extra_memory() -> None:
    assert abs(peak_of(do_nothing, KNOWN).extra_bytes) < 0.05 * KNOWN


def test_error_in_the_new_process_is_raised() -> None:
    with pytest.raises(FailedInNewProcessError):
        peak_of(fail)


@pytest.mark.long
def test_preparing_needs_more_memory_than_loading(source: Source) -> None:
    source.prepared()  # trains the factors and compiles
    loaded, ready = (peak_of(work) for work in (source.dataset, source.prepared))
    assert 0 < loaded.extra_bytes < ready.extra_bytes


def test_frame_and_plot_have_baseline_and_extra() -> None:
    frame = peak_frame({"load": Peak(150_000_000, 100_000_000), "rank": Peak(170_000_000, 100_000_000)})
    assert frame.loc["load"].tolist() == [100, 50, 150]
    assert (frame["baseline_mb"] + frame["extra_mb"] == frame["peak_mb"]).all()
    figure = plot_peaks(frame)
    assert_readable(figure)
    assert bar_widths(figure) == [100, 100, 50, 70]
