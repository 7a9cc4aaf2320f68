"""A labour market with hidden tastes, for work without data of one's own: Japan's geography and wages, companies
of all sizes, and users whose actions follow weights that tuning can find.

`world` the country · `companies`, `jobs`, `titles` what is offered · `users` who looks · `tastes` what they want ·
`memory`, `actions` what they did · `sampling`, `frames` tools.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scoring.columns.canonical_tables import Tables
from scoring.dataset import reference
from scoring.errors import ConfigurationError
from scoring.synthetic.actions import make_actions
from scoring.synthetic.companies import make_companies
from scoring.synthetic.generator import World
from scoring.synthetic.jobs import make_jobs
from scoring.synthetic.preferences import HIDDEN_WEIGHTS, Tastes, make_tastes
from scoring.synthetic.users import make_users

__all__ = ["HIDDEN_WEIGHTS", "Market", "Tastes", "make_market"]


@dataclass(frozen=True)
class Market:
    """The tables that everybody may read, the tastes that nobody may, and the clock that both were made for."""

    tables: Tables
    tastes: Tastes
    as_of: pd.Timestamp


def make_market(
    n_users: int = 10_000,
    n_jobs: int = 100_000,
    n_actions: int | None = None,
    seed: int = 0,
    as_of: str | pd.Timestamp = "2025-12-01T12:00:00Z",
) -> Market:
    """A market by the seed: the same arguments give the same tables.

    `n_actions`: as many (default 100 per user); a market where few jobs are open may have fewer.
    `as_of`: the market's clock, to the second; UTC without a zone. The newest action comes shortly before it.
    The users of a seed are the same for any number of jobs or actions.
    Raises ConfigurationError when there is no user, no job, or a negative number of actions.
    """
    n_actions = 100 * n_users if n_actions is None else n_actions
    if n_users < 1 or n_jobs < 1 or n_actions < 0:
        raise ConfigurationError(
            "A market needs at least 1 user, 1 job and 0 actions; "
            f"asked for {n_users} users, {n_jobs} jobs, {n_actions} actions."
        )
    clock = _clock(as_of)
    now = int(clock.timestamp())
    for_world, for_users, for_jobs, for_tastes, for_actions = np.random.default_rng(seed).spawn(5)
    world = World.load(for_world)
    users = make_users(for_users, world, n_users, now)
    companies = make_companies(for_jobs, world, n_jobs)
    jobs = make_jobs(for_jobs, world, companies, n_jobs, now)
    tastes = make_tastes(for_tastes, world, users, companies, jobs)
    actions = make_actions(for_actions, world, users, companies, jobs, tastes, n_actions, now)
    tables = Tables(
        jobs.frame,
        users.frame,
        actions,
        reference.occupations(),
        reference.prefectures(),
        reference.prefecture_adjacency(),
    )
    return Market(tables, tastes, clock)


def _clock(as_of: str | pd.Timestamp) -> pd.Timestamp:
    try:
        clock = pd.Timestamp(as_of)
    except ValueError as error:
        raise ConfigurationError(f"as_of is not a time: {as_of!r}.") from error
    if clock is pd.NaT:
        raise ConfigurationError(f"as_of is not a time: {as_of!r}.")
    clock = clock.tz_localize("UTC") if clock.tzinfo is None else clock.tz_convert("UTC")
    return clock.floor("s")
