"""Validation converts any frame to the canonical one, or reports the table, column, row and value."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.columns import TABLES
from scoring.errors import DataError
from scoring.id_index import IdIndex
from scoring.validation.cross_table_checks import find_unknown_references
from scoring.validation.rejections import FrameRows, make_data_error
from scoring.validation.table_validator import check, code_width, normalise
from tests.support.errors import raises_data, raises_problem


def jobs(**columns: Any) -> pd.DataFrame:
    length = len(next(iter(columns.values())))
    return pd.DataFrame({"job_id": range(1, length + 1), **columns})


def one(column: str, value: Any, **options: Any) -> Any:
    """Return the canonical value of one job's column."""
    frame = check("jobs", jobs(**{column: pd.Series([value], dtype=object)}), **options)
    return frame[column].iloc[0]


def reason(column: str, value: Any) -> str:
    """Return the reason for which one job's value is rejected."""
    refused = normalise("jobs", jobs(**{column: pd.Series([value], dtype=object)})).rejected
    assert refused["column"].tolist() == [column]
    return str(refused["reason"].iloc[0])


@pytest.mark.parametrize("table", [name for name in TABLES if not name.endswith("_factors")])
def test_empty_table_has_all_columns_and_dtypes(table: str) -> None:
    spec = TABLES[table]
    frame = check(table, pd.DataFrame({name: [] for name in spec.required}))
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {c.name: c.type.dtype for c in spec.columns}


@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT, pd.NA, "", "   ", "\t\n", "\u3000"])
def test_missing_values_stay_missing_in_nullable_columns(missing: Any) -> None:
    spec = TABLES["jobs"]
    frame = jobs(**{c.name: pd.Series([missing], dtype=object) for c in spec.columns if c.name != "job_id"})
    result = check("jobs", frame)
    assert result["is_active"].tolist() == [True]
    assert result.drop(columns=["job_id", "is_active"]).isna().all(axis=None)
    users = check("users", pd.DataFrame({"user_id": [1], "preferred_occupations": pd.Series([missing], dtype=object)}))
    assert users["preferred_occupations"].tolist() == [[]]


@pytest.mark.parametrize("column", TABLES["actions"].required)
@pytest.mark.parametrize("missing", [None, np.nan, "", " "])
def test_missing_required_value_is_rejected(column: str, missing: Any) -> None:
    row = {"user_id": 1, "job_id": 1, "action": "view", "occurred_at": "2025-01-01"}
    frame = pd.DataFrame([row, {**row, column: missing}])
    refused = normalise("actions", frame).rejected
    assert refused[["row", "column", "reason"]].values.tolist() == [[1, column, "is missing"]]


def test_canonical_name_has_priority_over_aliases() -> None:
    frame = check("jobs", jobs(endcl_cd=["c"], application_name=["t"], pref_cd=[1], prefecture_code=["09"]))
    assert frame[["company_id", "title", "prefecture_code"]].values.tolist() == [["c", "t", "09"]]
    assert normalise("jobs", jobs(pref_cd=[1], prefecture_code=["09"], x=[0])).ignored == ("pref_cd", "x")


def test_error_of_missing_column_lists_columns_and_a_guess() -> None:
    with pytest.raises(DataError) as caught:
        check("jobs", pd.DataFrame({"jobid": [1], "title": ["t"]}))
    assert "column job_id is missing" in str(caught.value)
    assert "The columns are jobid, title" in str(caught.value)
    assert "Did you mean 'jobid'" in str(caught.value)


def test_other_objects_and_unknown_tables_raise_data_errors() -> None:
    with raises_data("not a frame", table="jobs", value="list"):
        check("jobs", [1])  # type: ignore[arg-type]
    with raises_data("unknown table", table="job"):
        check("job", pd.DataFrame())
    with raises_data("duplicate column", table="jobs", column="job_id"):
        check("jobs", pd.DataFrame([[1, 2]], columns=["job_id", "job_id"]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (13, 13.0), (13.5, 13.5), ("13.5", 13.5), (" 1e3 ", 1000.0), ("-5", -5.0), (Decimal("1.25"), 1.25),
        (np.float32(0.5), 0.5), (np.int8(3), 3.0), (0, 0.0), ("nan", None), (10**12, 1e12),
    ],
)  # fmt: skip
def test_valid_numbers_become_float64(value: Any, expected: float | None) -> None:
    found = one("min_salary", value)
    assert np.isnan(found) if expected is None else found == expected


@pytest.mark.parametrize("value", [np.inf, -np.inf, "inf", "-Infinity", "1e999", float("inf")])
def test_infinity_is_rejected(value: Any) -> None:
    for column in ("min_salary", "max_salary", "fee"):
        assert reason(column, value) == "is infinite"


@pytest.mark.parametrize("value", [10**30, -1.1e12, "1e13"])
@pytest.mark.parametrize("column", ["min_salary", "max_salary", "fee"])
def test_amounts_beyond_the_maximum_are_rejected(column: str, value: Any) -> None:
    with raises_problem("jobs", column, match="±1,000,000,000,000", rows=1):
        check("jobs", jobs(**{column: [value]}))


@pytest.mark.parametrize("value", ["twelve", "1,200", "0x10", True, datetime(2025, 1, 1), [1], "1_000", b"12"])
def test_other_values_of_number_columns_are_rejected(value: Any) -> None:
    assert "not a number" in reason("min_salary", value)


@pytest.mark.parametrize("value", [13, 13.0, "13", "13.0", " 13 ", "+13", np.uint8(13), Decimal(13), "1.3e1"])
def test_valid_integers_become_int64(value: Any) -> None:
    assert one("occupation_code", value) == 13


@pytest.mark.parametrize("value", [13.5, "13.5", "x", np.inf, True, 2**63, str(2**64), -(2**63) - 1, 1e300])
def test_other_values_of_integer_columns_are_rejected(value: Any) -> None:
    assert reason("occupation_code", value)


def test_large_ids_are_exact_text_ids_or_rejected() -> None:
    ids = [2**63 - 1, -(2**63), 2**53 + 1]
    assert check("jobs", pd.DataFrame({"job_id": ids}))["job_id"].tolist() == ids
    assert check("jobs", pd.DataFrame({"job_id": [str(n) for n in ids]}))["job_id"].tolist() == ids
    for huge in (2**63, str(2**63), 10**30, np.uint64(2**63)):
        found = normalise("jobs", pd.DataFrame({"job_id": [huge, 1]}))
        assert found.frame["external_id"].iloc[0] == str(huge)
        assert not len(found.rejections)
    refused = normalise("jobs", pd.DataFrame({"job_id": [2.0**60]})).rejected
    assert "may be inexact" in refused["reason"].iloc[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "01"), (13.0, "13"), ("1", "01"), ("13.0", "13"), ("13", "13"), (" 07 ", "07"), ("CA", "CA"),
        (113, "113"), ("A1", "A1"), (np.int64(4), "04"), (0, "00"),
    ],
)  # fmt: skip
def test_codes_are_text_padded_to_the_reference(value: Any, expected: str) -> None:
    assert one("prefecture_code", value, code_width={"prefecture_code": 2}) == expected
    assert one("prefecture_code", value) == expected.lstrip("0") or expected.startswith("0")


@pytest.mark.parametrize("value", [13.5, np.inf, True, datetime(2025, 1, 1)])
def test_other_values_of_code_columns_are_rejected(value: Any) -> None:
    typed = normalise("jobs", jobs(prefecture_code=pd.Series([value])))
    assert len(typed.rejected) == 1


def test_width_of_codes_requires_digits_of_equal_width() -> None:
    assert code_width(pd.Series(["01", "47"])) == 2
    assert code_width(pd.Series(["1", "47"])) == 2
    assert code_width(pd.Series(["1", "9"])) == 2
    assert code_width(pd.Series(["1", "147"])) is None
    assert code_width(pd.Series(["CA", "NY"])) is None
    assert code_width(pd.Series([], dtype="str")) is None


@pytest.mark.parametrize(("value", "expected"), [(5, "5"), (5.0, "5"), (" a ", "a"), (True, "True"), (5.5, "5.5")])
def test_values_of_text_columns_become_stripped_text(value: Any, expected: str) -> None:
    assert one("company_id", value) == expected


def test_text_with_nul_or_invalid_utf8_is_rejected() -> None:
    assert "UTF-8" in reason("title", "a\ud800")
    assert "UTF-8" in reason("title", b"\xff")
    assert "NUL" in reason("title", "a\0b")


def test_salary_types_are_lower_case_and_others_are_kept() -> None:
    assert check("jobs", jobs(salary_type=["Hourly", " DAILY", "per piece"]))["salary_type"].tolist() == [
        "hourly",
        "daily",
        "per piece",
    ]


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "T", "YES", "1", "1.0", np.True_, Decimal(1)])
def test_words_and_numbers_become_flags(value: Any) -> None:
    assert one("has_daily_payment", value) is np.True_ or one("has_daily_payment", value) is True
    opposite = {"true": "false", "T": "F", "YES": "NO", "1": "0", "1.0": "0.0"}
    assert not one("is_active", opposite[value] if isinstance(value, str) else type(value)(0))


@pytest.mark.parametrize("value", ["maybe", 2, -1, 0.5, datetime(2025, 1, 1), np.inf, "on"])
def test_other_values_of_flag_columns_are_rejected(value: Any) -> None:
    assert "neither true nor false" in reason("has_daily_payment", value)
    assert "neither true nor false" in reason("is_active", value)


MOMENT = pd.Timestamp("2025-01-02 03:04:05", tz="UTC")


@pytest.mark.parametrize(
    "value",
    [
        "2025-01-02 03:04:05", "2025-01-02T03:04:05Z", "2025-01-02 03:04:05 UTC", "2025-01-02T12:04:05+09:00",
        "2025/01/02 03:04:05", "2025-01-02 03:04:05.000000000", MOMENT, MOMENT.tz_localize(None),
        MOMENT.tz_convert("Asia/Tokyo"), datetime(2025, 1, 2, 3, 4, 5),
        datetime(2025, 1, 2, 12, 4, 5, tzinfo=timezone(timedelta(hours=9))), np.datetime64("2025-01-02T03:04:05"),
    ],
)  # fmt: skip
def test_times_are_utc(value: Any) -> None:
    assert one("posted_at", value) == MOMENT


def test_dates_are_midnight_and_formats_may_be_mixed() -> None:
    mixed = [date(2025, 1, 2), "2025-01-02", "20250102", pd.Timestamp("2025-01-02", tz="UTC"), datetime(2025, 1, 2)]
    frame = check("jobs", jobs(posted_at=pd.Series(mixed, dtype=object)))
    assert (frame["posted_at"] == pd.Timestamp("2025-01-02", tz="UTC")).all()


def test_times_of_years_1_to_9999_in_every_unit_are_valid() -> None:
    values = ["0113-02-03 04:05:06 UTC", "9999-12-31", "2068-01-01T00:00:00.123456789Z"]
    frame = check("jobs", jobs(posted_at=values))
    assert frame["posted_at"].dt.year.tolist() == [113, 9999, 2068]
    for unit in ("s", "ms", "us", "ns"):
        typed = pd.Series(pd.to_datetime(["2025-01-02"])).astype(f"datetime64[{unit}]")
        assert check("jobs", jobs(posted_at=typed))["posted_at"].dtype == "datetime64[us, UTC]"


@pytest.mark.parametrize(
    "value",
    [
        "yesterday", "now", "today", "2024", "12/31/2014", 1700000000, 1.5, True, "1700000000", "2025-13-01",
        "99999-01-01", "0000-01-01", "2025-02-30", "0001-01-01T00:00:00+09:00", "-2025-01-01",
    ],
)  # fmt: skip
def test_other_values_of_time_columns_are_rejected(value: Any) -> None:
    frame = jobs(posted_at=pd.Series(["2025-01-01", value], dtype=object))
    refused = normalise("jobs", frame).rejected
    assert refused["row"].tolist() == [1]
    assert "is not a time" in refused["reason"].iloc[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, 2], [1, 2]), ((1.0, "2"), [1, 2]), (np.array([1, 2]), [1, 2]), ("1|2", [1, 2]), (" 1 | 2 |", [1, 2]),
        (5, [5]), (5.0, [5]), ("5", [5]), ([], []), ([None, 1, np.nan], [1]), (np.array([], dtype=float), []),
    ],
)  # fmt: skip
def test_valid_lists_become_lists_of_integers(value: Any, expected: list[int]) -> None:
    frame = pd.DataFrame({"user_id": [1], "preferred_categories": pd.Series([value], dtype=object)})
    found = check("users", frame)["preferred_occupations"].iloc[0]
    assert found == expected
    assert all(type(item) is int for item in found)


@pytest.mark.parametrize("value", ["a|b", [1.5], [[1]], "1|2.5", True, [2**63], {"a": 1}])
def test_other_values_of_list_columns_are_rejected(value: Any) -> None:
    frame = pd.DataFrame({"user_id": [1], "preferred_occupations": pd.Series([value], dtype=object)})
    assert len(normalise("users", frame).rejected) == 1


def test_unknown_kinds_of_action_are_rejected() -> None:
    frame = pd.DataFrame({"user_id": 1, "job_id": 1, "action": ["Click", "apply", "view"], "occurred_at": "2025-01-01"})
    result = normalise("actions", frame)
    assert result.frame["action"].tolist() == ["click", "view"]
    assert result.rejected[["row", "value"]].values.tolist() == [[1, "apply"]]
    assert "not one of application, click, view" in result.rejected["reason"].iloc[0]


def test_duplicate_actions_count_once() -> None:
    frame = pd.DataFrame({"user_id": [1, "1"], "job_id": 2, "action": ["view", "VIEW"], "occurred_at": "2025-01-01"})
    result = normalise("actions", frame)
    assert (len(result.frame), result.merged, len(result.rejected)) == (1, 1, 0)
    assert len(check("actions", frame)) == 1


def test_duplicate_ids_are_rejected_except_the_first_valid_row() -> None:
    frame = pd.DataFrame({"job_id": [7, 7, 8, 7, 8], "fee": [1, 2, np.inf, 3, 4]})
    result = normalise("jobs", frame)
    assert result.frame[["job_id", "fee"]].values.tolist() == [[7, 1], [8, 4]]
    assert result.rejected["row"].tolist() == [1, 2, 3]
    with raises_data("invalid rows") as raised:
        check("jobs", frame)
    assert raised.value.problems is not None
    problems = raised.value.problems[["column", "reason", "first", "value"]].values.tolist()
    duplicates = ["job_id", "is a duplicate of an earlier row", (1, 3), "7"]
    assert problems == [duplicates, ["fee", "is infinite", (2,), "inf"]]


def test_all_problems_of_all_rows_are_collected() -> None:
    frame = jobs(fee=["x", 1, np.inf], posted_at=["?", "2025-01-01", "2025-01-01"], is_active=["?", 1, 1])
    frame.index = pd.Index(["a", "b", "c"])
    refused = normalise("jobs", frame).rejected
    assert refused["row"].tolist() == ["a", "c"]
    assert refused["reason"].iloc[0].count(";") >= 2
    result = normalise("jobs", frame, source=FrameRows(frame, [10, 20, 30]))
    assert result.rejected["row"].tolist() == [10, 30]
    assert result.rows.tolist() == [1]


def test_error_shows_the_first_problems_and_counts_the_rest() -> None:
    with pytest.raises(DataError) as caught:
        check("jobs", jobs(fee=["x"] * 100))
    assert str(caught.value).count("is not a number") == 5
    assert "100 invalid rows" in str(caught.value)
    assert "95 more" in str(caught.value)


def test_error_names_actions_of_unknown_users_and_jobs() -> None:
    frame = pd.DataFrame({"user_id": [1, 9], "job_id": [1, 8], "action": "view", "occurred_at": "2025-01-01"})
    actions = normalise("actions", frame)
    known = IdIndex(np.array([1]))
    found = actions.reject_rows(find_unknown_references(actions, known, known))
    assert found.frame["user_id"].tolist() == [1]
    assert (found.n_read, found.n_rejected, found.rows.tolist()) == (2, 1, [0])
    assert found.rejections[["at", "table", "row", "column", "value", "caused_by"]].values.tolist() == [
        [1, "actions", 1, "user_id", "9", ""],
        [1, "actions", 1, "job_id", "8", ""],
    ]
    said = "row 1, column user_id: '9' does not exist in users; job_id does not exist in jobs"
    assert said in str(make_data_error(found.rejections))


def test_factor_columns_are_validated() -> None:
    frame = check("user_factors", pd.DataFrame({"f1": ["2", "4"], "user_id": [1, 2], "f0": [1, 3], "note": "x"}))
    assert frame.to_dict("list") == {"user_id": [1, 2], "f0": [1.0, 3.0], "f1": [2.0, 4.0]}
    for broken in ({"f0": [1], "f2": [1]}, {"x": [1]}):
        with raises_data("factor columns", table="job_factors"):
            check("job_factors", pd.DataFrame({"job_id": [1], **broken}))
    bad = pd.DataFrame({"job_id": [1, 2, 3], "f0": [np.nan, np.inf, 1]})
    assert normalise("job_factors", bad).rejected["reason"].tolist() == ["is missing", "is infinite"]


def test_other_dtypes_give_the_same_frame() -> None:
    plain = pd.DataFrame(
        {"job_id": [1, 2], "title": ["a", None], "prefecture_code": ["01", "13"], "fee": [1.5, None],
         "occupation_code": [7, None], "has_daily_payment": [True, None], "posted_at": ["2025-01-01", None]}
    )  # fmt: skip
    expected = check("jobs", plain)
    small = expected.astype(
        {"title": "category", "prefecture_code": "category", "fee": "float32", "occupation_code": "Int16",
         "has_daily_payment": "object", "job_id": "int32"}
    )  # fmt: skip
    arrow = expected.convert_dtypes(dtype_backend="pyarrow")
    for other in (expected, small, arrow, expected.astype(object)):
        pd.testing.assert_frame_equal(check("jobs", other), expected)


def test_argument_is_not_modified() -> None:
    frame = jobs(fee=["1", "x"], is_active=[None, "no"])
    before = frame.copy(deep=True)
    normalise("jobs", frame)
    pd.testing.assert_frame_equal(frame, before)
    canonical = check("jobs", jobs(fee=[1.0]))
    result = check("jobs", canonical)
    result.loc[0, "fee"] = 2.0
    assert canonical.loc[0, "fee"] == 1.0


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=4),
    st.dates(), st.datetimes(), st.datetimes(timezones=st.just(UTC)), st.decimals(allow_nan=False), st.timedeltas(),
    st.lists(st.integers(-5, 5), max_size=3), st.just(pd.NaT), st.just(pd.NA), st.complex_numbers(),
    st.sampled_from(["1", "13.0", "yes", "2025-01-01", "9" * 30, "1|2", "inf", "\ud800", "\0"]),
)  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_every_row_is_either_canonical_or_rejected(data: st.DataObject) -> None:
    assert_rows_are_canonical_or_rejected(data)


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_every_row_is_canonical_or_rejected_in_many_cases(data: st.DataObject) -> None:
    assert_rows_are_canonical_or_rejected(data)


def assert_rows_are_canonical_or_rejected(data: st.DataObject) -> None:
    table = data.draw(st.sampled_from([name for name in TABLES if not name.endswith("_factors")]))
    spec = TABLES[table]
    length = data.draw(st.integers(0, 4))
    columns = {
        c.name: pd.Series(data.draw(st.lists(ANYTHING, min_size=length, max_size=length)), dtype=object)
        for c in spec.columns
    }
    result = normalise(table, pd.DataFrame(columns))
    assert length == len(result.frame) + result.merged + len(result.rejected)
    assert {n: str(d) for n, d in result.frame.dtypes.items()} == {c.name: c.type.dtype for c in spec.columns}
    pd.testing.assert_frame_equal(check(table, result.frame), result.frame)
    for _, _, value, why in result.rejected.itertuples(index=False):
        value.encode()
        assert why


def test_years_beyond_9999_are_rejected() -> None:
    times = np.array(["300000-01-01", "2025-01-01"], dtype="datetime64[s]")
    result = normalise("jobs", jobs(posted_at=times))
    assert result.rejected["row"].tolist() == [0]
    assert result.frame["posted_at"].tolist() == [pd.Timestamp("2025-01-01", tz="UTC")]


def test_rejected_text_ids_are_shown_as_in_the_source() -> None:
    found = normalise("jobs", pd.DataFrame({"job_id": ["V-3", "V-4", "V-3"]}))
    found = found.reject(np.array([False, True]), "job_id", "is too old")
    assert found.rejected["value"].tolist() == ["V-3", "V-4"]


@pytest.mark.parametrize("column", ["title", "company_id", "prefecture_code", "salary_type"])
@pytest.mark.parametrize("value", [["13"], {"a": 1}, np.array([1, 2]), ("a",)], ids=lambda value: type(value).__name__)
def test_list_in_a_column_of_texts_is_rejected(column: str, value: Any) -> None:
    """It would otherwise be stored as the text of the list."""
    frame = pd.DataFrame({"job_id": [1, 2], column: pd.Series([value, "13"], dtype=object)})
    found = normalise("jobs", frame)
    assert found.rejected["column"].tolist() == [column]
    assert len(found.frame) == 1
