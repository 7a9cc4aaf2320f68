"""The choice between a graphics card and the host, and the rankings with the card."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from scoring.array_types import Longs
from scoring.backends.cuda.device import Device, DeviceError, find_objection, is_simulated
from scoring.backends.numba.strategies import Selection, StrategyChoice, TopKBuffers
from scoring.backends.numba.top_list import SHORT

if TYPE_CHECKING:
    from scoring.backends.cuda.proposed_ranking import ProposedRanking

__all__ = ["DeviceStrategy"]

TRIAL_USERS: Final = 1024
"""Users of a trial, after as many of `WARMUP_USERS` that are not measured."""
WARMUP_USERS: Final = 16
MAX_OVERFLOW: Final = 0.01
"""If the proposals of a greater share of the users do not fit, the card is not chosen."""


class DeviceStrategy:
    """The strategy `gpu` on one search index.

    Parameters
    ----------
    selection: The kernels of the host.
    workers: Number of threads of the host.
    """

    def __init__(self, selection: Selection, workers: int) -> None:
        self._selection, self._workers = selection, workers
        self._lock = threading.Lock()  # one ranking at a time

    def find_objection(self, k: int) -> str | None:
        """Return why no card can rank lists of k jobs, as text; None if one can."""
        objection = find_objection()
        if objection is not None:
            return objection
        program, index, limits = self._selection.program, self._selection.index, self._selection.limits
        if np.any(program.flat_weight[index.unfoldable] != 0):
            return "The model has components that are computed per pair."
        if len(limits.required_start):
            return "Rules allow each user a list of jobs."
        if k > SHORT:
            return f"The lists have more than {SHORT} jobs."
        return None

    def choose(
        self, host: StrategyChoice, users: Longs, k: int, rank: Callable[[Longs, TopKBuffers], object]
    ) -> StrategyChoice:
        """Return the faster one of the card and the choice `host`, whose lists `rank` fills.

        Without a card, return `host`. The simulator is never chosen.
        """
        if is_simulated() or self.find_objection(k) is not None:
            return host
        with self._lock:
            return self._compare(host, users, k, rank)

    def _compare(
        self, host: StrategyChoice, users: Longs, k: int, rank: Callable[[Longs, TopKBuffers], object]
    ) -> StrategyChoice:
        sample = users[np.linspace(0, len(users) - 1, min(TRIAL_USERS, len(users))).astype(np.int64)]
        tally = self._ranking.tally
        try:
            self._ranking.fill(sample[:WARMUP_USERS], TopKBuffers.empty(WARMUP_USERS, k))
            before = tally.overflowed
            on_device = _measure(lambda found: self._ranking.fill(sample, found), len(sample), k)
        except DeviceError as error:
            return replace(host, reason=f"{host.reason}; gpu is not used: {error}")
        if tally.failure is not None:
            return replace(host, reason=f"{host.reason}; gpu is not used: {tally.failure}")
        overflow = (tally.overflowed - before) / len(sample)
        if overflow > MAX_OVERFLOW:
            return replace(
                host, reason=f"{host.reason}; gpu is not used: {overflow:.0%} of the users had too many proposals"
            )
        on_host = _measure(lambda found: rank(sample, found), len(sample), k)
        times = f"in a trial, gpu took {1e6 * on_device:.1f} µs per user and {host.strategy} {1e6 * on_host:.1f}"
        return StrategyChoice("gpu", times) if on_device < on_host else replace(host, reason=f"{host.reason}; {times}")

    def fill(
        self,
        users: Longs,
        choice: StrategyChoice,
        found: TopKBuffers,
        cancelled: Callable[[], bool],
        progress: Callable[[int], None],
    ) -> StrategyChoice:
        """Fill the lists with the card. Return the choice with what the card did.

        Raises
        ------
        WrongResultError: If the card returned a wrong result.
        """
        with self._lock:
            self._ranking.fill(users, found, cancelled, progress)
            return replace(choice, reason=f"{choice.reason}; {self._ranking.describe()}")

    @cached_property
    def _ranking(self) -> ProposedRanking:
        from scoring.backends.cuda.proposed_ranking import ProposedRanking

        return ProposedRanking(self._selection, Device.open(), self._workers)


def _measure(fill: Callable[[TopKBuffers], object], n: int, k: int) -> float:
    """Return the seconds per user."""
    found, start = TopKBuffers.empty(n, k), time.perf_counter()
    fill(found)
    return (time.perf_counter() - start) / n
