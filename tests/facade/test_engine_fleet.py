"""Engine processes over one server: no answer exists that an engine without the server would not give."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.engine_fleet import EngineFleet
from tests.support.proof_counts import record_count
from tests.support.valkey_server import ValkeyServer

CACHES = ("factors", "similarity", "company", "lists")
PHRASE = "{} answers of 3 processes in {} random sequences, with {} values read from the server"


def run_sequences(server: ValkeyServer, folder: Path, n_states: int, first: int, count: int) -> None:
    with EngineFleet(server, folder, n_states) as fleet:
        for seed in range(first, first + count):
            fleet.run(seed)
    assert all(fleet.hits[cache] > 0 for cache in CACHES)
    hits = sum(fleet.hits[cache] for cache in CACHES)
    record_count("shared cache answers", PHRASE, fleet.steps["answers"], count, hits)


def test_random_sequences_of_three_processes(fresh_valkey: ValkeyServer, tmp_path: Path) -> None:
    run_sequences(fresh_valkey, tmp_path, n_states=4, first=0, count=8)


@pytest.mark.long
@pytest.mark.parametrize("part", range(10))
def test_10000_random_sequences_of_three_processes(fresh_valkey: ValkeyServer, tmp_path: Path, part: int) -> None:
    """A sequence takes 0.1 s of a processor. Each part has another history of the database."""
    run_sequences(fresh_valkey, tmp_path, n_states=40 + part, first=1000 * (part + 1), count=1000)
