"""A gate that stops events which change too large a part of the jobs within a minute."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

__all__ = ["MAX_SHARE", "ChangeGate"]

MAX_SHARE: Final = 0.2
"""Largest share of the job rows that events may change within `WINDOW`."""
MIN_ROWS: Final = 100
"""Changed rows that are always allowed: in a small market, a few are already a large share."""
WINDOW: Final = timedelta(minutes=1)


class ChangeGate:
    """Counts the distinct jobs that events changed within a minute, by the times of the events."""

    def __init__(self) -> None:
        self._recent: deque[tuple[datetime, int]] = deque()
        self._counts: Counter[int] = Counter()
        self._allowed_until = 0

    def check(self, changed: Sequence[tuple[int, datetime, int]], n_jobs: int) -> str | None:
        """Note events (job, time, number) that follow; return a problem if they change too many rows, or None.

        Events up to the number that `allow` was called with are not checked.
        """
        limit = max(MIN_ROWS, MAX_SHARE * n_jobs)
        for job, at, seq in changed:
            if seq <= self._allowed_until:
                continue
            self._recent.append((at, job))
            self._counts[job] += 1
            while self._recent[0][0] < at - WINDOW:
                self._remove_first()
            if len(self._counts) > limit:
                n = len({job for job, _, _ in changed})
                self.reset()
                return (
                    f"More than {MAX_SHARE:.0%} of the {n_jobs:,} jobs would change within a minute ({n:,} in "
                    "the events that follow). If this is right, send POST /confirm with the write token, or call "
                    "confirm()."
                )
        return None

    def _remove_first(self) -> None:
        _, job = self._recent.popleft()
        self._counts[job] -= 1
        if not self._counts[job]:
            del self._counts[job]

    def allow(self, seq: int) -> None:
        """Do not check events up to this number."""
        self._allowed_until = max(self._allowed_until, seq)

    def reset(self) -> None:
        """Forget the events that were noted."""
        self._recent.clear()
        self._counts.clear()
