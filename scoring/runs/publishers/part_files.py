"""Part files of a run: each is written to a temporary file, renamed last, and verified by its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from scoring.columns import RESULT_COLUMNS
from scoring.runs.shards import Shard
from scoring.storage.atomic_file import Step, replace_file
from scoring.storage.os_errors import describe_os_error
from scoring.telemetry import fault_injection

__all__ = [
    "EXTERNAL_IDS",
    "SCHEMA",
    "find_problem",
    "find_verified_shards",
    "format_part_name",
    "remove_other_files",
    "write_part",
]

SCHEMA = pa.schema(
    [
        ("user_id", pa.int64()),
        ("job_id", pa.int64()),
        ("rank", pa.int32()),
        *((name, pa.float32()) for name in RESULT_COLUMNS[3:]),
    ]
)

EXTERNAL_IDS: Final = ("user_external_id", "job_external_id")
"""Text columns after those of `SCHEMA`, if users or jobs have external ids."""

_POINTS: Final[Mapping[Step, Callable[[], None]]] = {
    "written": lambda: fault_injection.reach("shard written"),
    "synced": lambda: fault_injection.reach("shard synced"),
    "renamed": lambda: fault_injection.reach("shard renamed"),
}


def format_part_name(number: int) -> str:
    """Return the name of a part file. Names sort in the order of the user ids."""
    return f"part-{number:05d}.parquet"


def write_part(folder: Path, number: int, rows: pd.DataFrame) -> dict[str, Any]:
    """Write a part file durably and return its entry for the manifest. Raises OSError."""
    import pyarrow.parquet as pq

    names = [name for name in EXTERNAL_IDS if name in rows]
    schema = pa.schema([*SCHEMA, *((name, pa.string()) for name in names)])
    # no dictionary of scores, which rarely repeat: this takes a third of the time, and files are 8 % smaller
    table = pa.Table.from_pandas(rows, schema, preserve_index=False)
    encoded = pa.BufferOutputStream()
    pq.write_table(table, encoded, use_dictionary=["user_id", "job_id", "rank", *names])
    content = memoryview(encoded.getvalue())
    fault_injection.reach("shard encoded")
    path = folder / format_part_name(number)
    # the names in the folder are synced once, before it is published
    replace_file(path, content, sync_name=False, reached=_POINTS)
    first, last = (int(rows["user_id"].iloc[end]) for end in (0, -1)) if len(rows) else (None, None)
    return {
        "name": path.name,
        "rows": len(rows),
        "bytes": content.nbytes,
        "users": [first, last],
        "blake2b": hashlib.blake2b(content, digest_size=16).hexdigest(),
    }


def find_problem(folder: Path, entry: Mapping[str, Any]) -> str | None:
    """Return the problem of a part file of a manifest or a journal; None: it is as written."""
    path = folder / str(entry["name"])
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            return f"{path.name} has {size:,} bytes instead of {entry['bytes']:,}"
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        return f"{path.name} cannot be read ({describe_os_error(error)})"
    # runs of older versions have no digests
    return (
        None
        if digest == entry.get("blake2b", digest)
        else f"{path.name} is damaged: its content differs from what was written"
    )


def find_verified_shards(
    folder: Path, entries: Iterable[Mapping[str, Any]], shards: Sequence[Shard]
) -> dict[int, dict[str, Any]]:
    """Return number → entry of the shards whose files exist as written. The last entry of each name counts."""
    by_name = {entry.get("name"): dict(entry) for entry in entries}
    verified = {}
    for shard in shards:
        entry = by_name.get(format_part_name(shard.number))
        if entry is not None and find_problem(folder, entry) is None:
            verified[shard.number] = entry
    return verified


def remove_other_files(folder: Path, names: Iterable[str]) -> None:
    """Remove all files of the folder except these."""
    kept = set(names)
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()
