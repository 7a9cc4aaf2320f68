"""Rows of small requests without frames: one pair, and the users of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scoring.columns.text_id_hash import is_reserved
from scoring.dataset.python_row_encoding import PlainRows, encode_jobs, encode_users
from scoring.facade.column_arrays import list_columns
from scoring.facade.snapshot import Snapshot
from scoring.id_index import find_unused_id
from scoring.model import Inputs
from scoring.validation.column_match import match_columns

__all__ = ["make_plain_inputs", "read_users"]


def make_plain_inputs(
    snapshot: Snapshot, job: Mapping[str, Any], user: Mapping[str, Any], *, has_profile: bool
) -> Inputs | None:
    """Return the inputs of one pair of rows; None if a value is not canonical, or the data do not contain it.

    A row without an id gets an unused one.
    """
    dataset = snapshot.dataset
    job_rows = _make_rows(snapshot, "jobs", job, dataset.jobs.job_id)
    user_rows = _make_rows(snapshot, "users", user, dataset.users.user_id)
    if job_rows is None or user_rows is None:
        return None
    jobs, users = encode_jobs(job_rows, dataset.words), encode_users(user_rows, dataset.words)
    if jobs is None or users is None:
        return None
    return Inputs.of_arrays(snapshot.statistics, jobs, users, np.array([has_profile]))


def _make_rows(snapshot: Snapshot, table: str, row: Mapping[str, Any], known: np.ndarray) -> PlainRows | None:
    spec = snapshot.dataset.board.table(table)
    key = spec.key[0]
    values = {name: [value] for name, value in row.items()}
    if key not in row:
        values[key] = [find_unused_id(known)]
    return PlainRows.of(spec, 1, values, snapshot.code_widths, snapshot.city_width)


def read_users(snapshot: Snapshot, frame: pd.DataFrame) -> PlainRows | None:
    """Return the users of a frame with few rows; None if a value is not canonical, or may be invalid.

    Raises
    ------
    DataError: If the column of ids is missing, or a column occurs twice.
    """
    spec = snapshot.dataset.board.table("users")
    sources, _ = match_columns(spec, spec.columns, frame)
    arrays = dict(list_columns(frame))
    values = {name: _list_values(arrays[source]) for name, source in sources.items()}
    ids = values["user_id"]
    if any(type(number) is not int or is_reserved(number) for number in ids) or len(set(ids)) < len(ids):
        return None
    return PlainRows.of(spec, len(frame), values, snapshot.code_widths, snapshot.city_width)


def _list_values(array: Any) -> Sequence[Any]:
    """Return the values of a column as Python objects; None for missing ones."""
    if isinstance(array, pd.arrays.ArrowStringArray):
        texts: list[Any] = array.__arrow_array__().to_pylist()  # `tolist` takes 40 µs
        return texts
    return [
        None
        if value is None or value is pd.NA or value is pd.NaT or (type(value) is float and value != value)
        else value
        for value in array.tolist()
    ]
