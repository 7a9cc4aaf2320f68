"""Times of nested phases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Phase", "Stopwatch"]


@dataclass
class Phase:
    """A named phase: its total seconds, how often it ran, and its depth (0 is outermost)."""

    name: str
    depth: int
    seconds: float = 0.0
    times: int = 0


class Stopwatch:
    """Measure phases. A phase that runs again under the same parent adds to the first one.

    For one thread only. Phases nest as their `with` statements do. `clock` returns seconds.

    Example
    -------
    >>> watch = Stopwatch()
    >>> with watch.phase("load"), watch.phase("jobs"):
    ...     pass
    >>> [(phase.name, phase.depth) for phase in watch.phases]
    [('load', 0), ('jobs', 1)]
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._started = clock()
        self._open: tuple[str, ...] = ()
        self._phases: dict[tuple[str, ...], Phase] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the block, also if it raises."""
        outer = self._open
        self._open = (*outer, name)
        phase = self._phases.setdefault(self._open, Phase(name, len(outer)))
        started = self._clock()
        try:
            yield
        finally:
            phase.seconds += self._clock() - started
            phase.times += 1
            self._open = outer

    @property
    def phases(self) -> list[Phase]:
        """All phases. Each follows its parent; siblings are in the order in which they first began."""
        paths = list(self._phases)
        place = {path: n for n, path in enumerate(paths)}
        paths.sort(key=lambda path: [place[path[: n + 1]] for n in range(len(path))])
        return [self._phases[path] for path in paths]

    @property
    def elapsed(self) -> float:
        """Seconds since this stopwatch was created."""
        return self._clock() - self._started

    def seconds(self, *path: str) -> float:
        """Return the seconds of a phase, given its path of names from the outermost; 0 if it never ran."""
        phase = self._phases.get(path)
        return phase.seconds if phase else 0.0
