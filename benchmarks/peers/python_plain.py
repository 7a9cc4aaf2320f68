"""Pair by pair in plain Python: every formula for every pair, on dictionaries, as in a first implementation."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.peers.peer import FullPeer
from benchmarks.results import Bar, at_least
from scoring.array_types import Longs
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList
from scoring.profiling.legacy_pair_loop import PairLoop


class PythonPlain(FullPeer):
    name = "per-pair Python, all formulas"
    how = "eleven functions per pair over a user's and a job's dictionary; statistics are precomputed; one core"
    bar: ClassVar[Bar | None] = at_least(20_000)

    def __init__(self, peer_inputs: PeerInputs, cpus: int) -> None:
        super().__init__(peer_inputs, cpus)
        self.loop = PairLoop(peer_inputs)

    def rank(self, rows: Longs, k: int) -> list[JobList]:
        return self.loop.rank(rows, k)
