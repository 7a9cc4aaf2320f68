"""`ScoringEngine`: the legacy interface over datasets, models, plans and scorers."""

from __future__ import annotations

from scoring.facade.batch_methods import BatchMethods
from scoring.facade.engine_state import PERFORMANCE_TARGET_MS_PER_USER
from scoring.facade.loading_methods import LoadingMethods
from scoring.facade.pair_methods import PairMethods
from scoring.runs.runner import DEFAULT_CHUNK_SIZE, MAX_BATCH_SIZE

__all__ = ["DEFAULT_CHUNK_SIZE", "MAX_BATCH_SIZE", "PERFORMANCE_TARGET_MS_PER_USER", "ScoringEngine"]


class ScoringEngine(BatchMethods, PairMethods, LoadingMethods):
    """Scores jobs for users from a database, by the interface that legacy callers know.

    >>> engine = ScoringEngine("sqlite:///data/scoring.db")
    >>> best = await engine.calculate_scores_for_all_users(top_k=40)

    Parameters
    ----------
    db: a SQLAlchemy Session, AsyncSession, Engine, AsyncEngine or URL, the path of a SQLite file, or a
        `scoring.dataset.Dataset`, which is then the whole data.
    model: a shipped model's name, a model file, or a ScoringModel.
    as_of: the clock (None: the newest action).
    chunk_size: users planned at a time. max_workers: threads (None: one per core).
    company_cache_hours, prefecture_cache_size, company_cache_size: bounds for caching layers; no answer depends
        on them.
    keep_factors: where trained factors are kept: True the user's cache folder, False nowhere, or a folder.

    The data is loaded once, when first needed, and kept: `refresh()` exchanges it between calls. Statistics are
    always those of the whole data, never of the rows that a call passes; those rows are scored by what they say,
    with the history and the factors that the data has for their ids (none for ids that it does not know).

    Async methods never hold up the event loop; many tasks and threads may use one engine.

    Raises ConfigurationError (no data), DatabaseError, ModelError.
    """
