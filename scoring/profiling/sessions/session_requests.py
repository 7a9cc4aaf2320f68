"""Create the requests of a session from a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.argument_checks import check_integer, check_seed
from scoring.columns import ACTION_KINDS, TABLES
from scoring.dataset import Dataset
from scoring.model_catalog import load_model

__all__ = ["KINDS", "SESSION_HOURS", "Request", "Row", "Session", "make_session"]

KINDS: Final = {
    "pair": 0.48,
    "explanation": 0.18,
    "short list": 0.14,
    "base score": 0.10,
    "popularity": 0.06,
    "whole list": 0.03,
    "weights": 0.01,
}
"""Kind of request → its share. Requests of kind `new actions` replace some of these at regular intervals."""

FRONT_PAGE: Final = 40
"""Number of jobs that are requested: the length of a list."""
ACTIVE_USERS: Final = 12
"""Number of users who are active at a time."""
REQUESTS_PER_ACTIVE_USER: Final = 150
"""Number of requests after which one active user is replaced."""
ZIPF_EXPONENT: Final = 1.5
PROFILES: Final = 4
SESSION_HOURS: Final = 4.5
"""Expected length of a session by its clock."""
REQUESTS_PER_WRITE: Final = 1000
ACTIONS_PER_WRITE: Final = 20

Row = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request: its kind, its time (`at`, in seconds) and its arguments. A kind uses only some of them."""

    kind: str
    at: float
    job: int = 0
    user: int = 0
    users: int | None = None  # number of users of a short list
    companies: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    actions: pd.DataFrame | None = None


@dataclass(frozen=True)
class Session:
    """Requests in order, and the rows of the jobs and users that they refer to by id."""

    requests: tuple[Request, ...]
    jobs: Mapping[int, Row]
    users: Mapping[int, Row]


def make_session(dataset: Dataset, n_requests: int, seed: int = 0, *, model: str = "standard") -> Session:
    """Create a session about the users and jobs of a dataset; weights are those of the model's components.

    Raises
    ------
    ConfigurationError: If `n_requests` or `seed` is not an integer of 0 or more.
    """
    n_requests, random = check_integer("n_requests", n_requests, 0), np.random.default_rng(check_seed(seed))
    users = random.permutation(dataset.users.user_id[dataset.users.active])
    jobs = random.permutation(dataset.jobs.job_id[dataset.open_jobs])[:FRONT_PAGE]
    companies = [str(name) for name in random.permutation(dataset.words.company.values.to_numpy())]
    profiles = _draw_profiles(model, random)
    gap = SESSION_HOURS * 3600 / max(n_requests, 1)
    kinds = random.choice(list(KINDS), n_requests, p=list(KINDS.values()))
    at = np.cumsum(random.exponential(gap, n_requests))
    active = [int(_draw_zipf(users, random)) for _ in range(ACTIVE_USERS)]
    requests = []
    for place, (kind, moment) in enumerate(zip(kinds, at.tolist(), strict=True), 1):
        if place % REQUESTS_PER_WRITE == 0:
            requests.append(Request("new actions", moment, actions=_new_actions(dataset, users, jobs, moment, random)))
            continue
        if place % REQUESTS_PER_ACTIVE_USER == 0:
            active[random.integers(ACTIVE_USERS)] = int(_draw_zipf(users, random))
        arguments: dict[str, Any] = {
            "job": int(_draw_zipf(jobs, random)),
            "user": _draw_zipf(active, random),
            "users": int(random.choice((10, 20, 50))) if kind == "short list" else None,
        }
        if kind == "popularity":
            arguments["companies"] = tuple(_draw_zipf(companies, random) for _ in range(5))
        if kind == "weights":
            arguments["weights"] = profiles[random.integers(PROFILES)]
        requests.append(Request(str(kind), moment, **arguments))
    return Session(
        tuple(requests),
        _make_records(dataset.tables.jobs, "job_id", jobs),
        _make_records(dataset.tables.users, "user_id", users),
    )


def _draw_profiles(model: str, random: np.random.Generator) -> list[dict[str, float]]:
    """Return weight profiles: the model's own weights, then random variations of them."""
    loaded = load_model(model)
    flat = dict(zip((part.name for part in loaded.parts), loaded.flat_weights.tolist(), strict=True))
    variations = [
        {name: weight * random.uniform(0.5, 1.5) for name, weight in flat.items()} for _ in range(PROFILES - 1)
    ]
    return [flat, *variations]


def _draw_zipf(values: Sequence[Any] | np.ndarray, random: np.random.Generator) -> Any:
    """Choose a value. The n-th value has a probability proportional to 1 / n ** ZIPF_EXPONENT."""
    place = len(values)
    while place >= len(values):  # the distribution is unbounded, the number of values is not
        place = random.zipf(ZIPF_EXPONENT) - 1
    return values[place]


def _new_actions(
    dataset: Dataset, users: np.ndarray, jobs: np.ndarray, at: float, random: np.random.Generator
) -> pd.DataFrame:
    """Make random actions at the current time of the session's clock, one millisecond apart."""
    moments = pd.Timestamp(dataset.as_of) + pd.to_timedelta(at + np.arange(ACTIONS_PER_WRITE) / 1000, unit="s")
    rows = {
        "user_id": [int(_draw_zipf(users, random)) for _ in moments],
        "job_id": [int(_draw_zipf(jobs, random)) for _ in moments],
        "action": random.choice(list(ACTION_KINDS), len(moments)).tolist(),
        "occurred_at": moments,
    }
    return pd.DataFrame(rows).astype({column.name: column.type.dtype for column in TABLES["actions"].columns})


def _make_records(table: pd.DataFrame, key: str, ids: np.ndarray) -> dict[int, Row]:
    rows = table[table[key].isin(ids)].to_dict("records")
    return {row[key]: {str(name): value for name, value in row.items()} for row in rows}
