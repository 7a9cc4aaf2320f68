"""Results as a folder of Parquet files, published by one rename."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from scoring.bundle.ranking import Ranking
from scoring.errors import OutputError
from scoring.runs.memory_budget import BYTES_PER_RESULT
from scoring.runs.publishers import publisher
from scoring.runs.publishers.list_block import Lists, PublishedRun
from scoring.runs.publishers.manifest import MANIFEST, holds, manifest_of, published_runs, read_manifest
from scoring.runs.publishers.parquet_lists import ParquetRun, read_part
from scoring.runs.publishers.part_files import remove_others, whole_shards, write_part
from scoring.runs.publishers.publisher import Earlier, Place, RunCounts, RunHead, Shard, Sink, no_results
from scoring.runs.publishers.run_journal import last_verdict, run_journal
from scoring.storage.atomic_file import Step, move_link, replace_file, sync_folder
from scoring.storage.file_lock import PATIENCE_SECONDS, LockHeldError
from scoring.storage.journal import Journal
from scoring.storage.os_errors import wrap_os_errors
from scoring.telemetry import faults
from scoring.telemetry.signal_deferral import defer_signals

__all__ = ["ParquetSink"]


class ParquetSink(Sink):
    """Writes part files into a hidden folder beside the target, named by the run's key, then renames it to the target.

    A journal beside it, under a lock, says which run it is and which parts are whole. The target must not exist: a run
    is never written over another. With `latest` (a name), a link of that name beside the target is moved to it, in one
    step too, so that its readers go from the last run to this one; a run over some users only does not move it.
    """

    def __init__(self, folder: str | Path, *, latest: str | None = None, by_run_id: bool = False) -> None:
        """`by_run_id`: the target is a folder named by the run id inside `folder`."""
        self._folder, self._by_run_id, self._latest = Path(folder), by_run_id, latest
        self._parent = self._folder if by_run_id else self._folder.parent
        self._target = self._folder
        self._work: Path | None = None  # None before `open`, and once it is the target
        self._journal: Journal[dict[str, Any]] | None = None
        self._head: RunHead | None = None
        self._waiting: list[pd.DataFrame] = []
        self._files: dict[int, dict[str, Any]] = {}
        self._verdict: Mapping[str, Any] | None = None

    @property
    def target(self) -> Path:
        """Where the results are, or will be."""
        return self._target

    def check(self) -> None:
        self._check_parent()
        if not self._by_run_id:
            self._refuse_existing()

    def _check_parent(self) -> None:
        parent = self._parent
        with wrap_os_errors(parent, what="Results"):
            if parent.exists() and not parent.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            parent.mkdir(parents=True, exist_ok=True)
            if not os.access(parent, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _refuse_existing(self) -> None:
        if self._target.exists():
            raise OutputError(f"{self._target} exists already, and results are not written over: give another folder.")

    def _aside(self, head: RunHead, what: str) -> Path:
        name = head.key if self._by_run_id else f"{self._folder.name}.{head.key}"
        return self._parent / f".{name}.{what}"

    def _target_of(self, run_id: str) -> Path:
        return self._folder / run_id if self._by_run_id else self._folder

    # What is there of a run

    def claim(self, head: RunHead) -> Earlier | None:
        self._check_parent()
        path = self._aside(head, "journal")
        try:
            with defer_signals(), wrap_os_errors(self._parent, what="Results"):
                self._journal = run_journal(path).acquire(PATIENCE_SECONDS)
        except LockHeldError:
            raise OutputError(
                f"The same run (data, model and settings) is being written to {self._parent} by another process: "
                "wait for it, or give another folder."
            ) from None
        with wrap_os_errors(self._parent, what="Results"):
            faults.point("lock taken")
        return self._unfinished(head) or self._published(head)

    def _unfinished(self, head: RunHead) -> Earlier | None:
        """A run whose journal is still there: its folder may be published already, and the link not moved."""
        assert self._journal is not None, "claim() comes first"
        lines = self._journal.entries
        if not lines or not isinstance(lines[0].get("run_id"), str):
            return None
        run_id = lines[0]["run_id"]
        if not self._aside(head, "writing").is_dir() and not holds(self._target_of(run_id), head.key):
            return None
        return Earlier(
            run_id,
            datetime.fromisoformat(lines[0]["created_at"]),
            published=False,
            shards=sum("name" in line for line in lines),
            let_through=holds(self._target_of(run_id), head.key),
        )

    def _published(self, head: RunHead) -> Earlier | None:
        """The run that readers get, if it is of this key and as it was written."""
        for target in reversed(published_runs(self._parent) if self._by_run_id else [self._folder]):
            manifest = manifest_of(target)
            if manifest is None or (head.whole and not manifest.get("whole")):
                continue
            if holds(target, head.key) and self._is_what_readers_get(target, head):
                return Earlier(manifest["run_id"], datetime.fromisoformat(manifest["created_at"]), True)
            if head.whole:
                return None  # a newer one has taken its place
        return None

    def _is_what_readers_get(self, target: Path, head: RunHead) -> bool:
        link = self._parent / self._latest if self._latest and head.whole else None
        return link is None or not link.is_symlink() or os.readlink(link) == target.name

    # Writing

    def open(self, head: RunHead) -> None:
        assert self._journal is not None, "claim() comes before open()"
        self._head, self._waiting, self._files, self._verdict = head, [], {}, None
        self._target = self._target_of(head.run_id)
        self._refuse_existing()
        work = self._aside(head, "writing")
        with wrap_os_errors(self._target, what="Results"):
            shutil.rmtree(work, ignore_errors=True)
            faults.point("leftovers removed")
            self._work = work
            self._journal.restart({"run_id": head.run_id, "created_at": head.created_at.isoformat()})
            faults.point("journal begun")
            work.mkdir()
            faults.point("work folder made")

    def go_on(self, head: RunHead, shards: Sequence[Shard]) -> Mapping[int, int]:
        assert self._journal is not None, "claim() comes before go_on()"
        target, work, lines = self._target_of(head.run_id), self._aside(head, "writing"), self._journal.entries
        if holds(target, head.key):
            manifest = read_manifest(target)
            self._head, self._target, self._verdict = head, target, manifest.get("gate")
            self._files = dict(enumerate(manifest["files"]))
            return {shard.number: self._files[shard.number]["rows"] for shard in shards}
        if not lines or lines[0].get("run_id") != head.run_id or work.is_symlink() or not work.is_dir():
            self.open(head)
            return {}
        self._head, self._target, self._waiting, self._verdict = head, target, [], last_verdict(lines)
        with wrap_os_errors(target, what="Results"):
            self._work = work
            self._files = whole_shards(work, lines[1:], shards)
            remove_others(work, [file["name"] for file in self._files.values()])
        return {number: file["rows"] for number, file in self._files.items()}

    def write(self, ranking: Ranking) -> None:
        self._waiting.append(ranking.frame())

    def end_shard(self, shard: Shard) -> None:
        """What waits becomes a part file, on disk and in the journal when this returns."""
        assert self._work is not None, "open() comes before end_shard()"
        assert self._journal is not None, "claim() comes before end_shard()"
        waiting, self._waiting = self._waiting or [no_results()], []
        rows = pd.concat(waiting, ignore_index=True) if len(waiting) > 1 else waiting[0]
        with wrap_os_errors(self._target, what="Results"):
            entry = write_part(self._work, shard.number, rows)
            self._journal.append(entry)
        faults.point("shard noted")
        self._files[shard.number] = entry

    # What is compared before it is published

    def written(self, shard: Shard, k: int) -> Lists | None:
        return read_part((self._work or self._target) / self._files[shard.number]["name"], k)

    def published_runs(self) -> list[PublishedRun]:
        if not self._by_run_id and self._latest is None:
            return []  # a folder of its own: what else stands beside it is nobody's business
        link = self._parent / self._latest if self._latest else None
        used = os.readlink(link) if link is not None and link.is_symlink() else None
        found: list[PublishedRun] = []
        for folder in published_runs(self._parent):
            run_id = folder.name if self._by_run_id else (manifest_of(folder) or {}).get("run_id", folder.name)
            found.append(ParquetRun(folder, str(run_id), folder.name == used))
        return found

    def take_verdict(self, verdict: Mapping[str, Any] | None, counts: RunCounts) -> None:
        assert self._journal is not None, "claim() comes before take_verdict()"
        assert self._head is not None, "open() comes before take_verdict()"
        if verdict == self._verdict or self._work is None:
            return
        with wrap_os_errors(self._target, what="Results"):
            # all that the manifest needs: who publishes the run later may know nothing else of it
            self._journal.append({"gate": verdict, "head": _plain(self._head), "counts": asdict(counts)})
        faults.point("verdict noted")
        self._verdict = verdict

    def seal(self, counts: RunCounts) -> None:
        if self._work is None:  # published before
            return
        assert self._head is not None, "open() comes before seal()"
        files = [self._files[number] for number in sorted(self._files)]
        manifest = (
            {"format": 1} | asdict(self._head) | {"counts": asdict(counts), "gate": self._verdict, "files": files}
        )
        with wrap_os_errors(self._target, what="Results"):
            text = json.dumps(manifest, indent=2, default=str, ensure_ascii=False)
            points: dict[Step, Callable[[], None]] = {"written": lambda: faults.point("manifest written")}
            replace_file(self._work / MANIFEST, text, reached=points)
            faults.point("folder sealed")

    def publish(self) -> Place:
        assert self._head is not None, "seal() comes before publish()"
        with wrap_os_errors(self._target, what="Results"):
            if self._work is not None:
                faults.point("folder publishing")
                os.rename(self._work, self._target)
                self._work = None
                faults.point("folder published")
            if self._latest and self._head.whole:
                move_link(self._parent / self._latest, self._target.name)
                faults.point("link moved")
            sync_folder(self._parent)
            self._let_go(remove=True)
            faults.point("journal removed")
        return Place("Parquet", str(self._target), sum(file["bytes"] for file in self._files.values()))

    # Stopping

    def abort(self) -> None:
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
            self._work = None
            self._let_go(remove=True)
        self.suspend()

    def suspend(self) -> None:
        self._work, self._waiting = None, []
        # a journal that was never begun is a lock and nothing else
        self._let_go(remove=self._journal is not None and not self._journal.entries)

    def _let_go(self, *, remove: bool) -> None:
        if self._journal is not None:
            journal, self._journal = self._journal, None
            journal.release(remove=remove)

    def held_bytes(self, rows: int, chunk_rows: int) -> int:
        # the frames that wait, one of all of them, and what is encoded (measured)
        return 4 * BYTES_PER_RESULT * min(rows, publisher.ROWS_PER_SHARD)


def _plain(head: RunHead) -> dict[str, Any]:
    """As JSON has it."""
    return dict(json.loads(json.dumps(asdict(head), default=str)))
