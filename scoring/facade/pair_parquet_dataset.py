"""All pairs as a Parquet dataset on disk, written next to its destination and published by one rename."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import check_integer, check_positive_integer
from scoring.dataset.row_lookup import IdList, parse_ids
from scoring.errors import OutputError, pluralize
from scoring.facade.legacy_computation import ALL_PAIRS_COLUMNS, BYTES_PER_PAIR, SCORE_COLUMNS
from scoring.facade.pair_chunks import PairChunk, never_cancelled, score_chunks
from scoring.model import Inputs, ScoringModel
from scoring.runs import memory_forecast
from scoring.runs.run_key import new_run_id
from scoring.storage.atomic_file import replace_file, sync_folder
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import wrap_os_errors

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import dataset as ds

__all__ = ["ScoredPairs", "require_new_folder", "write_pairs"]

MAX_ROWS_AT_ONCE = 2**31 - 1

MANIFEST: Final = "manifest.json"
"""The contents of the folder, written last. Readers of Parquet datasets ignore files with this suffix."""
KIND: Final = "all pairs"

_BYTES_READ_PER_PAIR: Final = 2 * BYTES_PER_PAIR
"""Bytes per pair of the Arrow columns and of the frame made from them."""


class ScoredPairs:
    """All pairs of a request, on disk. Nothing is read before it is requested.

    `len()` is the number of pairs. Columns: `ALL_PAIRS_COLUMNS`, then `user_external_id` and `job_external_id` if the
    users and jobs have them. Rows: by user, then job, in the order of the request.

    Raises
    ------
    OutputError: If the folder has no published pairs.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = expand_path(folder, "folder")
        try:
            self.manifest: dict[str, Any] = json.loads((self.path / MANIFEST).read_text("utf-8"))
            is_valid = self.manifest["kind"] == KIND
        except (OSError, ValueError, KeyError) as error:
            raise OutputError(
                f"{self.path} does not contain scored pairs: it has no valid {MANIFEST}. Give a folder that was passed "
                "as `out` when the pairs were scored.",
                path=str(self.path),
            ) from error
        if not is_valid:
            raise OutputError(
                f"{self.path} does not contain scored pairs, but {self.manifest['kind']!r}. Give a folder that was "
                "passed as `out` when the pairs were scored.",
                path=str(self.path),
            )

    def __len__(self) -> int:
        return int(self.manifest["pairs"])

    def __repr__(self) -> str:
        return (
            f"ScoredPairs({str(self.path)!r}: {self.manifest['users']:,} users × {self.manifest['jobs']:,} jobs = "
            f"{pluralize(len(self), 'pair')}, {self.manifest['bytes']:,} bytes on disk)"
        )

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.manifest.get("columns", ALL_PAIRS_COLUMNS))

    @property
    def dataset(self) -> ds.Dataset:
        """The dataset for pyarrow, DuckDB, polars and other readers of Parquet datasets."""
        from pyarrow import dataset as ds

        files = [str(self.path / file["name"]) for file in self.manifest["files"]]
        return ds.dataset(files, format="parquet", schema=_make_schema(self.columns))

    def head(self, n: int = 5) -> pd.DataFrame:
        """Return the first n pairs. Raises ConfigurationError if n is not an integer of 0 or more."""
        frames, wanted = [_make_schema(self.columns).empty_table().to_pandas()], check_integer("n", n, 0)
        for batch in self.batches(size=max(1, min(wanted, 65_536))):
            if not wanted:
                break
            frames.append(batch.iloc[:wanted])
            wanted -= len(frames[-1])
        return pd.concat(frames[1:] or frames, ignore_index=True)

    def batches(self, size: int = 1_000_000) -> Iterator[pd.DataFrame]:
        """Yield all pairs in order, at most `size` rows at a time.

        Raises
        ------
        ConfigurationError: If `size` is not an integer of 1 or more.
        """
        size = min(check_positive_integer("size", size), MAX_ROWS_AT_ONCE)
        import pyarrow.parquet as pq

        for file in self.manifest["files"]:
            with pq.ParquetFile(self.path / file["name"]) as parquet:
                for batch in parquet.iter_batches(batch_size=size):
                    yield batch.to_pandas()

    def read(
        self,
        users: IdList | None = None,
        jobs: IdList | None = None,
        columns: Iterable[str] | None = None,
    ) -> pd.DataFrame:
        """Return the pairs of these users and jobs (None: all), in order. Unknown ids have no pairs.

        Raises
        ------
        ConfigurationError: If an id is not a number.
        NotEnoughMemoryError: If the pairs may not fit in memory, before reading.
        """
        from pyarrow import dataset as ds

        requested = {"user_id": users, "job_id": jobs}
        wanted = {
            name: np.unique(parse_ids(ids, name.removesuffix("_id")))
            for name, ids in requested.items()
            if ids is not None
        }
        size = self.manifest["users"], self.manifest["jobs"]
        pairs = min(len(wanted.get("user_id", range(size[0]))), size[0]) * min(
            len(wanted.get("job_id", range(size[1]))), size[1]
        )
        memory_forecast.require(
            pairs * _BYTES_READ_PER_PAIR,
            f"Reading {pluralize(pairs, 'pair')} of {self.path}",
            ["fewer users or jobs", "batches() to read a part at a time"],
        )
        condition = None
        for name, ids in wanted.items():
            among = ds.field(name).isin(ids)
            condition = among if condition is None else condition & among
        names = list(self.columns if columns is None else columns)
        return self.dataset.to_table(columns=names, filter=condition).to_pandas()


def require_new_folder(out: str | os.PathLike[str]) -> Path:
    """Return the folder to write to. Raises OutputError if it exists: results are never overwritten."""
    target = expand_path(out, "out")
    if target.exists():
        raise OutputError(
            f"{target} already exists, and results are not overwritten. Use another folder.",
            path=str(target),
            errno=errno.EEXIST,
        )
    return target


def write_pairs(
    inputs: Inputs,
    model: ScoringModel,
    out: str | os.PathLike[str],
    *,
    chunk_size: int,
    workers: int | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
) -> ScoredPairs:
    """Score every pair into a new folder. Readers see all of it or nothing, also after an error.

    Raises
    ------
    OutputError: If the folder exists, or cannot be written.
    RunCancelledError: If `cancelled` returns True.
    """
    target = require_new_folder(out)
    work = target.parent / f".{target.name}.{new_run_id(datetime.now(UTC), model.digest)}.writing"
    try:
        with wrap_os_errors(target, content="Pairs"):
            target.parent.mkdir(parents=True, exist_ok=True)
            work.mkdir()
            files: dict[int, dict[str, Any]] = {}
            external_ids = _find_external_ids(inputs)

            def take(chunk: PairChunk) -> None:
                files[chunk.number] = _write_chunk(work, chunk, external_ids)

            if len(inputs.users) and len(inputs.jobs):
                score_chunks(inputs, model, take, chunk_size=chunk_size, workers=workers, cancelled=cancelled)
            _write_manifest(work, inputs, model, list(external_ids), [files[number] for number in sorted(files)])
            require_new_folder(target)
            os.rename(work, target)
            sync_folder(target.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return ScoredPairs(target)


def _make_schema(columns: Sequence[str]) -> pa.Schema:
    import pyarrow as pa

    types = {"user_id": pa.int64(), "job_id": pa.int64(), "eligible": pa.bool_()}
    types |= {name: pa.float32() for name in SCORE_COLUMNS}
    return pa.schema([(name, types.get(name, pa.string())) for name in columns])


def _find_external_ids(inputs: Inputs) -> dict[str, pa.Array]:
    """Return column → the external ids of the users or jobs of a request, in its order. Only sides that have them."""
    import pyarrow as pa

    found = inputs.external_ids
    return {
        f"{lookup.kind}_external_id": pa.array(lookup.find_texts(ids), type=pa.string(), from_pandas=True)
        for lookup, ids in ((found.users, inputs.users.user_id), (found.jobs, inputs.jobs.job_id))
        if lookup is not None
    }


def _write_chunk(folder: Path, chunk: PairChunk, external_ids: Mapping[str, pa.Array]) -> dict[str, Any]:
    """Write a part file, flushed to disk on return.

    Ids are passed as indices of an existing dictionary: finding repetitions in two int64 columns took a third of the
    time.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    n_users, n_jobs = chunk.eligible.shape
    users = np.repeat(np.arange(n_users, dtype=np.int32), n_jobs)
    jobs = np.tile(np.arange(n_jobs, dtype=np.int32), n_users)
    columns = [
        pa.DictionaryArray.from_arrays(users, chunk.user_id),
        pa.DictionaryArray.from_arrays(jobs, chunk.job_id),
        *(pa.array(scores.ravel()) for scores in chunk.scores),
        pa.array(chunk.eligible.ravel()),
    ]
    texts = {"user_external_id": (users, chunk.first, n_users), "job_external_id": (jobs, 0, n_jobs)}
    for name, values in external_ids.items():
        codes, first, length = texts[name]
        columns.append(_encode_texts(values.slice(first, length), codes))
    path = folder / f"part-{chunk.number:06d}.parquet"

    def encode(file: BinaryIO) -> None:
        pq.write_table(
            pa.table(columns, names=[*ALL_PAIRS_COLUMNS, *external_ids]),
            file,
            use_dictionary=["user_id", "job_id", *external_ids],
            dictionary_pagesize_limit=16 * n_jobs + (1 << 20),
            compression="NONE",
            # readers select users; bounds of the other columns would be equal in all files, and took half the time
            write_statistics=["user_id"],
            store_schema=False,  # readers get plain int64 ids, and texts
        )

    replace_file(path, encode, sync_name=False)
    return {"name": path.name, "rows": n_users * n_jobs, "bytes": path.stat().st_size, "first_row": chunk.first}


def _encode_texts(values: pa.Array, rows: NDArray[np.int32]) -> pa.DictionaryArray:
    """Return the values at these rows. Parquet files cannot be written with a null in a dictionary."""
    import pyarrow as pa

    is_present = values.is_valid().to_numpy(zero_copy_only=False)
    places = np.cumsum(is_present, dtype=np.int32) - 1
    return pa.DictionaryArray.from_arrays(pa.array(places[rows], mask=~is_present[rows]), values.drop_null())


def _write_manifest(
    folder: Path, inputs: Inputs, model: ScoringModel, external_ids: list[str], files: list[dict[str, Any]]
) -> None:
    manifest = {
        "format": 1,
        "kind": KIND,
        "model": model.name,
        "model_digest": model.digest,
        "as_of": inputs.dataset.as_of.isoformat(),
        "users": len(inputs.users),
        "jobs": len(inputs.jobs),
        "pairs": len(inputs.users) * len(inputs.jobs),
        "columns": [*ALL_PAIRS_COLUMNS, *external_ids],
        "bytes": sum(file["bytes"] for file in files),
        "files": files,
    }
    replace_file(folder / MANIFEST, json.dumps(manifest, indent=2))
