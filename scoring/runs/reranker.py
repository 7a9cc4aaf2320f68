"""The stages of a run: candidates, rerank, write.

An executor ranks candidates (`scoring.runs.executors`), a reranker may change them, and publishers write the lists
(`scoring.runs.publishers`). Without a reranker the candidates are the lists.
"""

from __future__ import annotations

from typing import Protocol

from scoring.bundle.ranked_lists import Ranking
from scoring.errors import ConfigurationError

__all__ = ["Reranker", "rerank"]


class Reranker(Protocol):
    """Compute the lists of a run from its candidates, shard by shard.

    The company cap is not a reranker: the kernels apply it while they select candidates.
    """

    digest: str
    """Digest of everything that the lists depend on. It is part of the run's key."""

    def n_candidates(self, k: int) -> int:
        """Return the number of candidates per user that lists of k jobs require."""
        ...

    def rerank(self, candidates: Ranking, k: int) -> Ranking:
        """Return lists of at most k jobs of the same users, in another order or without some candidates.

        The order of the users does not change. `Ranking.scores` are canonical and move with their jobs. They are
        published unchanged, even if a list no longer descends by them.
        """
        ...


def rerank(candidates: Ranking, reranker: Reranker | None, k: int) -> Ranking:
    """Return the lists of these candidates, of at most k jobs.

    Raises
    ------
    ConfigurationError: If the reranker returned other users or longer lists.
    """
    if reranker is None:
        return candidates
    lists = reranker.rerank(candidates, k)
    name = type(reranker).__name__
    if lists.user_id.tolist() != candidates.user_id.tolist():
        raise ConfigurationError(
            f"{name}.rerank changed the users or their order. It must return the users of the candidates, in their "
            "order.",
            key=("user_id",),
        )
    if lists.job_id.shape[1] > k:
        raise ConfigurationError(
            f"{name}.rerank returned lists of {lists.job_id.shape[1]:,} jobs. It must return at most k = {k:,}.",
            key=("k",),
        )
    return lists
