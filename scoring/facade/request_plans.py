"""Plans of the rows of one request, which are ranked once."""

from __future__ import annotations

from typing import Final

from scoring.model import Inputs, ScoringModel
from scoring.ranking import Prepared

__all__ = ["MAX_SCANNED_USERS", "prepare_request"]

MAX_SCANNED_USERS: Final = 32
"""Most users for whom scoring every job is faster than building the search index of the jobs."""


def prepare_request(inputs: Inputs, model: ScoringModel, workers: int | None) -> Prepared:
    """Return the model prepared on rows that are ranked once: without a search index if there are few users."""
    is_scanned = len(inputs.users) <= MAX_SCANNED_USERS
    return Prepared.of(inputs, model, workers=workers, path="scan" if is_scanned else "auto")
