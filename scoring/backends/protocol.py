"""What every backend can do: exact lists and scores of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Singles
from scoring.bundle.bundle import Bundle
from scoring.bundle.ranking import Ranking

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
        seeds: A ranking of the same data and rules under other weights. It may make the work faster, and changes no
            answer.
        cancelled: Asked now and then. After it returns true, lists that were not reached are empty.
        progress: Called with the number of users just done.

        Raises
        ------
        ConfigurationError: If k is not a whole number above 0, or a row does not exist.
        """

    def all_pairs(self, users: NDArray[np.integer] | None = None, *, out: Singles | None = None) -> Singles:
        """Return (4, n, m) float32 scores, in the order of SCORES, of these users (None: all) and all jobs.

        Eligible or not: `EligibilityArrays.matrix` says. If results are used block by block, an `out` of that shape
        avoids new memory each time, which is a third of the time.

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
    """What makes a backend of a bundle. The class of a backend is one: `NumbaBackend`, `ReferenceBackend`."""

    def __call__(self, bundle: Bundle, *, workers: int | None = None) -> Backend:
        """Return a backend that uses so many threads at most (None: one per available core)."""
