"""Lists of the active users, in blocks that engines with the same data share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_list_length
from scoring.array_types import Singles
from scoring.caching.cache_key import ListsKey
from scoring.components.learned import Learned
from scoring.errors import RunCancelledError
from scoring.facade.snapshot import Snapshot
from scoring.model import ScoringModel
from scoring.model_catalog import SHIPPED
from scoring.ranking import SCORES, Prepared, Ranking

__all__ = ["MIN_SHARED_USERS", "ListBlock", "ListsCodec", "RowLists", "SharedLists", "is_named_by_digest"]

MIN_SHARED_USERS: Final = 100
"""Least users of a request whose lists are shared. Lists of fewer users take less time than a miss on the server."""


@dataclass(frozen=True)
class ListBlock:
    """The lists of n users, without ids: `Ranking` with 804 bytes instead of 1,288 for 40 jobs."""

    job_row: NDArray[np.int32]  # (n, k) row of the dataset's jobs; -1 after the last
    scores: Singles  # (n, k, 4)
    count: NDArray[np.int32]  # (n,)


class ListsCodec:
    """Converts blocks of lists for a shared store."""

    def encode(self, value: ListBlock) -> Mapping[str, NDArray[Any]]:
        return {"job_row": value.job_row, "scores": value.scores, "count": value.count}

    def decode(self, arrays: Mapping[str, NDArray[Any]]) -> ListBlock:
        job_row, scores, count = (arrays[name] for name in ("job_row", "scores", "count"))
        types = tuple(array.dtype.str for array in (job_row, scores, count))
        if types != ("<i4", "<f4", "<i4") or job_row.ndim != 2:
            raise ValueError("the lists have a wrong type")
        if scores.shape != (*job_row.shape, len(SCORES)) or count.shape != job_row.shape[:1]:
            raise ValueError("the scores do not fit the lists")
        return ListBlock(job_row, scores, count)


class RowLists:
    """The lists of the users at these rows.

    Parameters
    ----------
    users: Rows of a plan.
    prepare: Returns the model with this plan. It is called for the first list that is computed.
    """

    def __init__(self, users: NDArray[np.int64], prepare: Callable[[], Prepared]) -> None:
        self.users, self._prepare = users, prepare

    def rank(self, k: int, first: int, stop: int, cancelled: Callable[[], bool]) -> Ranking:
        """Return the lists of the users in these places, with external ids.

        Raises
        ------
        ConfigurationError: If k is not an integer, 1 or more.
        RunCancelledError: If `cancelled` returns True.
        """
        ranking = self._prepared.scorer.top_k(k, self.users[first:stop], cancelled=cancelled)
        if cancelled():
            raise RunCancelledError("The request was cancelled.")
        return self._prepared.add_external_ids(ranking)

    @cached_property
    def _prepared(self) -> Prepared:
        return self._prepare()


class SharedLists(RowLists):
    """The lists of the first active users of a snapshot, from the shared store of its caches if it has them.

    No plan is needed if it has all lists.
    """

    def __init__(
        self, snapshot: Snapshot, model: ScoringModel, users: NDArray[np.int64], prepare: Callable[[], Prepared]
    ) -> None:
        super().__init__(users, prepare)
        self._snapshot, self._model = snapshot, model
        self._basis = snapshot.statistics.shared_digest

    def rank(self, k: int, first: int, stop: int, cancelled: Callable[[], bool]) -> Ranking:
        if self._basis is None:
            return super().rank(k, first, stop, cancelled)
        fingerprint, rows = self._snapshot.dataset.fingerprint, self.users[first:stop]
        key = ListsKey(fingerprint, self._basis, self._model.digest, check_list_length(k), first, len(rows))

        def compute() -> ListBlock:
            ranking = super(SharedLists, self).rank(k, first, stop, cancelled)
            return ListBlock(ranking.job_row.astype(np.int32), ranking.scores, ranking.count)

        while True:
            try:
                return self._add_ids(rows, self._snapshot.caches.share(key, compute))
            except RunCancelledError:  # perhaps that of another request, which computed the block
                if cancelled():
                    raise

    def _add_ids(self, rows: NDArray[np.int64], block: ListBlock) -> Ranking:
        dataset = self._snapshot.dataset
        job_id = np.where(block.job_row < 0, -1, dataset.jobs.job_id[block.job_row])
        ids = dataset.external_ids or None
        return Ranking(
            dataset.users.user_id[rows],
            job_id,
            block.job_row.astype(np.int64),
            block.scores,
            block.count,
            external_ids=ids,
        )


def is_named_by_digest(model: ScoringModel) -> bool:
    """Return whether the digest of a model names all code that computes its lists: only components of this package."""
    return all(type(part.component) in (*SHIPPED, Learned) for part in model.parts)
