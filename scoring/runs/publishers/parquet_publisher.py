"""Results as a folder of Parquet files, published by one rename."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from scoring.errors import OutputError
from scoring.runs.memory_forecast import BYTES_PER_RESULT
from scoring.runs.publishers.manifest import (
    MANIFEST,
    contains_run,
    list_published_runs,
    read_manifest,
    read_manifest_if_valid,
)
from scoring.runs.publishers.parquet_list_reader import ParquetRun, read_part
from scoring.runs.publishers.part_files import find_verified_shards, remove_other_files, write_part
from scoring.runs.publishers.published_lists import ListBlock, PublishedRun
from scoring.runs.publishers.publisher import (
    Claim,
    Destination,
    ExistingRun,
    OpenRun,
    Publisher,
    RunCounts,
    RunMetadata,
)
from scoring.runs.publishers.run_journal import find_last_verdict, run_journal
from scoring.runs.shards import Shard, ShardResult
from scoring.storage.atomic_file import Step, move_link, replace_file, sync_folder
from scoring.storage.file_lock import PATIENCE_SECONDS, LockHeldError
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.journal import Journal
from scoring.storage.os_errors import wrap_os_errors
from scoring.telemetry import fault_injection
from scoring.telemetry.signal_deferral import defer_signals

__all__ = ["ParquetPublisher"]


class ParquetPublisher(Publisher):
    """Write part files to a hidden folder next to the target, named by the run's key, and rename it to the target.

    A journal next to that folder lists the committed parts. Its lock excludes other writers of the run. The target
    must not exist: a run never overwrites a run. `latest` is the name of a link next to the target. Publishing moves it
    to the target in one step, so its readers get the new run. A run over selected users does not move the link.
    """

    def __init__(self, folder: str | Path, *, latest: str | None = None, by_run_id: bool = False) -> None:
        """If `by_run_id` is true, the target is a folder inside `folder` with the run id as its name."""
        self._folder, self._by_run_id, self._latest = expand_path(folder, "folder"), by_run_id, latest
        self.parent = self._folder if by_run_id else self._folder.parent

    def check(self) -> None:
        """Raise OutputError if a run cannot be written. Call it before long work."""
        self._check_parent()
        if not self._by_run_id:
            _reject_existing(self._folder)

    def _check_parent(self) -> None:
        parent = self.parent
        with wrap_os_errors(parent, content="Results"):
            if parent.exists() and not parent.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            parent.mkdir(parents=True, exist_ok=True)
            if not os.access(parent, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def target_of(self, run_id: str) -> Path:
        """Return the folder that the run is published as."""
        return self._folder / run_id if self._by_run_id else self._folder

    def hidden_path(self, key: str, suffix: str) -> Path:
        """Return the path of the journal or of the hidden folder of a key."""
        name = key if self._by_run_id else f"{self._folder.name}.{key}"
        return self.parent / f".{name}.{suffix}"

    def claim(self, metadata: RunMetadata) -> Claim:
        self._check_parent()
        path = self.hidden_path(metadata.key, "journal")
        with ExitStack() as stack:
            try:
                with defer_signals(), wrap_os_errors(self.parent, content="Results"):
                    journal = run_journal(path).acquire(PATIENCE_SECONDS)
                    stack.callback(_release, journal)
            except LockHeldError:
                raise OutputError(
                    f"Another process is writing the same run (data, model and settings) to {self.parent}. Wait for "
                    "it, or give another folder.",
                    path=str(self.parent),
                    errno=errno.EBUSY,
                ) from None
            with wrap_os_errors(self.parent, content="Results"):
                fault_injection.reach("lock taken")
            existing = self._find_unfinished(journal, metadata.key) or self._find_published(metadata)
            stack.pop_all()
        return _ParquetClaim(self, journal, existing)

    def _find_unfinished(self, journal: Journal[dict[str, Any]], key: str) -> ExistingRun | None:
        """Return the run whose journal exists. Its folder may be published already, but the link not moved to it."""
        lines = journal.entries
        if not lines or not isinstance(lines[0].get("run_id"), str):
            return None
        run_id = lines[0]["run_id"]
        is_past_gate = contains_run(self.target_of(run_id), key)
        if not self.hidden_path(key, "writing").is_dir() and not is_past_gate:
            return None
        return ExistingRun(
            run_id,
            datetime.fromisoformat(lines[0]["created_at"]),
            is_published=False,
            shards=sum("name" in line for line in lines),
            is_past_gate=is_past_gate,
        )

    def _find_published(self, metadata: RunMetadata) -> ExistingRun | None:
        """Return the run that readers get, if it has this key and is not damaged."""
        for target in reversed(list_published_runs(self.parent) if self._by_run_id else [self._folder]):
            manifest = read_manifest_if_valid(target)
            if manifest is None or (metadata.whole and not manifest.get("whole")):
                continue
            if contains_run(target, metadata.key) and self._is_current(target, metadata.whole):
                return ExistingRun(manifest["run_id"], datetime.fromisoformat(manifest["created_at"]), True)
            if metadata.whole:
                return None  # a newer run has replaced it
        return None

    def _is_current(self, target: Path, covers_all_users: bool) -> bool:
        link = self.parent / self._latest if self._latest and covers_all_users else None
        return link is None or not link.is_symlink() or os.readlink(link) == target.name

    def move_latest(self, target: Path) -> None:
        """Move the link `latest` to this target."""
        if self._latest:
            move_link(self.parent / self._latest, target.name)
            fault_injection.reach("link moved")

    def list_published_runs(self) -> list[PublishedRun]:
        if not self._by_run_id and self._latest is None:
            return []  # the folder contains one run: folders next to it may belong to another program
        link = self.parent / self._latest if self._latest else None
        current = os.readlink(link) if link is not None and link.is_symlink() else None
        published: list[PublishedRun] = []
        for folder in list_published_runs(self.parent):
            run_id = (
                folder.name if self._by_run_id else (read_manifest_if_valid(folder) or {}).get("run_id", folder.name)
            )
            published.append(ParquetRun(folder, str(run_id), folder.name == current))
        return published

    def memory_estimate(self, rows: int, shard_rows: int) -> int:
        # the shard as a frame, as an Arrow table, and encoded (measured)
        return 3 * BYTES_PER_RESULT * min(rows, shard_rows)


def _reject_existing(target: Path) -> None:
    """Raise OutputError if the target of a new run exists."""
    if target.exists():
        raise OutputError(
            f"{target} exists, and results are never overwritten. Give another folder.",
            path=str(target),
            errno=errno.EEXIST,
        )


def _release(journal: Journal[dict[str, Any]]) -> None:
    """Keep the journal, unless it is empty: then it is only a lock."""
    journal.release(remove=not journal.entries)


class _ParquetClaim(Claim):
    def __init__(
        self, publisher: ParquetPublisher, journal: Journal[dict[str, Any]], existing: ExistingRun | None
    ) -> None:
        self.existing = existing
        self._publisher, self._journal = publisher, journal
        self._work: Path | None = None  # the folder that `abort` deletes

    def begin(self, metadata: RunMetadata) -> OpenRun:
        target = self._publisher.target_of(metadata.run_id)
        _reject_existing(target)
        work = self._publisher.hidden_path(metadata.key, "writing")
        with wrap_os_errors(target, content="Results"):
            shutil.rmtree(work, ignore_errors=True)
            fault_injection.reach("leftovers removed")
            self._work = work
            self._journal.restart({"run_id": metadata.run_id, "created_at": metadata.created_at.isoformat()})
            fault_injection.reach("journal begun")
            work.mkdir()
            fault_injection.reach("work folder made")
        return _HiddenRun(self, self._publisher, self._journal, metadata, work, {}, None)

    def resume(self, metadata: RunMetadata, shards: Sequence[Shard]) -> OpenRun:
        target = self._publisher.target_of(metadata.run_id)
        work = self._publisher.hidden_path(metadata.key, "writing")
        lines = self._journal.entries
        if contains_run(target, metadata.key):
            return _RenamedRun(self, self._publisher, metadata, read_manifest(target)["files"], shards)
        if not lines or lines[0].get("run_id") != metadata.run_id or work.is_symlink() or not work.is_dir():
            return self.begin(metadata)
        with wrap_os_errors(target, content="Results"):
            self._work = work
            files = find_verified_shards(work, lines[1:], shards)
            remove_other_files(work, [file["name"] for file in files.values()])
        return _HiddenRun(self, self._publisher, self._journal, metadata, work, files, find_last_verdict(lines))

    def mark_renamed(self) -> None:
        """Record that the hidden folder was renamed to the target."""
        self._work = None

    def end(self) -> None:
        """Remove the journal, because the run cannot be resumed any more."""
        self._journal.release(remove=True)

    def abort(self) -> None:
        if self._work is None:
            self.suspend()
        else:
            shutil.rmtree(self._work, ignore_errors=True)
            self.end()

    def suspend(self) -> None:
        _release(self._journal)


class _HiddenRun(OpenRun):
    """A run in the hidden folder."""

    is_thread_safe = True

    def __init__(
        self,
        claim: _ParquetClaim,
        publisher: ParquetPublisher,
        journal: Journal[dict[str, Any]],
        metadata: RunMetadata,
        work: Path,
        files: dict[int, dict[str, Any]],
        verdict: Mapping[str, Any] | None,
    ) -> None:
        self.committed = {number: file["rows"] for number, file in files.items()}
        self._claim, self._publisher, self._journal = claim, publisher, journal
        self._metadata, self._work, self._files, self._verdict = metadata, work, files, verdict
        self._target = publisher.target_of(metadata.run_id)

    def commit_shard(self, result: ShardResult) -> None:
        """Write a part file and its journal entry durably."""
        number = result.shard.number
        with wrap_os_errors(self._target, content="Results"):
            entry = write_part(self._work, number, result.ranking.frame())
            self._journal.append(entry)
        fault_injection.reach("shard noted")
        self._files[number] = entry

    def read_back(self, shard: Shard, k: int) -> ListBlock:
        return read_part(self._work / self._files[shard.number]["name"], k)

    def record_verdict(self, verdict: Mapping[str, Any] | None, counts: RunCounts) -> None:
        if verdict == self._verdict:
            return
        metadata = json.loads(json.dumps(asdict(self._metadata), default=str))
        with wrap_os_errors(self._target, content="Results"):
            # all values of the manifest: a process that publishes the run later has only the journal
            self._journal.append({"gate": verdict, "head": metadata, "counts": asdict(counts)})
        fault_injection.reach("verdict noted")
        self._verdict = verdict

    def seal(self, counts: RunCounts) -> None:
        files = [self._files[number] for number in sorted(self._files)]
        manifest = (
            {"format": 1} | asdict(self._metadata) | {"counts": asdict(counts), "gate": self._verdict, "files": files}
        )
        with wrap_os_errors(self._target, content="Results"):
            text = json.dumps(manifest, indent=2, default=str, ensure_ascii=False)
            points: dict[Step, Callable[[], None]] = {"written": lambda: fault_injection.reach("manifest written")}
            replace_file(self._work / MANIFEST, text, reached=points)
            fault_injection.reach("folder sealed")

    def publish(self, counts: RunCounts) -> Destination:
        with wrap_os_errors(self._target, content="Results"):
            fault_injection.reach("folder publishing")
            os.rename(self._work, self._target)
            self._claim.mark_renamed()
            fault_injection.reach("folder published")
        return _finish_publishing(self._claim, self._publisher, self._metadata, self._files.values())


class _RenamedRun(OpenRun):
    """A run whose folder is published. The link may still point to an older run."""

    def __init__(
        self,
        claim: _ParquetClaim,
        publisher: ParquetPublisher,
        metadata: RunMetadata,
        files: list[dict[str, Any]],
        shards: Sequence[Shard],
    ) -> None:
        self.committed = {shard.number: files[shard.number]["rows"] for shard in shards}
        self._claim, self._publisher, self._metadata, self._files = claim, publisher, metadata, files
        self._target = publisher.target_of(metadata.run_id)

    def commit_shard(self, result: ShardResult) -> None:
        raise OutputError(
            f"{self._target} is published, so shards cannot be added. Start a new run.",
            path=str(self._target),
            errno=errno.EROFS,
        )

    def read_back(self, shard: Shard, k: int) -> ListBlock:
        return read_part(self._target / self._files[shard.number]["name"], k)

    def seal(self, counts: RunCounts) -> None:
        """Do nothing: the run was sealed before it was published."""

    def publish(self, counts: RunCounts) -> Destination:
        return _finish_publishing(self._claim, self._publisher, self._metadata, self._files)


def _finish_publishing(
    claim: _ParquetClaim, publisher: ParquetPublisher, metadata: RunMetadata, files: Iterable[Mapping[str, Any]]
) -> Destination:
    """Move the link to a published folder, and end the claim."""
    target = publisher.target_of(metadata.run_id)
    with wrap_os_errors(target, content="Results"):
        if metadata.whole:
            publisher.move_latest(target)
        sync_folder(publisher.parent)
        claim.end()
        fault_injection.reach("journal removed")
    return Destination("Parquet", str(target), sum(file["bytes"] for file in files))
