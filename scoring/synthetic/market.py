"""A market: its tables, its hidden preferences and its clock, and how to make one from a seed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scoring.argument_checks import check_integer, check_positive_integer, check_seed
from scoring.columns.dataset_frames import Tables
from scoring.dataset import reference as reference_tables
from scoring.errors import ConfigurationError
from scoring.synthetic.actions import make_actions
from scoring.synthetic.companies import make_companies
from scoring.synthetic.hidden_preferences import Preferences, make_preferences
from scoring.synthetic.jobs import make_jobs
from scoring.synthetic.reference_arrays import ReferenceArrays
from scoring.synthetic.users import make_users

__all__ = ["Market", "make_market"]


@dataclass(frozen=True)
class Market:
    """A synthetic market.

    Attributes
    ----------
    tables: the tables of the dataset.
    preferences: the hidden preferences. Models must not read them; they serve to check estimates.
    as_of: the clock of the market, in UTC.
    """

    tables: Tables
    preferences: Preferences
    as_of: pd.Timestamp

    def save(self, database: Any) -> None:
        """Store the tables in an empty database: the path of a SQLite file, which is created, or a URL.

        Raises
        ------
        DataError: If a table of the database is not empty.
        DatabaseError: If the database cannot be written.
        """
        from scoring.database.database import Database
        from scoring.database.writers import save_tables

        opened = Database.open(database)
        try:
            save_tables(opened, self.tables)
        finally:
            if opened is not database:
                opened.close()

    @property
    def tastes(self) -> Preferences:
        """Deprecated alias of `preferences`."""
        warnings.warn("Market.tastes is deprecated. Use Market.preferences.", DeprecationWarning, stacklevel=2)
        return self.preferences


def make_market(
    n_users: int = 10_000,
    n_jobs: int = 100_000,
    n_actions: int | None = None,
    seed: int = 0,
    as_of: str | pd.Timestamp = "2025-12-01T12:00:00Z",
) -> Market:
    """Return a random market. The same arguments give the same tables.

    The users of a seed do not depend on the number of jobs or actions.

    Parameters
    ----------
    n_actions: number of actions, by default 100 per user. A market with few open jobs may have fewer.
    as_of: the clock, rounded down to a second; UTC without a zone. The newest action is shortly before it.

    Raises
    ------
    ConfigurationError: If `n_users` or `n_jobs` is not a positive integer. If `n_actions` or `seed` is not an integer
        of 0 or more. If `as_of` is not a time.

    Example
    -------
    >>> market = make_market(n_users=20, n_jobs=50, seed=1)
    >>> len(market.tables.users), len(market.tables.jobs)
    (20, 50)
    """
    n_users, n_jobs = check_positive_integer("n_users", n_users), check_positive_integer("n_jobs", n_jobs)
    n_actions, seed = 100 * n_users if n_actions is None else check_integer("n_actions", n_actions, 0), check_seed(seed)
    clock = _choose_clock(as_of)
    now = int(clock.timestamp())
    for_reference, for_users, for_jobs, for_preferences, for_actions = np.random.default_rng(seed).spawn(5)
    reference = ReferenceArrays.load(for_reference)
    users = make_users(for_users, reference, n_users, now)
    companies = make_companies(for_jobs, reference, n_jobs)
    jobs = make_jobs(for_jobs, reference, companies, n_jobs, now)
    preferences = make_preferences(for_preferences, reference, users, companies, jobs)
    actions = make_actions(for_actions, reference, users, companies, jobs, preferences, n_actions, now)
    tables = Tables(
        jobs.frame,
        users.frame,
        actions,
        reference_tables.load_occupations(),
        reference_tables.load_prefectures(),
        reference_tables.load_prefecture_adjacency(),
    )
    return Market(tables, preferences, clock)


def _choose_clock(as_of: str | pd.Timestamp) -> pd.Timestamp:
    try:
        clock = pd.Timestamp(as_of)
    except ValueError as error:
        raise ConfigurationError(
            f"as_of: {as_of!r} is not a time. Use a time such as 2025-12-01T12:00:00Z.", key=("as_of",)
        ) from error
    if clock is pd.NaT:
        raise ConfigurationError(
            f"as_of: {as_of!r} is not a time. Use a time such as 2025-12-01T12:00:00Z.", key=("as_of",)
        )
    clock = clock.tz_localize("UTC") if clock.tzinfo is None else clock.tz_convert("UTC")
    return clock.floor("s")
