"""Arrays made of plain values equal those made of frames."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.columns import TABLES
from scoring.dataset import Dataset
from scoring.dataset.arrays import JobArrays, Ragged, UserArrays
from scoring.dataset.python_row_encoding import PlainRows, encode_jobs, encode_users
from scoring.errors import ConfigurationError
from scoring.facade.legacy_input import make_canonical_frame
from tests.facade.test_legacy_input import COLUMNS, ODD, WIDTHS
from tests.support.errors import raises_at
from tests.support.facade_market import dataset_of, market_of

Row = dict[str, Any]
MARKET = market_of(5)
DATASET: Dataset = dataset_of(MARKET)
ENCODE: dict[str, Any] = {"jobs": (encode_jobs, JobArrays), "users": (encode_users, UserArrays)}
ROWS: dict[str, list[Row]] = {
    table: [
        {name: value.strip() or None if isinstance(value, str) else value for name, value in row.items()}
        for row in rows
    ]
    for table, rows in (("jobs", MARKET.jobs), ("users", MARKET.users))
}


def read(table: str, rows: list[Row]) -> PlainRows | None:
    values = {name: [row.get(name) for row in rows] for name in TABLES[table].names}
    return PlainRows.of(TABLES[table], len(rows), values, WIDTHS, 2)


def assert_equal_arrays(table: str, rows: list[Row], found: PlainRows) -> None:
    encode, kind = ENCODE[table]
    arrays = encode(found, DATASET.words)
    assert arrays is not None
    frame = make_canonical_frame(table, rows, WIDTHS)
    expected = kind.encode(frame, DATASET.words)
    assert len(arrays) == len(rows)
    for field in fields(kind):
        one, other = getattr(arrays, field.name), getattr(expected, field.name)
        if isinstance(other, Ragged):
            one, other = np.concatenate([one.start, one.values]), np.concatenate([other.start, other.values])
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype, field.name
            np.testing.assert_array_equal(one, other, field.name)
    pd.testing.assert_frame_equal(arrays.frame, frame, check_exact=True)
    pd.testing.assert_series_equal(arrays.read_column("external_id"), frame["external_id"])
    with raises_at(ConfigurationError, table, "no_column"):
        arrays.read_column("no_column")


@pytest.mark.parametrize("table", ROWS)
def test_arrays_of_rows_equal_those_of_frames(table: str) -> None:
    for rows in (ROWS[table], ROWS[table][:1], [dict.fromkeys(ROWS[table][0]) | {f"{table[:-1]}_id": 5}]):
        found = read(table, rows)
        assert found is not None
        assert_equal_arrays(table, rows, found)


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda value: getattr(value, "name", value))
def test_odd_values_are_equal_or_left_to_frames(table: str, column: Any) -> None:
    """Each value is read alone. Values that are not left to frames are compared in one request, except ids."""
    key, accepted = TABLES[table].key[0], []
    for place, value in enumerate([*ODD, ROWS[table][0].get(column.name)]):
        row = ROWS[table][0] | {key: place, column.name: value}
        found = read(table, [row])
        if found is not None and ENCODE[table][0](found, DATASET.words) is not None:
            accepted.append(row)
    assert accepted
    for rows in [[row] for row in accepted] if column.name == key else (accepted[:1], accepted):
        found = read(table, rows)
        assert found is not None
        assert_equal_arrays(table, rows, found)


@pytest.mark.parametrize(
    ("table", "name", "value"),
    [
        *[("jobs", name, "XX") for name in ("prefecture_code", "city_code", "company_id")],
        *[("jobs", "occupation_code", 9_001), ("users", "preferred_occupations", [9_001])],
    ],
)
def test_unknown_values_are_left_to_frames(table: str, name: str, value: Any) -> None:
    found = read(table, [ROWS[table][0] | {name: value}])
    assert found is not None
    assert ENCODE[table][0](found, DATASET.words) is None


@pytest.mark.parametrize(
    ("name", "value"), [("fee", 2e12), ("fee", float("nan")), ("city_code", "1"), ("job_id", None), ("title", " a")]
)
def test_values_that_need_conversion_are_left_to_frames(name: str, value: Any) -> None:
    assert read("jobs", [ROWS["jobs"][0] | {name: value}]) is None
