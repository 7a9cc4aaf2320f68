"""Score with a plan: single pairs, all pairs, or the exact top k."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from scoring.argument_checks import check_workers
from scoring.array_types import Floats, Singles
from scoring.backends.numba import pruned_topk
from scoring.backends.numba.backend import NumbaBackend
from scoring.backends.numba.jit import is_cached, load_cached
from scoring.backends.numba.strategies import STRATEGIES, Strategy
from scoring.backends.protocol import Backend, BackendFactory
from scoring.bundle.ranked_lists import Ranking, StrategyChoice
from scoring.errors import ConfigurationError
from scoring.plan import Plan
from scoring.threads.pool import available_cpus

__all__ = ["Scorer", "Strategy", "are_kernels_compiled", "find_card_objection", "load_kernels"]


class Scorer:
    """Scores and ranks with a plan. Several threads may use one scorer at once.

    Parameters
    ----------
    plan: The plan of a model.
    workers: Maximum number of threads; None: one per available core. Results do not depend on it.
    path: The strategy of the compiled kernels: "pruned", "dense", or "auto", which tries them on a sample; "scan",
        which needs no search index, for a few users of jobs that are not ranked again; or "gpu", a graphics card.
    seeds: A ranking of the same data and rules under other weights. The current scores of its jobs are the initial
        bounds of the search. Results do not depend on it.
    backend: Factory of the backend; None: `NumbaBackend`.

    Raises
    ------
    ConfigurationError: If `workers` is not an integer of 1 or more, if the path does not exist, or if a path is given
        together with a backend.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        workers: int | None = None,
        path: Strategy = "auto",
        seeds: Ranking | None = None,
        backend: BackendFactory | None = None,
    ) -> None:
        workers = check_workers(workers)
        if path not in STRATEGIES:
            raise ConfigurationError(f"path is {path!r}. Use one of: {', '.join(STRATEGIES)}.", key=("path",))
        if backend is not None and path != "auto":
            raise ConfigurationError(
                f"path {path!r} chooses a strategy of the default backend, but another backend is given. Omit path or "
                "backend.",
                key=("path",),
            )
        self.plan = plan
        self.workers = workers or available_cpus()
        self.path: Strategy = path
        self.seeds = seeds
        make = partial(NumbaBackend, strategy=path) if backend is None else backend
        self.backend: Backend = make(plan.bundle, workers=self.workers)
        self.decision: StrategyChoice | None = None
        """The strategy of the last ranking and its reason; None before the first ranking."""
        self.latest: Ranking | None = None
        """The last ranking; None before the first."""

    @cached_property
    def n_eligible(self) -> int:
        """Number of jobs that are not excluded for all users."""
        return self.plan.exclusions.arrays.n_eligible

    def top_k(
        self,
        k: int = 40,
        users: NDArray[np.integer] | None = None,
        *,
        seeds: Ranking | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Ranking:
        """See `Backend.top_k`. `seeds` defaults to those of the scorer."""
        seeds = self.seeds if seeds is None else seeds
        ranking = self.backend.top_k(k, users, seeds=seeds, cancelled=cancelled, progress=progress)
        self.latest, self.decision = ranking, ranking.choice or self.decision
        return ranking

    def all_pairs(self, users: NDArray[np.integer] | None = None, *, out: Singles | None = None) -> Singles:
        """See `Backend.all_pairs`."""
        return self.backend.all_pairs(users, out=out)

    def listed(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Singles:
        """See `Backend.listed`."""
        return self.backend.listed(users, jobs)

    def components(self, users: NDArray[np.integer], jobs: NDArray[np.integer]) -> Floats:
        """See `Backend.components`."""
        return self.backend.components(users, jobs)


def are_kernels_compiled() -> bool:
    """Return whether the kernels for rankings are compiled on this machine. Compilation takes about 20 s."""
    return is_cached(pruned_topk.top_k)


def load_kernels() -> None:
    """Load the kernels of rankings from disk if this machine has compiled them, before the first ranking needs them."""
    load_cached(pruned_topk.top_k)


def find_card_objection() -> str | None:
    """Return why no graphics card can be used, as text; None if one can be used."""
    from scoring.backends.cuda.device import find_objection

    return find_objection()
