"""Missing values, and actions by week."""

from __future__ import annotations

import pandas as pd

from scoring.dataset import Dataset, Tables
from scoring.profiling import missing_values, plot_actions, plot_missing
from tests.support.figure_checks import assert_readable, bar_widths


def test_missing_values_are_counted_largest_first() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3, 4], "b": [None] * 4, "c": [1, None, None, 4]})
    found = missing_values(frame)
    assert found.to_numpy().tolist() == [["b", 4, 1.0], ["c", 2, 0.5], ["a", 0, 0.0]]
    assert missing_values(frame.iloc[:0])["share"].tolist() == [0.0] * 3


def test_plot_shows_only_columns_with_missing_values(tables: Tables) -> None:
    found = missing_values(tables.jobs)
    figure = plot_missing(found, "Jobs")
    assert_readable(figure)
    assert bar_widths(figure) == (100 * found.loc[found["missing"] > 0, "share"]).tolist()


def test_plot_counts_every_action(tables: Tables) -> None:
    figure = plot_actions(Dataset(tables))
    assert_readable(figure)
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == len(tables.actions)


def test_actions_after_the_clock_are_left_out(tables: Tables) -> None:
    clock = tables.actions["occurred_at"].sort_values().iloc[len(tables.actions) // 2]
    past = Dataset(tables, as_of=clock)
    shown = sum(bar.get_height() for bar in plot_actions(past).axes[0].patches)
    assert shown == (tables.actions["occurred_at"] <= clock).sum()
    assert_readable(plot_actions(Dataset(tables.with_tables(actions=tables.actions.iloc[:0]), as_of=clock)))
