"""The interface of backends: exact lists and scores of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Singles
from scoring.bundle.bundle import Bundle
from scoring.bundle.ranked_lists import Ranking

__all__ = ["Backend", "BackendFactory"]


class Backend(Protocol):
    """Scores and lists of one bundle. Several threads may use one backend at once.

    All backends give the same answers, bit for bit. Users and jobs are given by their rows.
    """

    def top_k(
        self,
        k: int = 40,
        users: NDArray[np.integer] | None = None,
        *,
        seeds: Ranking | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Ranking:
        """Return the exact k best jobs of these users (None: all), in that order. Compare `reference.top_k`.

        Parameters
        ----------
        seeds: A ranking of the same data and rules under other weights. It can save time; results do not depend on it.
        cancelled: Called repeatedly. After it returns true, the remaining lists are empty.
        progress: Called with the number of users whose lists were completed since the last call.

        Raises
        ------
        ConfigurationError: If k is not an integer of 1 or more, or a row does not exist.
        """

    def all_pairs(self, users: NDArray[np.integer] | None = None, *, out: Singles | None = None) -> Singles:
        """Return (4, n, m) float32 scores, in the order of SCORES, of these users (None: all) and all jobs.

        Ineligible jobs are included; see `EligibilityArrays.matrix`. Pass `out` to reuse memory between calls, which
        saves a third of the time.

        Raises
        ------
        ConfigurationError: If a row does not exist, or if `out` has another shape or dtype.
        """

    def listed(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Singles:
        """Return (4, p) float32 scores of the p pairs (users[i], jobs[i]), in that order.

        Raises
        ------
        ConfigurationError: If a row does not exist.
        """

    def components(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Floats:
        """Return (n_components, len(users), len(jobs)) float64 component values, as the reference computes them."""


class BackendFactory(Protocol):
    """A callable that returns a backend for a bundle, such as the classes `NumbaBackend` and `ReferenceBackend`."""

    def __call__(self, bundle: Bundle, *, workers: int | None = None) -> Backend:
        """Return a backend that uses at most `workers` threads (None: one per available core)."""
