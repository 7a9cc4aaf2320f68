"""The journal of an unpublished run: its id, its committed shards, and the verdict of its gate.

It is a hidden file next to the folder that the run is written to. Its lock excludes other writers of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scoring.storage.journal import OBJECTS, Journal

__all__ = ["find_last_verdict", "run_journal"]


def run_journal(path: Path) -> Journal[dict[str, Any]]:
    """Return the journal in this file. Entries after a damaged line are dropped; their shards are computed again."""
    return Journal(path, OBJECTS, cut_damage=True)


def find_last_verdict(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the gate's last verdict in these entries; None if they contain no verdict."""
    verdicts = [entry["gate"] for entry in entries if "gate" in entry]
    return verdicts[-1] if verdicts else None
