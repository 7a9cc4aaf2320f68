"""Publishing a run that its gate kept aside, as it was written: no data is loaded, nobody is ranked for.

A database goes on changing, and a run of tomorrow's data is another one: this is how tonight's is published then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from scoring.errors import ConfigurationError, OutputError
from scoring.runs.gate.verdict import KEPT_ASIDE
from scoring.runs.history import Leftover, latest_of, leftovers_in_folder
from scoring.runs.publishers import Place, RunCounts, RunHead, Shard, Sink
from scoring.runs.publishers.run_journal import run_journal

__all__ = ["release"]


def release(run_id: str, folder: str | Path, sinks: Sequence[Sink], reason: str) -> list[Place]:
    """Publishes the run of this id that is kept aside in a folder of runs, to the sinks that it was written to.

    May be called again where it was killed. Raises ConfigurationError: no reason, no such run kept aside, or readers
    have a newer one; OutputError, DatabaseError: it is not there as it was written, or cannot be published.
    """
    folder = Path(folder)
    if not reason.strip():
        raise ConfigurationError("a run that was kept aside is published for a reason: give one.")
    left = _left(folder, run_id)
    newest = latest_of(folder)
    if newest is not None and newest > run_id:
        raise ConfigurationError(f"run {newest} is newer than {run_id}, and in use: make another one.")
    assert left.journal is not None, "it is in a folder"
    lines = run_journal(left.journal).read()
    kept = next(line for line in reversed(lines) if "gate" in line)
    head, counts = _head(kept["head"]), RunCounts(**kept["counts"])
    shards = _shards([line for line in lines if "name" in line])
    verdict = {**kept["gate"], "outcome": "forced", "reason": reason}
    try:
        for sink in sinks:
            sink.claim(head)
        for sink in sinks:
            _require_whole(run_id, shards, sink.go_on(head, shards))
        for sink in sinks:
            sink.take_verdict(verdict, counts)
        for sink in sinks:
            sink.seal(counts)
        return [sink.publish() for sink in sinks]
    except BaseException:
        for sink in sinks:
            sink.suspend()
        raise


def _left(folder: Path, run_id: str) -> Leftover:
    found = [left for left in leftovers_in_folder(folder) if left.run_id == run_id and not left.alive]
    # forced: this was begun before, and killed
    if not found or (found[0].verdict or {}).get("outcome") not in (KEPT_ASIDE, "forced"):
        raise ConfigurationError(f"{folder} keeps no run {run_id} aside; see `scoring runs list`.")
    return found[0]


def _head(values: dict[str, Any]) -> RunHead:
    known = {field.name: values[field.name] for field in fields(RunHead) if field.name in values}
    times = {name: datetime.fromisoformat(known[name]) for name in ("created_at", "as_of")}
    return RunHead(**known | times)


def _shards(parts: Sequence[dict[str, Any]]) -> list[Shard]:
    """By the users who have a list: the others have no row to look for."""
    by_name = {part["name"]: part for part in parts}
    ends = [by_name[name]["users"] for name in sorted(by_name)]
    return [
        Shard(number, 0 if first is None else first, -1 if last is None else last, 0)
        for number, (first, last) in enumerate(ends)
    ]


def _require_whole(run_id: str, shards: Sequence[Shard], there: Any) -> None:
    missing = [shard.number for shard in shards if shard.number not in there]
    if missing:
        raise OutputError(f"run {run_id} is not as it was written: {len(missing):,} parts are damaged; run it again.")
