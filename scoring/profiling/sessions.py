"""A session of mixed requests as somebody tuning weights makes them, replayed against an engine.

    session = make_session(dataset, 5000, seed=0)
    report = await replay(ScoringEngine(url, clock=clock), session, database, clock)
    report.layers, report.times(), plot_layers(report)

What is asked repeats as it does on a job board: a few users at a time are there, by Zipf's law, and come back to the
jobs of a front page while they are. Weights are tried and returned to, new actions are written about once an hour, and
the clock passes several hours.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from scoring.caching import LayerStats
from scoring.catalog import load_model
from scoring.columns import ACTION_KINDS, TABLES
from scoring.dataset import Dataset
from scoring.dataset.database import Database
from scoring.dataset.storing import write_frame
from scoring.model import ScoringModel

__all__ = [
    "KINDS",
    "TARGETS",
    "Request",
    "Session",
    "SessionClock",
    "SessionReport",
    "make_session",
    "plot_layers",
    "plot_times",
    "replay",
]

KINDS: Final = {
    "pair": 0.48,
    "explanation": 0.18,
    "short list": 0.14,
    "base score": 0.10,
    "popularity": 0.06,
    "whole list": 0.03,
    "weights": 0.01,
}
"""Kind of request → its share. `new actions` come beside these, evenly."""

TARGETS: Final = {"overall": 0.90, "prefecture": 0.95, "company": 0.85}
"""The hit rates that a session must pass."""

FRONT_PAGE: Final = 40
"""Jobs that pairs and explanations are about: as many as a list has."""
PRESENT: Final = 12
"""Users who are there at a time; one of them is exchanged now and then."""
STAY: Final = 150
"""Requests from all of them until the next one is exchanged."""
ZIPF: Final = 1.5
PROFILES: Final = 4
HOURS: Final = 4.5
"""How long a session lasts by its clock."""
REQUESTS_PER_WRITE: Final = 1000
ACTIONS_PER_WRITE: Final = 20

Row = dict[str, Any]


class Engine(Protocol):
    """What a replay needs of a `ScoringEngine`."""

    model: ScoringModel

    def cache_stats(self) -> dict[str, LayerStats]: ...

    async def calculate_total_score(self, job: Any, user: Any, user_profile: Any = None) -> float: ...

    async def calculate_base_score(self, job: Any) -> float: ...

    async def get_score_explanation(self, job: Any, user: Any, user_profile: Any = None) -> dict[str, Any]: ...

    async def calculate_scores_for_all_users(
        self, job_limit: int | None = None, user_limit: int | None = None
    ) -> Any: ...

    async def _batch_load_company_popularity(self, company_ids: Sequence[str]) -> pd.DataFrame: ...


class SessionClock:
    """Seconds, moved by the replay: give it to the engine (`clock=`) and to `replay`."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Request:
    """One request: its kind, when it comes (seconds), and what it is about as far as its kind needs it."""

    kind: str
    at: float
    job: int = 0
    user: int = 0
    users: int | None = None  # of a short list
    companies: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    actions: pd.DataFrame | None = None


@dataclass(frozen=True)
class Session:
    """Requests in order, and the rows of the jobs and users that they name by id."""

    requests: tuple[Request, ...]
    jobs: Mapping[int, Row]
    users: Mapping[int, Row]


@dataclass(frozen=True)
class SessionReport:
    """What came of a replay.

    `layers`: cache → requests, hits, misses, joined, hit_rate, entries, bytes, age (seconds, of the oldest value).
    `requests`: a row for each request in order: kind, at, seconds, cold (a cache had to compute), answer (a digest).
    """

    layers: pd.DataFrame
    requests: pd.DataFrame

    @property
    def hit_rates(self) -> dict[str, float]:
        """Cache → hit rate; `overall` of all together, as `get_performance_stats` has it."""
        asked = self.layers["requests"].sum()
        return {"overall": self.layers["hits"].sum() / asked if asked else 0.0, **self.layers["hit_rate"]}

    def times(self, off: SessionReport | None = None) -> pd.DataFrame:
        """Kind → requests, how many were cold, median milliseconds cold and warm; `off_ms` of a replay without caches.

        NaN where no request of the kind was so.
        """
        rows = {}
        for kind, part in self.requests.groupby("kind"):
            cold, ms = part["cold"], 1000 * part["seconds"]
            row = {"requests": len(part), "cold": int(cold.sum()), "cold_ms": ms[cold].median()}
            row["warm_ms"] = ms[~cold].median()
            if off is not None:
                without = off.requests
                row["off_ms"] = 1000 * without.loc[without["kind"] == kind, "seconds"].median()
            rows[kind] = row
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("kind")

    def different_from(self, other: SessionReport) -> pd.DataFrame:
        """The requests that another engine answered otherwise; empty where both agree on everything."""
        return self.requests[self.requests["answer"] != other.requests["answer"]]


# The session


def make_session(dataset: Dataset, n_requests: int, seed: int = 0, *, model: str = "standard") -> Session:
    """Requests by the seed, about the dataset's users and jobs; weights are those of the model's components."""
    random = np.random.default_rng(seed)
    users = random.permutation(dataset.users.user_id[dataset.users.active])
    jobs = random.permutation(dataset.jobs.job_id[dataset.open_jobs])[:FRONT_PAGE]
    companies = [str(name) for name in random.permutation(dataset.words.company.values.to_numpy())]
    profiles = _profiles(model, random)
    gap = HOURS * 3600 / max(n_requests, 1)
    kinds = random.choice(list(KINDS), n_requests, p=list(KINDS.values()))
    at = np.cumsum(random.exponential(gap, n_requests))
    present = [int(_zipf(users, random)) for _ in range(PRESENT)]
    requests = []
    for place, (kind, moment) in enumerate(zip(kinds, at.tolist(), strict=True), 1):
        if place % REQUESTS_PER_WRITE == 0:
            requests.append(Request("new actions", moment, actions=_new_actions(dataset, users, jobs, moment, random)))
            continue
        if place % STAY == 0:
            present[random.integers(PRESENT)] = int(_zipf(users, random))
        about: dict[str, Any] = {
            "job": int(_zipf(jobs, random)),
            "user": _zipf(present, random),
            "users": int(random.choice((10, 20, 50))) if kind == "short list" else None,
        }
        if kind == "popularity":
            about["companies"] = tuple(_zipf(companies, random) for _ in range(5))
        if kind == "weights":
            about["weights"] = profiles[random.integers(PROFILES)]
        requests.append(Request(str(kind), moment, **about))
    return Session(
        tuple(requests),
        _records(dataset.tables.jobs, "job_id", jobs),
        _records(dataset.tables.users, "user_id", users),
    )


def _profiles(model: str, random: np.random.Generator) -> list[dict[str, float]]:
    """The model's own weights first, then others near them."""
    loaded = load_model(model)
    flat = dict(zip((part.name for part in loaded.parts), loaded.flat_weights.tolist(), strict=True))
    others = [{name: weight * random.uniform(0.5, 1.5) for name, weight in flat.items()} for _ in range(PROFILES - 1)]
    return [flat, *others]


def _zipf(values: Sequence[Any] | np.ndarray, random: np.random.Generator) -> Any:
    """The first value most often, the n-th as often as 1 / n to the power of ZIPF says."""
    place = len(values)
    while place >= len(values):  # the law has no end, the values have
        place = random.zipf(ZIPF) - 1
    return values[place]


def _new_actions(
    dataset: Dataset, users: np.ndarray, jobs: np.ndarray, at: float, random: np.random.Generator
) -> pd.DataFrame:
    """What happened just now by the session's clock, a millisecond apart."""
    moments = pd.Timestamp(dataset.as_of) + pd.to_timedelta(at + np.arange(ACTIONS_PER_WRITE) / 1000, unit="s")
    rows = {
        "user_id": [int(_zipf(users, random)) for _ in moments],
        "job_id": [int(_zipf(jobs, random)) for _ in moments],
        "action": random.choice(list(ACTION_KINDS), len(moments)).tolist(),
        "occurred_at": moments,
    }
    return pd.DataFrame(rows).astype({column.name: column.kind.dtype for column in TABLES["actions"].columns})


def _records(table: pd.DataFrame, key: str, ids: np.ndarray) -> dict[int, Row]:
    rows = table[table[key].isin(ids)].to_dict("records")
    return {row[key]: {str(name): value for name, value in row.items()} for row in rows}


# The replay


async def replay(engine: Engine, session: Session, database: Database, clock: SessionClock) -> SessionReport:
    """Sends the requests one after another; `clock` is the engine's, `database` what it reads and actions go into.

    Writing actions is not timed; the first request after it is, with all that has to be made anew.
    To hold an engine beside one whose caches are off, replay the session against each on a database of its own, the
    other one with `layers=Layers.off(company_hours=…, clock=…)` of the same hours: then both read company popularity
    at the same moments, and every answer must be equal (`SessionReport.different_from`).
    """
    base, before = engine.model, engine.cache_stats()
    misses, rows = _misses(engine), []
    for request in session.requests:
        clock.now = max(clock.now, request.at)
        answer, seconds = "", 0.0
        if request.kind == "new actions":
            assert request.actions is not None
            with database.begin() as connection:
                write_frame(connection, "actions", request.actions)
        elif request.kind == "weights":
            engine.model = base.with_weights(request.weights)
        else:
            begin = time.perf_counter()
            found = await _ANSWERS[request.kind](engine, session, request)
            seconds, answer = time.perf_counter() - begin, _digest(found)
        misses, last = _misses(engine), misses
        rows.append((request.kind, request.at, seconds, misses > last, answer))
    engine.model = base
    requests = pd.DataFrame(rows, columns=["kind", "at", "seconds", "cold", "answer"])
    return SessionReport(_layers(engine, before), requests)


_ANSWERS: Final[dict[str, Callable[[Engine, Session, Request], Awaitable[Any]]]] = {
    "pair": lambda engine, of, r: engine.calculate_total_score(of.jobs[r.job], of.users[r.user], r.user),
    "explanation": lambda engine, of, r: engine.get_score_explanation(of.jobs[r.job], of.users[r.user], r.user),
    "short list": lambda engine, of, r: engine.calculate_scores_for_all_users(user_limit=r.users),
    "whole list": lambda engine, of, r: engine.calculate_scores_for_all_users(),
    "base score": lambda engine, of, r: engine.calculate_base_score(of.jobs[r.job]),
    "popularity": lambda engine, of, r: engine._batch_load_company_popularity(r.companies),
}


def _misses(engine: Engine) -> int:
    return sum(stats.misses for stats in engine.cache_stats().values())


def _digest(answer: Any) -> str:
    """Equal for answers that are equal to the last bit."""
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(answer, pd.DataFrame):
        for name, column in answer.items():
            values = column.to_numpy()
            exact = values.tobytes() if values.dtype != object else repr(values.tolist()).encode()
            digest.update(f"{name} {column.dtype} {len(column)}".encode() + exact)
    else:
        digest.update(repr(answer).encode())
    return digest.hexdigest()


def _layers(engine: Engine, before: Mapping[str, LayerStats]) -> pd.DataFrame:
    rows = {}
    for name, stats in engine.cache_stats().items():
        counts = {what: getattr(stats, what) - getattr(before[name], what) for what in ("hits", "misses", "joined")}
        asked = sum(counts.values())
        rows[name] = {
            "requests": asked,
            **counts,
            "hit_rate": counts["hits"] / asked if asked else np.nan,
            "entries": stats.entries,
            "bytes": stats.bytes,
            "age": stats.oldest_seconds,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("cache")


def plot_layers(report: SessionReport) -> Figure:
    """Hit rate of each cache as a bar, with the number of requests; a line where a target is set."""
    rates = pd.Series(report.hit_rates).dropna()[::-1]
    asked = {"overall": int(report.layers["requests"].sum()), **report.layers["requests"].astype(int)}
    figure = Figure(figsize=(7, 0.42 * len(rates) + 1.2), layout="constrained")
    axes = figure.subplots()
    colours = ["#0072B2" if name == "overall" else "#56B4E9" for name in rates.index]
    axes.barh(rates.index, 100 * rates, color=colours, height=0.65)
    label = "target"
    for place, (name, rate) in enumerate(rates.items()):
        axes.text(101, place, f"{100 * rate:.1f} % of {asked[str(name)]:,}", va="center", fontsize=9)
        if name in TARGETS:
            axes.vlines(100 * TARGETS[str(name)], place - 0.42, place + 0.42, color="#D55E00", lw=2.5, label=label)
            label = "_"  # (named once)
    axes.set(xlim=(0, 100), xlabel="requests that found their value, %")
    axes.set_title("Hit rate of each cache over the session", loc="left", fontsize=11)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower right", frameon=False, fontsize=9)
    return figure


def plot_times(times: pd.DataFrame) -> Figure:
    """Median milliseconds of each kind of request, cold, warm and with the caches off; `times` of a report."""
    shown = times.dropna(subset=["cold_ms", "warm_ms"], how="all")
    shown = shown[shown["requests"].gt(0) & shown["warm_ms"].gt(0)].sort_values("warm_ms")
    figure = Figure(figsize=(7, 0.75 * len(shown) + 1.2), layout="constrained")
    axes = figure.subplots()
    series = [("off_ms", "caches off", "#999999"), ("cold_ms", "cold", "#E69F00"), ("warm_ms", "warm", "#0072B2")]
    height, longest = 0.27, float(np.nanmax(shown.filter(like="_ms").to_numpy()))
    for place, (name, label, colour) in enumerate((part for part in series if part[0] in shown), -1):
        at = np.arange(len(shown)) - place * height
        axes.barh(at, shown[name], height=height, color=colour, label=label)
        for y, value in zip(at, shown[name], strict=True):
            if value == value:
                axes.text(value + 0.01 * longest, y, f"{value:.1f}", va="center", fontsize=8)
    axes.set_yticks(np.arange(len(shown)), shown.index)
    axes.set(xlim=(0, 1.08 * longest), xlabel="milliseconds, median")
    axes.set_title("Time of a request", loc="left", fontsize=11)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower right", ncols=3, frameon=False, fontsize=9)
    return figure
