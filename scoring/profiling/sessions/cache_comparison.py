"""Comparison of an engine with and without caches, and counts of values recomputed after each change."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from scoring.caching import EngineCaches
from scoring.database.database import Database
from scoring.database.writers import save_tables, write_frame
from scoring.dataset import Dataset, Tables
from scoring.profiling.sessions.session_replay import SessionClock, SessionReport, replay
from scoring.profiling.sessions.session_requests import Session, make_session

__all__ = ["compare_caches", "count_recomputed"]

Engine = Callable[..., Any]
"""`ScoringEngine`, or a subclass. This package is imported without it."""


async def compare_caches(
    engine: Engine, tables: Tables, n_requests: int, seed: int = 0
) -> tuple[SessionReport, SessionReport]:
    """Replay a session of requests with caches and without, each on its own temporary database. Return both reports.

    Without caches, only the popularity of companies is kept, because its age is part of the result. Both engines use
    the same trained factors: no cache affects training.

    Parameters
    ----------
    engine: The class `ScoringEngine`.

    Raises
    ------
    ConfigurationError: If `n_requests` or `seed` is not an integer of 0 or more.

    Example
    -------
    >>> import asyncio
    >>> from scoring import ScoringEngine
    >>> kept, off = asyncio.run(compare_caches(ScoringEngine, tables, n_requests=5))
    >>> len(kept.different_from(off))
    0
    """
    session = make_session(Dataset(tables), n_requests, seed)
    with _save(tables) as folder:
        cached = await _replay(engine, folder, session, is_off=False)
    with _save(tables) as folder:
        return cached, await _replay(engine, folder, session, is_off=True)


@contextmanager
def _save(tables: Tables) -> Iterator[Path]:
    """Yield a temporary folder with the tables in market.db."""
    with tempfile.TemporaryDirectory(prefix="scoring-", ignore_cleanup_errors=True) as name:
        with Database.open(Path(name) / "market.db") as database:
            save_tables(database, tables)
        yield Path(name)


async def _replay(engine: Engine, folder: Path, session: Session, *, is_off: bool) -> SessionReport:
    clock, file = SessionClock(), folder / "market.db"
    caches = EngineCaches.off(company_hours=1, clock=clock) if is_off else EngineCaches(clock=clock)
    with (
        Database.open(file) as database,
        engine(file, "standard", caches=caches, clock=clock, keep_factors=folder) as opened,
    ):
        await opened.warmup_caches()  # compiles the kernels, which is not measured
        opened.clear_caches()
        return await replay(opened, session, database, clock)


async def count_recomputed(engine: Engine, tables: Tables, n_users: int = 20) -> pd.DataFrame:
    """Ask one engine for a list and a pair before and after changes. Return the values that each cache computed.

    The index contains the changes in order, and the columns are the caches.

    Parameters
    ----------
    engine: The class `ScoringEngine`.
    n_users: The number of users of the list.

    Example
    -------
    >>> import asyncio
    >>> from scoring import ScoringEngine
    >>> counts = asyncio.run(count_recomputed(ScoringEngine, tables, n_users=2))
    >>> int(counts.loc["nothing changed"].sum())
    0
    """
    clock, job, user = SessionClock(), tables.jobs.iloc[0].to_dict(), tables.users.iloc[0].to_dict()
    rows = {}
    with (
        _save(tables) as folder,
        engine(folder / "market.db", "standard", clock=clock, change_check_seconds=0, keep_factors=folder) as opened,
    ):

        async def ask(change: str) -> None:
            before = {name: stats.misses for name, stats in opened.cache_stats().items()}
            await opened.calculate_scores_for_all_users(user_limit=n_users)
            await opened.calculate_personal_score(job, user)
            rows[change] = {name: stats.misses - before[name] for name, stats in opened.cache_stats().items()}

        await ask("first request")
        await ask("nothing changed")
        model = opened.model
        opened.model = model.with_weights({part.name: 1.0 for part in model.parts})
        await ask("other weights")
        opened.model = model
        await ask("first weights again")
        with Database.open(folder / "market.db") as database, database.begin() as connection:
            action = tables.actions.head(1).assign(occurred_at=tables.actions["occurred_at"].max())
            write_frame(connection, "actions", action)
        await ask("a new action")
        clock.now += 3600
        await ask("one hour later")
        opened.clear_caches("lru")
        await ask("clear_caches('lru')")
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("change")
