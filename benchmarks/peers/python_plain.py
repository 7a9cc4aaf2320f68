"""Pair by pair in plain Python: every formula for every pair, on dictionaries, as in a first implementation."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.peers.base import FullPeer
from benchmarks.results import Bar, at_least
from scoring.array_types import Longs
from scoring.profiling.facts import Facts
from scoring.profiling.lists import List
from scoring.profiling.per_pair import PairLoop


class PythonPlain(FullPeer):
    name = "per-pair Python, all formulas"
    how = "eleven functions per pair over a user's and a job's dictionary; statistics looked up; one core"
    bar: ClassVar[Bar | None] = at_least(20_000)

    def __init__(self, facts: Facts, cpus: int) -> None:
        super().__init__(facts, cpus)
        self.loop = PairLoop(facts)

    def rank(self, rows: Longs, k: int) -> list[List]:
        return self.loop.rank(rows, k)
