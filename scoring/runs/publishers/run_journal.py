"""The journal of a run that is not published yet: its id, its whole shards, and what its gate said.

It is a hidden file beside the folder that the run is written to. Its lock keeps other writers of the run out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scoring.storage.journal import OBJECTS, Journal

__all__ = ["last_verdict", "run_journal"]


def run_journal(path: Path) -> Journal[dict[str, Any]]:
    """The journal in this file. What follows a damaged line is dropped: those shards are computed again."""
    return Journal(path, OBJECTS, cut_damage=True)


def last_verdict(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the gate's last verdict on the run of these entries; None if there is none."""
    verdicts = [entry["gate"] for entry in entries if "gate" in entry]
    return verdicts[-1] if verdicts else None
