"""Times of the phases of some work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Phase", "Stopwatch"]


@dataclass
class Phase:
    """A named piece of work: how long it took in all, how often it was done, how deep it lies (0 outermost)."""

    name: str
    depth: int
    seconds: float = 0.0
    times: int = 0


class Stopwatch:
    """Phases in the order in which they first began; a phase that comes again under the same parent adds up.

    For one thread: phases nest by the calls of their `with` statements. `clock` gives seconds.

    >>> watch = Stopwatch()
    >>> with watch.phase("load"), watch.phase("jobs"):
    ...     pass
    >>> [(phase.name, phase.depth) for phase in watch.phases]
    [('load', 0), ('jobs', 1)]
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._begun = clock()
        self._open: tuple[str, ...] = ()
        self._phases: dict[tuple[str, ...], Phase] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Times what is done inside, also when it raises."""
        outer = self._open
        self._open = (*outer, name)
        phase = self._phases.setdefault(self._open, Phase(name, len(outer)))
        begun = self._clock()
        try:
            yield
        finally:
            phase.seconds += self._clock() - begun
            phase.times += 1
            self._open = outer

    @property
    def phases(self) -> list[Phase]:
        """Every phase behind its parent; siblings in the order in which they first began."""
        paths = list(self._phases)
        place = {path: n for n, path in enumerate(paths)}
        paths.sort(key=lambda path: [place[path[: n + 1]] for n in range(len(path))])
        return [self._phases[path] for path in paths]

    @property
    def elapsed(self) -> float:
        """Seconds since this watch was made."""
        return self._clock() - self._begun

    def seconds(self, *path: str) -> float:
        """Of the phase with these names, outermost first; 0 where it never ran."""
        phase = self._phases.get(path)
        return phase.seconds if phase else 0.0
