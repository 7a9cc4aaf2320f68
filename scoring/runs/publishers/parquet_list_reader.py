"""Read lists from Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scoring.errors import OutputError
from scoring.runs.publishers.manifest import MANIFEST, read_manifest
from scoring.runs.publishers.part_files import find_problem
from scoring.runs.publishers.published_lists import ListBlock, PublishedRun, RunInfo
from scoring.runs.publishers.reader_locks import lock_for_reading

__all__ = ["ParquetRun", "read_part"]

_COLUMNS = ["user_id", "job_id", "total_score"]


def read_part(path: Path, k: int) -> ListBlock:
    """Return the first k jobs of every list of a part file. Raises OutputError if it cannot be read."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            table = file.read(columns=_COLUMNS)
        user_id, job_id, total = (table.column(name).to_numpy() for name in _COLUMNS)
        return ListBlock.of_rows(user_id, job_id, total, k)
    except (OSError, ValueError) as error:  # pyarrow's errors of a broken file are ValueErrors
        raise OutputError(
            f"{path} cannot be read ({str(error).splitlines()[0].rstrip('.')}). Start a new run.",
            path=str(path),
            errno=getattr(error, "errno", None),
        ) from error


class ParquetRun(PublishedRun):
    """A published run in a folder."""

    def __init__(self, folder: Path, run_id: str, is_in_use: bool) -> None:
        self.run_id, self.is_in_use, self.place = run_id, is_in_use, str(folder)
        self._folder = folder
        self._files: list[dict[str, Any]] = []

    @contextmanager
    def open(self) -> Iterator[RunInfo | None]:
        with lock_for_reading(self._folder):
            yield self._read_info()

    def _read_info(self) -> RunInfo | None:
        manifest = read_manifest(self._folder)
        try:
            if not manifest.get("whole"):
                return None
            self._files = manifest["files"]
            info = RunInfo(
                run_id=self.run_id,
                model=str(manifest["model"]),
                model_digest=str(manifest["model_digest"]),
                k=int(manifest["k"]),
                users=int(manifest["counts"]["users_scored"]),
                jobs=int(manifest["counts"]["jobs_ranked"]),
                facts=dict(manifest.get("facts", {})),
                definition=manifest.get("definition"),
            )
            problems = (find_problem(self._folder, file) for file in self._files)
            problem = next((problem for problem in problems if problem is not None), None)
        except (LookupError, TypeError, ValueError) as error:
            raise OutputError(
                f"{self._folder}: a value of {MANIFEST} is missing or invalid ({type(error).__name__}: {error}). "
                "Start a new run.",
                path=str(self._folder),
            ) from error
        if problem is not None:
            raise OutputError(f"{self._folder}: {problem}. Start a new run.", path=str(self._folder))
        return info

    def read_lists(self, k: int) -> Iterator[ListBlock]:
        for file in self._files:
            yield read_part(self._folder / file["name"], k)
