"""Bytes by column."""

from __future__ import annotations

from scoring.dataset import Tables
from scoring.dataset.smaller_dtypes import optimise
from scoring.profiling import column_bytes, plot_columns
from tests.support.figure_checks import assert_readable, bar_widths


def test_bytes_equal_pandas_and_none_grows(tables: Tables) -> None:
    report = column_bytes(tables.jobs)
    assert set(report.index) == set(tables.jobs.columns)
    assert report["bytes_before"].is_monotonic_decreasing
    assert report["bytes_before"].sum() == tables.jobs.memory_usage(deep=True, index=False).sum()
    assert report["bytes_after"].sum() == optimise(tables.jobs).memory_usage(deep=True, index=False).sum()
    assert (report["bytes_after"] <= report["bytes_before"]).all()


def test_plot_has_two_bars_per_column(tables: Tables) -> None:
    report = column_bytes(tables.jobs)
    figure = plot_columns(report)
    assert_readable(figure)
    assert bar_widths(figure) == [*(report["bytes_before"] / 1e3), *(report["bytes_after"] / 1e3)]
