"""Rows built from objects equal the rows that frame validation returns for the same values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest

from scoring.columns import TABLES
from scoring.columns.types import (
    ACTIVE,
    CHOICE,
    CODE,
    COLUMN_TYPES,
    FLAG,
    ID,
    INTEGER,
    INTEGER_LIST,
    NORMAL_TEXT,
    NUMBER,
    TEXT,
    TIME,
    ColumnType,
)
from scoring.errors import DataError
from scoring.facade.legacy_input import make_canonical_frame, read_job, read_user
from scoring.validation.table_validator import normalise
from tests.support.errors import raises_problem
from tests.support.facade_market import legacy_job, legacy_user, market_of

WIDTHS: Final = {"prefecture_code": 2}
ODD: Final = [
    *(0, 1, -1, 13, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 1.0, 13.0, 1.5, -0.0, 1e300, float("inf"), True, False),
    *("1", "13", "1.0", "013", "0013", " 13 ", "", "  ", "x", "X", "Hourly", "東京", "a b", "a\tb", "a\0b", "\ud800"),
    *("true", "no", "nan", "2025-01-01", "2025-01-01T09:00:00+09:00", "1|2", "İ", "\u3000東京\u3000", "a\u00a0"),
    *(datetime(2025, 1, 1), datetime(2025, 1, 1, tzinfo=UTC), date(2025, 1, 1), datetime(1600, 1, 1, tzinfo=UTC)),
    datetime(2025, 1, 1, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=9))),
    pd.Timestamp("2025-01-01T00:00:00.123456789Z"),
    *(Decimal("1500"), np.int64(5), np.float32(1.5), np.bool_(True), np.datetime64("2025-01-01")),
    *([], [1], [1, 2**60], [1.0], ["1"], (1, 2), [None], [[1]], b"bytes"),
]
COLUMNS: Final = [(table, column) for table in ("jobs", "users") for column in TABLES[table].columns]


def by_the_door(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    names = TABLES[table].names
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names})
    result = normalise(table, frame, code_width=WIDTHS, unique=False)
    if len(result.rejected):
        raise DataError(result.rejected["reason"].iloc[0])
    return result.frame


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_of_markets_equal_their_frames(seed: int) -> None:
    market = market_of(seed)
    for table, rows, read, legacy in (
        ("jobs", market.jobs, read_job, legacy_job),
        ("users", market.users, read_user, legacy_user),
    ):
        flat = [read(row) for row in rows]
        expected = by_the_door(table, rows)
        pd.testing.assert_frame_equal(make_canonical_frame(table, flat, WIDTHS), expected, check_exact=True)
        parts = make_canonical_frame(table, [read(legacy(row)) for row in rows], WIDTHS)
        same = [name for name in expected if name not in ("company_name", "age_group", "gender", "registered_at")]
        same = [name for name in same if table == "jobs" or name != "is_active"]
        pd.testing.assert_frame_equal(parts[same], expected[same], check_exact=True)


@pytest.mark.parametrize("column_type", COLUMN_TYPES)
def test_objects_are_coerced_like_frames(column_type: ColumnType) -> None:
    """One object alone, and together with a missing value where the type allows one."""
    taken = 0
    for value in ODD:
        for values in ([value], [value, None]):
            if column_type is ID and None in values:
                continue
            found = column_type.from_objects(values, 2)
            if found is not None:
                taken += 1
                coerced = column_type.coerce(pd.Series(values, dtype=object), 2)
                assert not coerced.problems, value
                expected = coerced.values.fillna(True).astype(bool) if column_type is ACTIVE else coerced.values
                expected = expected.astype("int64") if column_type is ID else expected
                pd.testing.assert_series_equal(found, expected, check_exact=True, obj=repr(value))
    assert taken


@pytest.mark.parametrize(("name", "value"), [("fee", float("inf")), ("fee", "x"), ("job_id", " "), ("is_active", 2)])
def test_invalid_values_are_rejected(name: str, value: Any) -> None:
    with raises_problem("jobs", name, first=(1,)):
        make_canonical_frame("jobs", [{"job_id": 5}, {"job_id": 6} | {name: value}], WIDTHS)


def test_few_rows_are_coerced_without_validation() -> None:
    clean = {
        ID: 7,
        TEXT: "東京 1",
        NORMAL_TEXT: "C-1",
        CODE: "13",
        CHOICE: "hourly",
        INTEGER: 101,
        NUMBER: 1500.0,
        FLAG: True,
        ACTIVE: False,
        TIME: datetime(2025, 1, 1, tzinfo=UTC),
        INTEGER_LIST: [101],
    }
    for _, column in COLUMNS:
        assert column.type.from_objects([clean[column.type]], 2) is not None
