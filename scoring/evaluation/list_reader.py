"""Read lists of other systems: tables (Parquet, CSV, frames), TREC run files, ranx run files, and published runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from scoring.errors import DataError, make_printable, shorten_repr
from scoring.importing.readers import read_source
from scoring.importing.readers.json_lines import parse_json_file
from scoring.runs.publishers import is_run, read_manifest
from scoring.runs.run_reader import read_run
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import describe_os_error
from scoring.validation.frame_library_conversion import to_pandas_frame

__all__ = ["ALIASES", "RawLists", "read_frame", "read_raw_lists"]

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("user", "user_id", "query", "query_id", "qid"),
    "job": ("job", "job_id", "item", "item_id", "doc_id", "docno"),
    "rank": ("rank", "position"),
    "score": ("score", "total_score", "total"),
}
"""Meaning → names of its column, the preferred one first. Upper and lower case are equal."""

_TREC_COLUMNS: Final = ("qid", "Q0", "docno", "rank", "score", "tag")
_ADVICE: Final = (
    "Use a .parquet or .csv table, a TREC run (.trec, .run or .txt), a ranx run (.json), or the folder of a run"
)


@dataclass(frozen=True)
class RawLists:
    """Entries of lists as a source contains them, one row per entry, in the order of the source.

    Attributes
    ----------
    source: The file, as the user gave it.
    frame: The columns user and job, and rank or score or both, with raw values.
    names: Column of `frame` → its name in the source.
    locate: Function that returns the place of a row in the source, such as "line 7".
    is_trec: Whether only scores order the jobs, as float32: the rule of trec_eval.
    at: The clock of the data that the lists were computed from; None if the source does not contain it.
    """

    source: str
    frame: pd.DataFrame
    names: Mapping[str, str]
    locate: Callable[[int], str]
    is_trec: bool = False
    at: pd.Timestamp | None = None

    def error(self, row: int, column: str, reason: str, advice: str) -> DataError:
        """Return the error of a value. `DataError.problems` has one row: table (the source), column, reason, place."""
        place, name = self.locate(row), self.names[column]
        problem = pd.DataFrame([{"table": self.source, "column": name, "reason": reason, "first": place}])
        return DataError(
            f"{self.source}, {place}, column {name}: {reason}. {advice}", problem, reason="invalid rows", column=name
        )

    def value(self, row: int, column: str) -> str:
        """Return a value, for messages."""
        return make_printable(shorten_repr(self.frame[column].iloc[row]), 60)


def read_raw_lists(path: str | Path) -> RawLists:
    """Return the entries of a file of lists, or of the folder of a published run.

    Raises
    ------
    DataError: If the file does not exist, has another format, or a line or a value is invalid.
    OutputError: If a folder does not contain a published run.
    """
    path = expand_path(path)
    if path.is_dir():
        return _read_run_folder(path)
    if not path.is_file():
        raise DataError(f"{path} does not exist. {_ADVICE}.", reason="missing file", path=str(path))
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq", ".csv"):
        return _read_table(path)
    if suffix in (".trec", ".run", ".txt"):
        return _read_trec(path)
    if suffix == ".json":
        return _read_ranx(path)
    hint = " Save the ranx run as .json." if suffix in (".lz4", ".gz", ".lzma") else ""
    raise DataError(f"{path} is not a file of lists. {_ADVICE}.{hint}", reason="unknown format", path=str(path))


def read_frame(frame: pd.DataFrame, source: str = "frame") -> RawLists:
    """Return the entries of a frame with the columns of `ALIASES`.

    Raises
    ------
    DataError: If it is not a frame, or a column is missing or is a duplicate.
    """
    frame = to_pandas_frame(frame, source)
    chosen, names = _choose_columns(frame, source)
    return RawLists(source, chosen, names, lambda row: f"row {frame.index[row]}")


def _read_table(path: Path) -> RawLists:
    raw = read_source(path)
    if raw.unreadable:
        _, line, problem, _ = raw.unreadable[0]
        raise DataError(
            f"{path}, line {line}: {problem}. Correct or remove the line.",
            reason="invalid rows",
            path=str(path),
            line=line,
        )
    chosen, names = _choose_columns(raw.frame, str(path))
    unit = "line" if path.suffix.lower() == ".csv" else "row"
    return RawLists(str(path), chosen, names, lambda row: f"{unit} {raw.rows[row]}")


def _choose_columns(frame: pd.DataFrame, source: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the columns user, job, rank and score of a table, and their names in it."""
    lower = [str(name).strip().lower() for name in frame.columns]
    chosen: dict[str, pd.Series] = {}
    names: dict[str, str] = {}
    for column, aliases in ALIASES.items():
        alias = next((alias for alias in aliases if alias in lower), None)
        if alias is None:
            continue
        if lower.count(alias) > 1:
            raise DataError(f"{source}: duplicate column {alias}. Keep one.", reason="duplicate column", column=alias)
        place = lower.index(alias)
        names[column] = str(frame.columns[place])
        chosen[column] = frame.iloc[:, place].reset_index(drop=True)
        if f"{column}_external_id" in lower:  # as `Ranking.frame` writes them
            texts = frame.iloc[:, lower.index(f"{column}_external_id")].reset_index(drop=True)
            is_missing = texts.isna() | texts.astype("str").str.strip().eq("")
            chosen[column] = texts.astype(object).where(~is_missing, chosen[column])
    for needed in (("user",), ("job",), ("rank", "score")):
        if not any(column in chosen for column in needed):
            accepted = ", ".join(name for column in needed for name in ALIASES[column])
            columns = make_printable(", ".join(str(name) for name in frame.columns)) or "none"
            raise DataError(
                f"{source}: column {' or '.join(needed)} is missing. The columns are {columns}. Accepted names: "
                f"{accepted}.",
                reason="missing column",
                column=needed[0],
            )
    return pd.DataFrame(chosen), names


def _read_run_folder(folder: Path) -> RawLists:
    if not is_run(folder):
        raise DataError(
            f"{folder} does not contain a published run. {_ADVICE}.", reason="no published run", path=str(folder)
        )
    frame, manifest = read_run(folder), read_manifest(folder)
    # the numbers: they decide even if an external id has changed since the run
    columns = {"user_id": "user", "job_id": "job", "rank": "rank", "total_score": "score"}
    chosen = frame[list(columns)].rename(columns=columns)
    names = {column: name for name, column in columns.items()}
    return RawLists(str(folder), chosen, names, lambda row: f"row {row + 1}", at=pd.Timestamp(manifest["as_of"]))


def _read_trec(path: Path) -> RawLists:
    """Read `qid Q0 docno rank score tag`, separated by white space. trec_eval ignores Q0, rank and tag."""
    lines: list[int] = []
    records: list[Sequence[str]] = []
    for line, text in enumerate(_read_text(path).splitlines(), 1):
        fields = text.split()
        if not fields:
            continue
        if len(fields) != len(_TREC_COLUMNS):
            raise DataError(
                f"{path}, line {line}: {len(fields)} fields instead of {len(_TREC_COLUMNS)}. A line of a TREC run is: "
                f"{' '.join(_TREC_COLUMNS)}.",
                reason="number of fields",
                path=str(path),
                line=line,
            )
        lines.append(line)
        records.append((fields[0], fields[2], fields[4]))
    frame = pd.DataFrame(records, columns=["user", "job", "score"], dtype="str")
    names = {"user": "qid", "job": "docno", "score": "score"}
    return RawLists(str(path), frame, names, lambda row: f"line {lines[row]}", is_trec=True)


def _read_ranx(path: Path) -> RawLists:
    """Read {user: {job: score}}."""
    # pairs instead of dicts: a dict keeps only the last of equal keys
    content = parse_json_file(path, _read_text(path), object_pairs_hook=_Pairs)
    advice = 'A ranx run is: {"user": {"job": score}}.'
    if not isinstance(content, _Pairs):
        raise DataError(
            f"{path} is not a ranx run: it does not contain a JSON object. {advice}",
            reason="unknown format",
            path=str(path),
        )
    users: list[str] = []
    jobs: list[str] = []
    scores: list[Any] = []
    seen = set()
    for user, entries in content:
        if not isinstance(entries, _Pairs):
            raise DataError(
                f"{path}, user {make_printable(user, 60)}: the value is not a JSON object. {advice}",
                reason="invalid rows",
                path=str(path),
                column="user",
                value=user,
            )
        if user in seen:
            raise DataError(
                f"{path}, user {make_printable(user, 60)}: duplicate user. Give each user once.",
                reason="duplicate id",
                path=str(path),
                column="user",
                value=user,
            )
        seen.add(user)
        for job, score in entries:
            users.append(user)
            jobs.append(job)
            scores.append(score)
    frame = pd.DataFrame(
        {
            "user": pd.Series(users, dtype="str"),
            "job": pd.Series(jobs, dtype="str"),
            "score": pd.Series(scores, dtype=object),
        }
    )
    names = {"user": "user", "job": "job", "score": "score"}
    return RawLists(
        str(path),
        frame,
        names,
        lambda row: f"user {make_printable(users[row], 60)}, job {make_printable(jobs[row], 60)}",
        is_trec=True,
    )


class _Pairs(list[tuple[str, Any]]):
    """The keys and values of a JSON object. JSON arrays are plain lists."""


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read: {describe_os_error(error)}. Use a text file in UTF-8.",
            reason="unreadable",
            path=str(path),
        ) from error
