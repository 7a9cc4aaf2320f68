"""A sweep runs every setting with equal lists, and its recommendation follows its rule."""

from __future__ import annotations

import pandas as pd
import pytest

from scoring.errors import ConfigurationError
from scoring.profiling import Source, plot_sweep, recommend, sweep
from scoring.profiling.measurement import release_memory, reset_peak, run_in_new_process
from scoring.runs import runner
from scoring.runs.publishers import FramePublisher
from tests.support.errors import raises_at
from tests.support.figure_checks import assert_readable


@pytest.fixture(scope="module")
def swept(source: Source) -> pd.DataFrame:
    return sweep(source.prepared, chunk_sizes=(7, 1_000), workers=(1, 2), k=5, repeats=2)


def test_every_setting_returns_the_same_results(swept: pd.DataFrame) -> None:
    assert swept[["chunk_size", "workers"]].to_numpy().tolist() == [[7, 1], [7, 2], [1_000, 1], [1_000, 2]]
    assert swept["answer"].nunique() == 1
    assert (swept["ranking_s"] > 0).all()
    assert (swept["ranking_s"] < swept["best_s"]).all()
    assert (swept["best_s"] <= swept["median_s"]).all()


def test_peaks_equal_a_process_that_prepares_and_runs(swept: pd.DataFrame, source: Source) -> None:
    plain = run_in_new_process(prepare_and_run, source)
    if plain is None:
        pytest.skip("this system cannot reset the peak")
    assert swept["peak_bytes"].to_numpy() == pytest.approx(plain, rel=0.1)
    assert (swept["extra_bytes"] >= 0).all()


def prepare_and_run(source: Source) -> int | None:
    """Return the peak memory of one process that prepares and runs, measured from the end of preparing."""
    prepared = source.prepared()
    release_memory()
    return runner.run(prepared, k=5, publishers=[FramePublisher()]).peak_bytes if reset_peak() else None


@pytest.mark.parametrize("nothing", [{"chunk_sizes": ()}, {"workers": ()}])
def test_sweep_without_settings_is_rejected(nothing: dict[str, object], source: Source) -> None:
    with raises_at(ConfigurationError, "chunk_sizes", "workers"):
        sweep(source.prepared, **nothing)  # type: ignore[arg-type]


def frame(*rows: tuple[int, int, float, int]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["chunk_size", "workers", "best_s", "peak_bytes"])
    return found.assign(median_s=found["best_s"] * 1.1, peak_bytes=found["peak_bytes"] * 1_000_000)


def test_fast_setting_with_least_memory_is_recommended() -> None:
    found = recommend(frame((100, 1, 2.0, 100), (1_000, 2, 1.04, 120), (4_000, 2, 1.0, 200)))
    assert (found.chunk_size, found.workers) == (1_000, 2)
    assert str(found) == (
        "chunks of 1,000 users on 2 threads: 1.04 s, 4.0% slower than the fastest (1.00 s, chunks of 4,000 on "
        "2 threads); of the 2 settings within 5%, none needs more than 1% less memory (120 MB; the largest peak is "
        "200 MB)\nthis is the default, chunks of 1,000 users on 2 threads"
    )


def test_only_fast_setting_is_recommended() -> None:
    found = recommend(frame((100, 1, 2.0, 100), (1_000, 2, 1.0, 120)))
    assert found.reason == "the fastest, 1.00 s; no other setting is within 5% (120 MB; the largest peak is 120 MB)"


def test_recommendation_states_how_slow_the_default_is() -> None:
    found = recommend(frame((100, 2, 1.0, 100), (1_000, 1, 3.0, 120), (1_000, 2, 1.25, 120)))
    assert found.default == "the default, chunks of 1,000 users on 2 threads: 1.25 s, +25%"
    assert not recommend(frame((100, 2, 1.0, 100))).default


def test_fewer_threads_win_at_similar_memory() -> None:
    found = recommend(frame((100, 2, 1.0, 1_000), (250, 1, 1.04, 1_004), (500, 1, 1.02, 1_009)))
    assert (found.chunk_size, found.workers) == (500, 1)


def test_plot_marks_the_recommended_setting(swept: pd.DataFrame) -> None:
    figure = plot_sweep(swept, recommend(swept))
    assert_readable(figure)
    assert len(figure.axes) == 2
    assert [len(axes.lines) for axes in figure.axes] == [
        6,
        4,
    ]  # best, median, peak of 2 counts; ring; default


def test_plot_marks_the_default_chunk_size_within_the_sizes() -> None:
    rows = frame((100, 1, 2.0, 100), (4_000, 1, 1.0, 120)).assign(median_s=2.0, extra_bytes=10)
    left, _ = plot_sweep(rows).axes
    assert [line.get_xdata()[0] for line in left.lines if str(line.get_label()).startswith("default")] == [1_000]
    left, _ = plot_sweep(rows.assign(chunk_size=[10, 100])).axes
    assert not [line for line in left.lines if str(line.get_label()).startswith("default")]
