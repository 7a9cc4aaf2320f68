"""What a peer is: made from the facts, untimed; asked for the lists of some users, timed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import installed
from benchmarks.peers.vectors import Vectors
from benchmarks.results import Bar
from scoring.array_types import Longs
from scoring.profiling.facts import Facts
from scoring.profiling.lists import List

__all__ = ["FullPeer", "InnerPeer", "Peer"]


class Peer(ABC):
    """Its name, how it works in a line, the package that it needs (None: one that we need anyway), our bar."""

    name: ClassVar[str]
    how: ClassVar[str]
    package: ClassVar[str | None] = None
    bar: ClassVar[Bar | None] = None
    first: ClassVar[int] = 1
    """Users to begin with: a batch that does it no wrong."""

    @classmethod
    def is_there(cls) -> bool:
        return cls.package is None or installed(cls.package) is not None


class FullPeer(Peer):
    """Computes the whole score."""

    at_once: ClassVar[int | None] = None
    """Users whose pairs are a table in memory at the same time; None: pairs are never a whole table."""

    def __init__(self, facts: Facts, cpus: int) -> None:
        self.facts, self.cpus = facts, cpus

    @abstractmethod
    def rank(self, rows: Longs, k: int) -> list[List]:
        """The k best jobs of the users at these rows of the facts."""


class InnerPeer(Peer):
    """Finds the largest inner products."""

    def __init__(self, vectors: Vectors, cpus: int) -> None:
        self.vectors, self.cpus = vectors, cpus

    @abstractmethod
    def rank(self, rows: Longs, k: int) -> tuple[Longs, NDArray[np.float32]]:
        """(len(rows), k) places among the items, and their products, largest first."""
