"""Read published runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from scoring.array_types import Bools, Longs
from scoring.bundle.ranked_lists import SCORES, Ranking
from scoring.columns import RESULT_COLUMNS
from scoring.errors import ConfigurationError, ModelError, OutputError, UnknownIdError, pluralize
from scoring.id_index import IdIndex
from scoring.model import Eligibility, Inputs
from scoring.plan.rule_exclusions import Exclusions
from scoring.runs.publishers import read_manifest
from scoring.runs.publishers.part_files import EXTERNAL_IDS
from scoring.runs.publishers.reader_locks import lock_for_reading
from scoring.storage.home_folder_expansion import expand_path

__all__ = ["build_ranking", "find_open_jobs", "read_run"]


def read_run(folder: str | Path) -> pd.DataFrame:
    """Return `scoring.columns.RESULT_COLUMNS` of a run in Parquet, and the external ids that it contains.

    Raises
    ------
    OutputError: If the folder does not contain a run, or a file of the run cannot be read or is incomplete.
    """
    # the link `latest` may be moved to another run while files are read
    folder = expand_path(folder, "folder").resolve()
    with lock_for_reading(folder):
        files = read_manifest(folder)["files"]
        try:
            parts = [_read_part(folder / file["name"]) for file in files]
        except (OSError, ValueError) as error:  # pyarrow's errors of a broken file are ValueErrors
            raise OutputError(
                f"{folder}: a file of the run cannot be read ({error}). Start a new run.",
                reason="unreadable",
                path=str(folder),
            ) from error
    for file, part in zip(files, parts, strict=True):
        if len(part) != file["rows"]:
            problem = f"{file['name']} has {len(part):,} rows instead of {file['rows']:,}"
            raise OutputError(f"{folder}: {problem}. Start a new run.", reason="damaged", path=str(folder))
    return pd.concat(parts, ignore_index=True)


def find_open_jobs(folders: Iterable[str | Path], inputs: Inputs) -> Bools | None:
    """Return (m,) whether the rules of any of these runs leave a job of the inputs open for some user.

    The rules are applied at the clock of the inputs. None: a run of an earlier version does not contain its rules, or
    a rule reads a column that the inputs do not have.

    Raises
    ------
    OutputError: If a folder does not contain a run, or its rules are invalid.
    """
    is_open = np.zeros(len(inputs.jobs), dtype=bool)
    for folder in folders:
        definition = read_manifest(folder).get("definition")
        if not isinstance(definition, dict) or "eligibility" not in definition:
            return None
        try:
            rules = Eligibility.model_validate(definition["eligibility"])
        except ValidationError as error:
            raise OutputError(
                f"{folder}: the rules in the manifest are invalid. Start a new run.", reason="damaged", path=str(folder)
            ) from error
        try:
            is_open |= Exclusions.of(rules, inputs).open_to_all
        except ModelError:
            return None
    return is_open


def _read_part(path: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    stored = pq.read_schema(path).names
    return pd.read_parquet(path, columns=[*RESULT_COLUMNS, *(name for name in EXTERNAL_IDS if name in stored)])


def build_ranking(frame: pd.DataFrame, job_id: Longs) -> Ranking:
    """Return the lists of a frame of RESULT_COLUMNS, users ascending. `Ranking.job_row` are rows of `job_id` (m,).

    Raises
    ------
    ConfigurationError: If the ranks of a user are not 1, 2, 3 … without gaps.
    UnknownIdError: If a job is not in `job_id`.
    """
    frame = frame.sort_values(["user_id", "rank"])
    users, start, count = np.unique(frame["user_id"].to_numpy(), return_index=True, return_counts=True)
    place = np.arange(len(frame)) - np.repeat(start, count)
    is_wrong = frame["rank"].to_numpy() != place + 1
    if is_wrong.any():
        user = frame["user_id"].to_numpy()[is_wrong][0]
        raise ConfigurationError(
            f"user_id {user}: the ranks are not 1, 2, 3 and so on. Give the complete lists of a run.", key=("rank",)
        )
    n, k = len(users), int(count.max(initial=0))
    row = np.repeat(np.arange(n), count)
    jobs, rows = np.full((n, k), -1, dtype=np.int64), np.full((n, k), -1, dtype=np.int64)
    scores = np.zeros((n, k, len(SCORES)), dtype=np.float32)
    listed = frame["job_id"].to_numpy()
    found, is_known = IdIndex(job_id).find(listed)
    if not is_known.all():
        unknown = int(listed[~is_known][0])
        raise UnknownIdError(
            f"job {unknown} does not exist. The data contain {pluralize(len(job_id), 'job')}.",
            kind="job",
            unknown_id=unknown,
        )
    jobs[row, place], rows[row, place] = listed, found
    scores[row, place] = frame[list(SCORES)].to_numpy(dtype=np.float32)
    return Ranking(users.astype(np.int64), jobs, rows, scores, count.astype(np.int32))
