"""Base classes of peers. Making a peer from the facts is not timed; ranking users is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import installed_version
from benchmarks.peers.vectors import Vectors
from benchmarks.results import Bar
from scoring.array_types import Longs
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList

__all__ = ["FullPeer", "InnerPeer", "Peer"]


class Peer(ABC):
    """A name, one line on how it works, its package (None: a dependency of this project), and our bar."""

    name: ClassVar[str]
    how: ClassVar[str]
    package: ClassVar[str | None] = None
    bar: ClassVar[Bar | None] = None
    first: ClassVar[int] = 1
    """Users in the first run: a batch size that suits the peer."""

    @classmethod
    def is_available(cls) -> bool:
        return cls.package is None or installed_version(cls.package) is not None


class FullPeer(Peer):
    """A peer that computes the whole score."""

    at_once: ClassVar[int | None] = None
    """Number of users whose pairs are in memory at the same time; None: pairs are never in one table."""

    def __init__(self, peer_inputs: PeerInputs, cpus: int) -> None:
        self.peer_inputs, self.cpus = peer_inputs, cpus

    @abstractmethod
    def rank(self, rows: Longs, k: int) -> list[JobList]:
        """Return the k best jobs of the users at these rows of the facts."""


class InnerPeer(Peer):
    """A peer that finds the largest inner products."""

    def __init__(self, vectors: Vectors, cpus: int) -> None:
        self.vectors, self.cpus = vectors, cpus

    @abstractmethod
    def rank(self, rows: Longs, k: int) -> tuple[Longs, NDArray[np.float32]]:
        """Return (len(rows), k) positions among the items, and their products, largest first."""
