"""Queries of users who are loaded one by one, and together."""

from __future__ import annotations

from scoring.database.database import Database
from scoring.dataset import Tables
from scoring.errors import ConfigurationError
from scoring.profiling import Source, compare_queries, plot_queries
from tests.support.errors import raises_at
from tests.support.figure_checks import assert_readable


def test_one_by_one_needs_queries_per_user(source: Source, tables: Tables) -> None:
    frame = compare_queries(source.database, 6).set_index("way")
    assert frame.index.tolist() == ["one by one", "in a batch", "whole database"]
    assert frame["users"].tolist() == [6, 6, len(tables.users)]
    assert frame.loc["one by one", "queries"] == 6 * frame.loc["in a batch", "queries"]
    assert frame.loc["one by one", "actions"] == frame.loc["in a batch", "actions"] > 0
    assert frame.loc["whole database", "actions"] == len(tables.actions)
    assert (frame["ms"] > 0).all()
    figure = plot_queries(frame.reset_index())
    assert [bar.get_width() for bar in figure.axes[0].patches] == frame["queries"].tolist()
    figure.axes[1].set_ylabel("way")  # the names are beside the left panel
    assert_readable(figure)


def test_open_database_stays_open(source: Source) -> None:
    with Database.open(source.database) as database:
        assert compare_queries(database, 2)["queries"].gt(0).all()
        assert compare_queries(database, 2)["queries"].gt(0).all()
    with raises_at(ConfigurationError, "n_users"):
        compare_queries(source.database, 0)
