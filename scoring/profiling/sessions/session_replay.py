"""Send a session to an engine and report the results."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from scoring.argument_checks import check_positive_integer
from scoring.caching import CacheStats
from scoring.database.database import Database
from scoring.database.writers import write_frame
from scoring.model import ScoringModel
from scoring.profiling.sessions.session_requests import Request, Session

__all__ = ["TARGETS", "SessionClock", "SessionReport", "replay"]

TARGETS: Final = {"overall": 0.90, "prefecture": 0.95, "company": 0.85}
"""Cache → minimum hit rate of a session."""


NOTHING: Final = "nothing"
"""What a request computed that found all values in caches."""


class ReplayedEngine(Protocol):
    """The methods of `ScoringEngine` that a replay calls."""

    model: ScoringModel

    def cache_stats(self) -> dict[str, CacheStats]: ...

    async def calculate_total_score(self, job: Any, user: Any, user_profile: Any = None) -> float: ...

    async def calculate_base_score(self, job: Any) -> float: ...

    async def get_score_explanation(self, job: Any, user: Any, user_profile: Any = None) -> dict[str, Any]: ...

    async def calculate_scores_for_all_users(
        self, job_limit: int | None = None, user_limit: int | None = None
    ) -> Any: ...

    async def _batch_load_company_popularity(self, company_ids: Sequence[str]) -> Mapping[str, Any]: ...


class SessionClock:
    """A clock in seconds, which the replay advances. Pass it to the engine (`clock=`) and to `replay`."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class SessionReport:
    """The result of a replay.

    `caches` has one row per cache: requests, hits, misses, joined, hit_rate, entries, bytes, age (seconds, of the
    oldest value). `requests` has one row per request, in order: kind, at, seconds, cold (whether a cache missed),
    computed (the caches that missed, joined by commas), answer (a digest).
    """

    caches: pd.DataFrame
    requests: pd.DataFrame

    @property
    def layers(self) -> pd.DataFrame:
        """Deprecated name of `caches`."""
        return self.caches

    @property
    def hit_rates(self) -> dict[str, float]:
        """Cache → hit rate. `overall` is the rate of all caches, as in `get_performance_stats`."""
        requests = self.caches["requests"].sum()
        return {"overall": self.caches["hits"].sum() / requests if requests else 0.0, **self.caches["hit_rate"]}

    def times(self, off: SessionReport | None = None) -> pd.DataFrame:
        """Return one row per kind: requests, cold (their number), cold_ms and warm_ms (median milliseconds).

        `off` is the report of a replay without caches; it adds the column off_ms. A median without requests is NaN.
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

    def slowest(self, n: int = 10) -> pd.DataFrame:
        """Return the n slowest requests: request (its number), kind, ms, typical_ms, computed.

        `typical_ms` is the median of warm requests of this kind. `computed` names the caches that missed: what the
        request had to compute. It is "nothing" for a slow request that found all values.
        """
        typical = 1000 * self.requests[~self.requests["cold"]].groupby("kind")["seconds"].median()
        slow = self.requests.nlargest(check_positive_integer("n", n), "seconds")
        return pd.DataFrame(
            {
                "request": slow.index + 1,
                "kind": slow["kind"],
                "ms": 1000 * slow["seconds"],
                "typical_ms": slow["kind"].map(typical),
                "computed": slow["computed"].replace("", NOTHING),
            }
        ).reset_index(drop=True)

    def causes(self) -> pd.DataFrame:
        """Return one row per set of caches that missed together: computed, requests, median_ms, total_ms.

        The rows with the largest total are first. "nothing" means that all values were found.
        """
        timed = self.requests[self.requests["answer"] != ""]
        ms = (1000 * timed["seconds"]).groupby(timed["computed"].replace("", NOTHING))
        found = pd.DataFrame({"requests": ms.size(), "median_ms": ms.median(), "total_ms": ms.sum()})
        return found.sort_values("total_ms", ascending=False).reset_index()

    def different_from(self, other: SessionReport) -> pd.DataFrame:
        """Return the requests to which another engine gave a different answer."""
        return self.requests[self.requests["answer"] != other.requests["answer"]]


async def replay(engine: ReplayedEngine, session: Session, database: Database, clock: SessionClock) -> SessionReport:
    """Send the requests one after another and return a report.

    Writing actions is not timed. The time of the next request includes all values that are computed again.

    To compare with an engine without caches, replay the session on an engine with
    `caches=EngineCaches.off(company_hours=…, clock=…)`, the same hours and a separate database. Both engines then read
    company popularity at the same times, and all answers must be equal (`SessionReport.different_from`).

    Parameters
    ----------
    database: The database that the engine reads. New actions are written to it.
    clock: The clock of the engine.
    """
    base, before = engine.model, engine.cache_stats()
    misses, rows = _count_misses(engine), []
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
        misses, last = _count_misses(engine), misses
        computed = [name for name, count in misses.items() if count > last.get(name, 0)]
        rows.append((request.kind, request.at, seconds, bool(computed), ", ".join(computed), answer))
    engine.model = base
    requests = pd.DataFrame(rows, columns=["kind", "at", "seconds", "cold", "computed", "answer"])
    return SessionReport(_cache_counts(engine, before), requests)


_ANSWERS: Final[dict[str, Callable[[ReplayedEngine, Session, Request], Awaitable[Any]]]] = {
    "pair": lambda engine, of, r: engine.calculate_total_score(of.jobs[r.job], of.users[r.user], r.user),
    "explanation": lambda engine, of, r: engine.get_score_explanation(of.jobs[r.job], of.users[r.user], r.user),
    "short list": lambda engine, of, r: engine.calculate_scores_for_all_users(user_limit=r.users),
    "whole list": lambda engine, of, r: engine.calculate_scores_for_all_users(),
    "base score": lambda engine, of, r: engine.calculate_base_score(of.jobs[r.job]),
    "popularity": lambda engine, of, r: engine._batch_load_company_popularity(r.companies),
}


def _count_misses(engine: ReplayedEngine) -> dict[str, int]:
    return {name: stats.misses for name, stats in engine.cache_stats().items()}


def _digest(answer: Any) -> str:
    """Return a digest that is equal only for bitwise equal answers."""
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(answer, pd.DataFrame):
        for name, column in answer.items():
            values = column.to_numpy()
            exact = values.tobytes() if values.dtype != object else repr(values.tolist()).encode()
            digest.update(f"{name} {column.dtype} {len(column)}".encode() + exact)
    else:
        digest.update(repr(answer).encode())
    return digest.hexdigest()


def _cache_counts(engine: ReplayedEngine, before: Mapping[str, CacheStats]) -> pd.DataFrame:
    rows = {}
    for name, stats in engine.cache_stats().items():
        counts = {what: getattr(stats, what) - getattr(before[name], what) for what in ("hits", "misses", "joined")}
        requests = sum(counts.values())
        rows[name] = {
            "requests": requests,
            **counts,
            "hit_rate": counts["hits"] / requests if requests else np.nan,
            "entries": stats.entries,
            "bytes": stats.bytes,
            "age": stats.oldest_seconds,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("cache")
