"""Publish a run that its gate held back, as it was written. No data is loaded and no users are ranked.

The database may have changed since, and a run of the changed data has another key. Only this module publishes the
old run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from scoring.errors import ConfigurationError, OutputError, pluralize
from scoring.runs.gate.verdict import Outcome, read_outcome
from scoring.runs.history import FolderLeftover, find_folder_leftovers, read_latest
from scoring.runs.publishers import Claim, Destination, OpenRun, Publisher, RunCounts, RunMetadata
from scoring.runs.publishers.run_journal import run_journal
from scoring.runs.shards import Shard
from scoring.storage.home_folder_expansion import expand_path

__all__ = ["publish_held_back"]


def publish_held_back(
    run_id: str, folder: str | Path, publishers: Sequence[Publisher], reason: str
) -> list[Destination]:
    """Publish the run with this id that its gate held back, with the publishers that wrote it.

    `folder` contains the runs. The call may be repeated after the process was killed.

    Raises
    ------
    ConfigurationError: If the reason is empty, the run does not exist, or readers have a newer run.
    OutputError, DatabaseError: If the run is damaged, or cannot be published.
    """
    folder = expand_path(folder, "folder")
    if not reason.strip():
        raise ConfigurationError(
            "The reason (--force) is blank. Say why you publish the run that was held back.", key=("--force",)
        )
    unpublished = _find_held_back(folder, run_id)
    newest = read_latest(folder)
    if newest is not None and newest > run_id:
        raise ConfigurationError(
            f"Run {run_id} cannot be published, because the newer run {newest} is already published. Start a new run "
            "with `scoring run`.",
            key=("run_id",),
        )
    lines = run_journal(unpublished.journal).read()
    record = next(line for line in reversed(lines) if "gate" in line)
    metadata, counts = _read_metadata(record["head"]), RunCounts(**record["counts"])
    shards = _rebuild_shards([line for line in lines if "name" in line])
    verdict = {**record["gate"], "outcome": Outcome.FORCED.value, "reason": reason}
    claims: list[Claim] = []
    try:
        for publisher in publishers:
            claims.append(publisher.claim(metadata))  # noqa: PERF401 - claims so far are suspended if the next fails
        open_runs: list[OpenRun] = []
        for claim in claims:
            open_runs.append(claim.resume(metadata, shards))
            _require_complete(run_id, shards, open_runs[-1].committed)
        for run in open_runs:
            run.record_verdict(verdict, counts)
        for run in open_runs:
            run.seal(counts)
        return [run.publish(counts) for run in open_runs]
    except BaseException:
        for claim in claims:
            claim.suspend()
        raise


def _find_held_back(folder: Path, run_id: str) -> FolderLeftover:
    for run in find_folder_leftovers(folder):
        outcome = None if run.is_in_progress or run.verdict is None else read_outcome(run.verdict)
        # forced: an earlier call began to publish the run and was killed
        if run.run_id == run_id and outcome in (Outcome.HELD_BACK, Outcome.FORCED):
            return run
    raise ConfigurationError(
        f"{folder} does not contain a run {run_id} that was held back. See `scoring runs list`.",
        key=("run_id",),
        path=str(folder),
    )


def _read_metadata(values: dict[str, Any]) -> RunMetadata:
    known = {field.name: values[field.name] for field in fields(RunMetadata) if field.name in values}
    times = {name: datetime.fromisoformat(known[name]) for name in ("created_at", "as_of")}
    return RunMetadata(**known | times)


def _rebuild_shards(parts: Sequence[dict[str, Any]]) -> list[Shard]:
    """Return the shards, with bounds from the users who have a list. Other users have no rows."""
    by_name = {part["name"]: part for part in parts}
    ends = [by_name[name]["users"] for name in sorted(by_name)]
    return [
        Shard(number, 0 if first is None else first, -1 if last is None else last, 0)
        for number, (first, last) in enumerate(ends)
    ]


def _require_complete(run_id: str, shards: Sequence[Shard], committed: Mapping[int, int]) -> None:
    missing = [shard.number for shard in shards if shard.number not in committed]
    if missing:
        raise OutputError(
            f"Run {run_id} is damaged: {len(missing):,} of {pluralize(len(shards), 'shard')} cannot be used. Start a "
            "new run.",
            reason="damaged",
            shard=missing[0],
        )
