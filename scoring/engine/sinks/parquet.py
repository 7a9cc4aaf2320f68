"""Results as a folder of Parquet files, published by one rename."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from scoring.columns import RESULT_COLUMNS
from scoring.engine.memory import BYTES_PER_RESULT
from scoring.engine.ranking import Ranking
from scoring.engine.sinks.base import Place, RunCounts, RunHead, Sink, no_results
from scoring.errors import OutputError

__all__ = ["MANIFEST", "ParquetSink", "is_run", "read_manifest"]

MANIFEST = "_manifest.json"
"""Written last: what the folder holds. Readers of Parquet folders pass over names that begin with an underscore."""

ROWS_PER_PART = 250_000
"""Large enough that tiny chunks do not make thousands of files, small enough to hold in memory."""

SCHEMA = pa.schema(
    [
        ("user_id", pa.int64()),
        ("job_id", pa.int64()),
        ("rank", pa.int32()),
        *((name, pa.float32()) for name in RESULT_COLUMNS[3:]),
    ]
)


class ParquetSink(Sink):
    """Writes part files into a folder beside the target, then renames it to the target.

    The target must not exist: a run is never written over another. With `latest` (a name), a link of that name
    beside the target is moved to it, in one step too, so that its readers go from the last run to this one; a run
    over some users only does not move it.
    """

    def __init__(self, folder: str | Path, *, latest: str | None = None, by_run_id: bool = False) -> None:
        """`by_run_id`: the target is a folder named by the run id inside `folder`."""
        self._folder, self._by_run_id, self._latest = Path(folder), by_run_id, latest
        self._target = self._folder
        self._work: Path | None = None
        self._head: RunHead | None = None
        self._waiting: list[pd.DataFrame] = []
        self._files: list[dict[str, Any]] = []

    @property
    def target(self) -> Path:
        """Where the results are, or will be."""
        return self._target

    def check(self) -> None:
        parent = self._folder if self._by_run_id else self._folder.parent
        with _one_sentence(parent):
            if parent.exists() and not parent.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            parent.mkdir(parents=True, exist_ok=True)
            if not os.access(parent, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if not self._by_run_id:
            self._refuse_existing()

    def _refuse_existing(self) -> None:
        if self._target.exists():
            raise OutputError(f"{self._target} exists already, and results are not written over: give another folder.")

    def open(self, head: RunHead) -> None:
        self.check()
        self._head, self._waiting, self._files = head, [], []
        self._target = self._folder / head.run_id if self._by_run_id else self._folder
        self._refuse_existing()
        self._work = self._target.parent / f".{head.run_id}.writing"
        with _one_sentence(self._target):
            self._work.mkdir()

    def write(self, ranking: Ranking) -> None:
        self._waiting.append(ranking.frame())
        if sum(map(len, self._waiting)) >= ROWS_PER_PART:
            self._flush()

    def _flush(self) -> None:
        """What waits becomes a part file, on disk when this returns."""
        assert self._work is not None, "open() comes before write()"
        import pyarrow.parquet as pq

        rows = pd.concat(self._waiting, ignore_index=True) if len(self._waiting) > 1 else self._waiting[0]
        self._waiting = []
        path = self._work / f"part-{len(self._files):05d}.parquet"
        with _one_sentence(self._target):
            with open(path, "xb") as file:
                # no dictionary of scores, which hardly repeat: a third of the time, and 8 % smaller
                table = pa.Table.from_pandas(rows, SCHEMA, preserve_index=False)
                pq.write_table(table, file, use_dictionary=["user_id", "job_id", "rank"])
                file.flush()
                os.fsync(file.fileno())
            first, last = (int(rows["user_id"].iloc[end]) for end in (0, -1)) if len(rows) else (None, None)
            size = path.stat().st_size
        self._files.append({"name": path.name, "rows": len(rows), "bytes": size, "users": [first, last]})

    def seal(self, counts: RunCounts) -> None:
        assert self._work is not None, "open() comes before seal()"
        assert self._head is not None, "open() comes before seal()"
        if self._waiting or not self._files:
            self._waiting = self._waiting or [no_results()]
            self._flush()
        manifest = {"format": 1} | asdict(self._head) | {"counts": asdict(counts), "files": self._files}
        with _one_sentence(self._target):
            with open(self._work / MANIFEST, "x", encoding="utf-8") as file:
                json.dump(manifest, file, indent=2, default=str, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            _sync_folder(self._work)

    def publish(self) -> Place:
        assert self._work is not None, "seal() comes before publish()"
        assert self._head is not None, "seal() comes before publish()"
        with _one_sentence(self._target):
            os.rename(self._work, self._target)
            self._work = None
            if self._latest and self._head.whole:
                _link(self._target.parent / self._latest, self._target.name)
            _sync_folder(self._target.parent)
        return Place("Parquet", str(self._target), sum(file["bytes"] for file in self._files))

    def abort(self) -> None:
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
            self._work = None

    def held_bytes(self, rows: int, chunk_rows: int) -> int:
        # the frames that wait, and one of all of them
        return BYTES_PER_RESULT * (min(rows, ROWS_PER_PART) + min(rows, ROWS_PER_PART + chunk_rows))


def is_run(folder: str | Path) -> bool:
    """Whether a run was published in this folder."""
    return (Path(folder) / MANIFEST).is_file()


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a published run. Raises OutputError where there is none."""
    path = Path(folder) / MANIFEST
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{folder} holds no published run: its {MANIFEST} cannot be read.") from error


def _link(link: Path, name: str) -> None:
    """Moves a link to another name, in one step. Left alone where links are not to be had, or a folder stands there."""
    temporary = link.with_name(f".{link.name}.{name}")
    with suppress(OSError):
        temporary.symlink_to(name, target_is_directory=True)
        try:
            os.replace(temporary, link)
        except OSError:
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _one_sentence(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        reason = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
        ways = {
            errno.ENOSPC: "Free some space, or give another folder",
            errno.EDQUOT: "Free some space, or give another folder",
            errno.EFBIG: "Raise the limit on file sizes, or give another folder",
        }
        way = ways.get(error.errno or 0, "Check the folder and its rights, or give another one")
        raise OutputError(f"Results cannot be written to {place}: {reason}. {way}.") from error
