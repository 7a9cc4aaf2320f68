"""Database queries and seconds of loading users one by one, compared with loading them together."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from scoring.argument_checks import check_positive_integer
from scoring.database.database import Database
from scoring.database.readers import QueryCounter, load_actions, load_jobs, load_tables, load_users
from scoring.plotting import BLUE, ORANGE, create_figure, draw_bars, format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["compare_queries", "plot_queries"]


def compare_queries(database: Database | str | Path, n_users: int = 50) -> pd.DataFrame:
    """Load the actions of some users, and the jobs of these actions, in three ways.

    Return one row per way: way · users · queries · ms · actions. "one by one" sends queries for each user. "in a
    batch" sends queries for all of these users. "whole database" loads all tables.

    Raises
    ------
    ConfigurationError: If `n_users` is not an integer of 1 or more.
    DatabaseError, DataError: If the database cannot be read, or a row is invalid.

    Example
    -------
    >>> frame = compare_queries(folder / "market.db", n_users=3)
    >>> list(frame["way"])
    ['one by one', 'in a batch', 'whole database']
    """
    n_users = check_positive_integer("n_users", n_users)
    opened = Database.open(database)
    try:
        ids = load_users(opened, limit=n_users)["user_id"].tolist()  # also warms the connection
        rows = []
        for way, load in (("one by one", _load_one_by_one), ("in a batch", _load_together)):
            with QueryCounter(opened) as queries:
                start = time.perf_counter()
                actions = load(opened, ids)
                rows.append((way, len(ids), queries.count, 1000 * (time.perf_counter() - start), actions))
        with QueryCounter(opened) as queries:
            start = time.perf_counter()
            tables = load_tables(opened)
            ms = 1000 * (time.perf_counter() - start)
        rows.append(("whole database", len(tables.users), queries.count, ms, len(tables.actions)))
    finally:
        if opened is not database:
            opened.close()
    return pd.DataFrame(rows, columns=["way", "users", "queries", "ms", "actions"])


def _load_one_by_one(database: Database, ids: list[int]) -> int:
    n_actions = 0
    for user in ids:
        actions = load_actions(database, [user])
        load_jobs(database, actions["job_id"].unique())
        n_actions += len(actions)
    return n_actions


def _load_together(database: Database, ids: list[int]) -> int:
    actions = load_actions(database, ids)
    load_jobs(database, actions["job_id"].unique())
    return len(actions)


def plot_queries(frame: pd.DataFrame) -> Figure:
    """Plot the queries and the milliseconds of `compare_queries`.

    Example
    -------
    >>> figure = plot_queries(compare_queries(folder / "market.db", n_users=3))
    >>> len(figure.axes)
    2
    """
    figure, panels = create_figure(8, 0.4 * len(frame) + 1.2, columns=2)
    names = [f"{way}, {users:,} users" for way, users in zip(frame["way"], frame["users"], strict=True)]
    colours = [ORANGE, *[BLUE] * (len(frame) - 1)]
    queries, times = frame["queries"].tolist(), frame["ms"].tolist()
    draw_bars(panels[0], names, queries, [f"{value:,}" for value in queries], colours)
    draw_bars(panels[1], names, times, [format_number(value) for value in times], colours)
    panels[1].set_yticks(range(len(frame)), [""] * len(frame))
    for axes, title, label in zip(panels, ("Queries", "Time"), ("queries", "milliseconds"), strict=True):
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel(label)
    return figure
