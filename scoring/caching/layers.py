"""The layers of an engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from scoring.caching.layer import Layer, LayerStats
from scoring.caching.sizes import Footprint, Holdings, Shared
from scoring.errors import ConfigurationError

__all__ = ["GROUPS", "LAYERS", "Layers"]

MEBIBYTE: Final = 2**20

LAYERS: Final = ("prefecture", "similarity", "encoded", "plans", "company", "users", "scores", "explanations")
"""Which prefectures touch · how alike occupations are · models encoded on the data, whatever their weights · the same
planned under weights · actions by company · users by id · scores of single pairs · their explanations."""

GROUPS: Final = {
    "permanent": ("prefecture",),
    "session": ("similarity", "encoded", "plans"),
    "lru": ("users", "scores", "explanations"),
}
"""Names that stand for several layers."""


class Layers(Shared):
    """One `Layer` for each of `LAYERS`, as attributes too.

    Company popularity is the one value that may lag behind the data, by `company_hours`; every other key names the
    content that its value was made of. Sizes are bounds: what does not fit is computed again, and right.
    """

    def __init__(
        self,
        *,
        company_hours: float = 1.0,
        prefecture_entries: int = 10_000,
        company_entries: int = 500,
        plan_bytes: int = 1024 * MEBIBYTE,
        score_bytes: int = 64 * MEBIBYTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.prefecture: Layer[Any] = Layer(16 * MEBIBYTE, max_entries=prefecture_entries, clock=clock)
        self.similarity: Layer[Any] = Layer(256 * MEBIBYTE, clock=clock)
        self.encoded: Layer[Any] = Layer(plan_bytes, clock=clock)
        self.plans: Layer[Any] = Layer(plan_bytes, clock=clock)
        self._clock = clock
        self.company_hours, self.company_entries = company_hours, company_entries
        self.windows: set[float] = set()
        """Days over which popularity was ever asked for: keys name the reading of each."""
        self.set_company()
        self.users: Layer[Any] = Layer(score_bytes, clock=clock)
        self.scores: Layer[Any] = Layer(score_bytes, clock=clock)
        self.explanations: Layer[Any] = Layer(score_bytes, clock=clock)

    @classmethod
    def off(cls, *, company_hours: float = 0.0, clock: Callable[[], float] = time.monotonic) -> Layers:
        """Layers that keep nothing: every request computes all that it needs.

        `company_hours` above 0 keeps company popularity alone: how old it may be is part of what an engine answers,
        and one without caches is held beside one with caches at the same readings.
        """
        layers = cls(company_hours=company_hours, prefecture_entries=0, plan_bytes=0, score_bytes=0, clock=clock)
        layers.similarity = Layer(0, clock=clock)
        return layers

    def set_company(self, *, hours: float | None = None, entries: int | None = None) -> None:
        """Begins the layer of company popularity anew, with other bounds."""
        self.company_hours = self.company_hours if hours is None else hours
        self.company_entries = self.company_entries if entries is None else entries
        self.company: Layer[Any] = Layer(
            64 * MEBIBYTE, max_entries=self.company_entries, ttl=3600 * self.company_hours, clock=self._clock
        )

    def __iter__(self) -> Iterator[tuple[str, Layer[Any]]]:
        return ((name, getattr(self, name)) for name in LAYERS)

    def clear(self, names: Iterable[str] | str | None = None) -> None:
        """Empties layers by name or group (None: all). Raises ConfigurationError naming one that there is not."""
        wanted = LAYERS if names is None else [names] if isinstance(names, str) else list(names)
        layers: list[str] = []
        for name in wanted:
            if name not in LAYERS and name not in GROUPS:
                raise ConfigurationError(f"there is no cache {name!r}; there are {', '.join([*LAYERS, *GROUPS])}.")
            layers += GROUPS.get(name, (name,))
        for name in layers:
            getattr(self, name).clear()

    @property
    def stats(self) -> dict[str, LayerStats]:
        return {name: layer.stats for name, layer in self}

    def bytes_once(self, before: Mapping[str, Footprint]) -> dict[str, int]:
        """Name → bytes of what is held before the layers, and of each layer, in that order.

        What several hold counts for the first of them: the sum is what all hold together. `stats` tells what each
        holds alone.
        """
        together, counted = Holdings(), {}
        for name, held in {**before, **{name: layer.footprint for name, layer in self}}.items():
            counted[name] = together.added_by(held)
            together.add(held)
        return counted
