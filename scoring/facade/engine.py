"""`ScoringEngine`: the legacy interface over datasets, models, plans and scorers."""

from __future__ import annotations

from scoring.facade.batch_loading_methods import LoadingMethods
from scoring.facade.batch_methods import BatchMethods
from scoring.facade.component_methods import ComponentMethods
from scoring.facade.engine_state import PERFORMANCE_TARGET_MS_PER_USER
from scoring.facade.pair_methods import PairMethods
from scoring.runs.runner import DEFAULT_CHUNK_SIZE, MAX_BATCH_SIZE

__all__ = ["DEFAULT_CHUNK_SIZE", "MAX_BATCH_SIZE", "PERFORMANCE_TARGET_MS_PER_USER", "ScoringEngine"]


class ScoringEngine(BatchMethods, PairMethods, ComponentMethods, LoadingMethods):
    """Score jobs for users from a database, through the interface of legacy callers.

    Parameters
    ----------
    db: A SQLAlchemy Session, AsyncSession, Engine, AsyncEngine or URL, the path of a SQLite file, or a
        `scoring.dataset.Dataset`, which is then the whole data.
    model: The name of a shipped model, a model file, or a ScoringModel.
    as_of: The clock (None: the newest action).
    chunk_size: Number of users planned at a time.
    max_workers: Number of threads (None: one per core).
    company_cache_hours: Hours for which company popularity is kept.
    prefecture_cache_size, company_cache_size: Limits of caches. No answer depends on them.
    keep_factors: Where trained factors are kept: True the cache folder of the user, False nowhere, or a folder.
    change_check_seconds: Seconds between checks whether the database has changed.
    caches: Caches of other sizes, or over a shared store (None: the default ones, with the settings above).
    layers: Deprecated name of `caches`.
    shared_cache: The URL of a Redis or Valkey server that several engines use, such as
        `redis://localhost:6379/0?namespace=shop`, or a `scoring.caching.SharedCache`. Factors, similarity and company
        popularity are then those of the last full minute of the data (`basis_seconds`), with and without the server.
    clock: Returns the current time in seconds.

    The data is loaded on first use and kept; `refresh()` replaces it between calls. Statistics are always those of
    the whole data, never of the rows that a call passes. Those rows are scored by their own values, with the history
    and the factors that the data has for their ids (none for unknown ids).

    Async methods never block the event loop. Many tasks and threads may use one engine.

    Raises
    ------
    ConfigurationError: If no data is given, or more than one of `caches`, `layers` and `shared_cache` is
        given.
    DatabaseError: If the database cannot be opened.
    ModelError: If the model is invalid.

    Example
    -------
    >>> import asyncio
    >>> with ScoringEngine(folder / "market.db", keep_factors=False) as engine:
    ...     best = asyncio.run(engine.calculate_scores_for_all_users(top_k=5))
    >>> int(best["rank"].max())
    5
    """
