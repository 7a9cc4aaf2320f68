"""The line profile shows the reference path, and its milliseconds add up."""

from __future__ import annotations

import inspect
import linecache

import numpy as np
import pandas as pd
import pytest

from scoring.profiling import fold_lines, hottest_lines, line_profile, plot_lines, readable_top_k
from scoring.profiling.line_times import FUNCTIONS
from scoring.ranking import Prepared
from tests.support.figure_checks import assert_readable

N_USERS = 6
CALLED = [function for function in FUNCTIONS if function.__qualname__ not in ("TreeKind.values", "PairKind.values")]
"""The model has no learned component."""


@pytest.fixture(scope="module")
def profiled(prepared: Prepared) -> pd.DataFrame:
    return line_profile(prepared, prepared.active_users[:N_USERS], k=5)


def test_readable_path_returns_the_lists_of_the_engine(prepared: Prepared) -> None:
    users = prepared.active_users[:N_USERS]
    ours = prepared.scorer.top_k(7, users)
    for row, ids in enumerate(readable_top_k(prepared, users, 7)):
        np.testing.assert_array_equal(ids, ours.job_id[row, : ours.count[row]])


def test_profile_has_the_lines_of_every_function(profiled: pd.DataFrame) -> None:
    file_of = {function.__qualname__: inspect.getsourcefile(function) for function in CALLED}
    assert profiled["function"].unique().tolist() == list(file_of)
    for row in profiled.itertuples():
        assert row.source == linecache.getline(file_of[row.function], row.line).strip()
    lists = profiled[profiled["source"].str.startswith("lists.append(")]
    assert lists["hits"].tolist() == [N_USERS]


def test_shares_and_own_milliseconds_add_up(profiled: pd.DataFrame) -> None:
    assert profiled.groupby("function")["share"].sum().tolist() == pytest.approx([1] * len(CALLED))
    assert (profiled["own_ms"] <= profiled["ms"]).all()
    assert profiled["own_ms"].min() > -1e-9
    outermost = profiled["function"].isin(["compute_scores", "top_k"])
    assert profiled["own_ms"].sum() == pytest.approx(profiled["ms"][outermost].sum())


def test_plot_shows_the_slowest_lines(profiled: pd.DataFrame) -> None:
    figure = plot_lines(profiled, top=8)
    assert_readable(figure)
    assert len(figure.axes[0].patches) == 8


def test_hottest_lines_are_a_table_of_the_total(profiled: pd.DataFrame) -> None:
    hottest = hottest_lines(profiled, 4)
    assert hottest.columns.tolist() == ["function", "line", "share", "own_ms", "source"]
    assert hottest["own_ms"].tolist() == sorted(profiled["own_ms"], reverse=True)[:4]
    assert hottest_lines(profiled, 10_000)["share"].sum() == pytest.approx(1)


def test_fold_contains_every_line(profiled: pd.DataFrame) -> None:
    fold = fold_lines(profiled)
    assert fold.title == f"All {len(profiled)} executed lines"
    assert all(source in fold.text for source in profiled["source"])
    assert all(f"{function.__qualname__}: " in fold.text for function in CALLED)
