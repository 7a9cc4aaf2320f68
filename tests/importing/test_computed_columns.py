"""Target columns of a mapping: each key for texts, numbers, booleans and lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.importing.computed_columns import ComputedColumns, compute_columns
from scoring.importing.mapping_file import parse_table_mapping
from tests.support.errors import raises_data

CODES = {"occupations": {"cook": 1, "waiter": 2, "bar|night": 3}, "prefectures": {"tokyo": "13", "東京都": "13"}}


def compute(table: str, columns: dict[str, Any], frame: pd.DataFrame, **keys: Any) -> ComputedColumns:
    return compute_columns(table, frame, parse_table_mapping(table, {"columns": columns, **keys}), CODES.__getitem__)


def compute_values(target: str, column: dict[str, Any], cells: Any, table: str = "jobs", dtype: Any = object) -> list:
    """Return the values of one target column; NaN as None."""
    frame = pd.DataFrame({"x": pd.Series(cells, dtype=dtype)})
    values = compute(table, {target: {"from": "x", **column}}, frame).frame[target]
    return [None if not isinstance(v, list) and pd.isna(v) else v for v in values]


@pytest.mark.parametrize(
    ("words", "cells", "expected"),
    [
        ({"1": "hourly"}, ["1", 1, 1.0, np.int8(1), "1.0", "１", " 1\u3000"], ["hourly"] * 7),
        ({1: "hourly"}, ["1", 1, 1.0], ["hourly"] * 3),
        ({"1.0": "hourly"}, ["1", 1, 1.0], ["hourly"] * 3),
        ({"true": "hourly"}, [True, "true", "TRUE", np.bool_(True)], ["hourly"] * 4),
        ({True: "hourly", False: "daily"}, [True, "true", False, "False"], ["hourly", "hourly", "daily", "daily"]),
        ({"yes": "hourly", "no": "daily"}, ["yes", True, "no", False], ["hourly", "hourly", "daily", "daily"]),
        ({"1": "hourly", "0": "daily"}, [True, 1, False, 0], ["hourly", "hourly", "daily", "daily"]),
        ({"時給": "hourly"}, ["時給", "時給 ", "時給\u3000", "\u200b時給", "時給\ufeff"], ["hourly"] * 5),
        ({"H": "hourly"}, ["Ｈ", "H", "h"], ["hourly", "hourly", "h"]),
        ({None: "hourly"}, [None, "", " ", np.nan, "x"], ["hourly"] * 4 + ["x"]),
        ({"x": None}, ["x", "y"], [None, "y"]),
    ],
)
def test_values_are_compared_in_normal_form(words: dict[Any, Any], cells: list[Any], expected: list[Any]) -> None:
    assert compute_values("salary_type", {"values": words}, cells) == expected


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [([1, 2], "int64"), ([1.0, 2.0], "float64"), ([1, 2], "Int8"), (["1", "2"], "str"), (["1", "2"], "category")],
)
def test_values_match_cells_of_every_dtype(cells: list[Any], dtype: str) -> None:
    words = {"1": "hourly", "2": "daily"}
    assert compute_values("salary_type", {"values": words}, cells, dtype=dtype) == ["hourly", "daily"]
    assert compute_values("salary_type", {"values": {"true": "hourly"}}, [True, None], dtype="boolean") == [
        "hourly",
        None,
    ]


def test_unlisted_values_are_counted() -> None:
    frame = pd.DataFrame({"x": ["H", "weekly", "weekly", "shift", "hourly", None]})
    column = {"from": "x", "values": {"H": "hourly"}}
    kept = compute("jobs", {"salary_type": column}, frame)
    assert kept.notes == {"salary_type is not in `values`; most often 'weekly' (2), 'shift' (1)": 3}
    assert kept.frame["salary_type"].tolist()[:5] == ["hourly", "weekly", "weekly", "shift", "hourly"]
    cleared = compute("jobs", {"salary_type": {**column, "else": "missing"}}, frame)
    assert sum(cleared.cleared.values()) == 3
    assert cleared.frame["salary_type"].isna().tolist() == [False, True, True, True, False, True]
    refused = compute("jobs", {"salary_type": {**column, "else": "refuse"}}, frame)
    assert np.flatnonzero(refused.rejections.rejected).tolist() == [1, 2, 3]
    assert not refused.cleared
    assert not refused.notes


def test_names_without_a_code_are_counted_with_the_most_frequent() -> None:
    frame = pd.DataFrame({"x": ["Tokyo", "ＴＯＫＹＯ ", "東京都\u3000", "Tokio", "Tokio", "Osaka", None, ""]})
    result = compute("jobs", {"prefecture_code": {"from": "x", "lookup": "prefectures"}}, frame)
    assert result.frame["prefecture_code"].tolist()[:3] == ["13"] * 3
    assert result.cleared == {"prefecture_code does not exist in prefectures; most often 'Tokio' (2), 'Osaka' (1)": 3}
    assert result.frame["prefecture_code"].isna().sum() == 5
    kept = compute("jobs", {"prefecture_code": {"from": "x", "lookup": "prefectures", "else": "keep"}}, frame)
    assert kept.frame["prefecture_code"].tolist()[3:6] == ["Tokio", "Tokio", "Osaka"]
    assert sum(kept.notes.values()) == 3


LISTS = [np.array(["Cook", "Waiter "], dtype=object), ["Pilot", None], (), None, "Cook"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ({"lookup": "occupations"}, [[1, 2], [], [], None, [1]]),
        ({"values": {"Waiter": 5, "Cook": 4}}, [[4, 5], ["Pilot"], [], None, 4]),
        ({"values": {"Pilot": None, "Waiter": None}}, [["Cook"], [], [], None, "Cook"]),
        ({"cut": "C|er|(?i:lot)"}, [["ook", "Wait"], ["Pi"], [], None, "ook"]),
        ({"cut": ["oo.*"], "values": {"C": 1}, "else": "missing"}, [[1], [], [], None, 1]),
        ({"split": "i"}, [["Cook", "Wa", "ter"], ["P", "lot"], [], None, ["Cook"]]),
    ],
)
def test_keys_apply_to_list_elements(column: dict[str, Any], expected: list[Any]) -> None:
    assert compute_values("preferred_occupations", column, LISTS, "users") == expected


def test_replacement_of_an_element_may_be_a_list() -> None:
    words = {"values": {"both": [1, 2]}}
    assert compute_values("preferred_occupations", words, [["both", 3], "both"], "users") == [[1, 2, 3], [1, 2]]


@pytest.mark.parametrize(
    ("target", "column", "expected"),
    [
        ("salary_type", {"values": {"$5": "hourly"}}, "hourly"),
        ("min_salary", {"number": True}, 5),
        ("posted_at", {"format": "$%y", "else": "missing"}, None),
        ("title", {}, "$5"),
    ],
)
def test_list_of_one_value_is_the_value(target: str, column: dict[str, Any], expected: Any) -> None:
    frame = pd.DataFrame({"x": [np.array(["$5", None], dtype=object), [], ["$5", "$6"], None]})
    result = compute("jobs", {target: {"from": "x", **column}}, frame)
    found = result.frame[target].astype(object)
    assert [None if pd.isna(value) else value for value in found] == [expected, None, None, None]
    assert np.flatnonzero(result.rejections.rejected).tolist() == [2]


@pytest.mark.parametrize("cells", [[[1, 2], [3.0]], [np.array([1, 2]), np.array([3])]])
def test_numeric_list_elements_match(cells: list[Any]) -> None:
    words = {"values": {"1": 10, "3": 30}}
    assert compute_values("preferred_occupations", words, cells, "users") == [[10, 2], [30]]


@pytest.mark.parametrize(
    ("separators", "text", "expected"),
    [
        (" ", "Animation Children's Comedy", ["Animation", "Children's", "Comedy"]),
        (",", "a, b ,,c", ["a", "b", "c"]),
        ([",", "、", "/"], "a、b/c,d", ["a", "b", "c", "d"]),
        ("|", "a|b", ["a", "b"]),
        (", ", "a,b, c", ["a,b", "c"]),
    ],
)
def test_split_separates_a_text(separators: Any, text: str, expected: list[str]) -> None:
    values = compute_values("preferred_occupations", {"split": separators}, [text, None, " "], "users")
    assert values == [expected, None, None]


def test_constants_pass_the_same_keys() -> None:
    frame = pd.DataFrame({"job_id": [1, 2]})
    columns = {
        "posted_at": {"value": "30.06.2025", "format": "%d.%m.%Y", "zone": "Asia/Tokyo"},
        "min_salary": {"value": "$52k", "number": True, "per": "year"},
        "prefecture_code": {"value": "Tokyo", "lookup": "prefectures"},
        "title": {"value": "Ａ ", "normalise": True},
        "salary_type": None,
    }
    del columns["salary_type"]
    result = compute("jobs", columns, frame).frame
    assert result["posted_at"].tolist() == [pd.Timestamp("2025-06-29T15:00Z")] * 2
    assert result["min_salary"].tolist() == [52_000 / 1920] * 2
    assert result["salary_type"].tolist() == ["hourly"] * 2
    assert result["prefecture_code"].tolist() == ["13"] * 2
    assert result["title"].tolist() == ["A"] * 2
    wishes = compute("users", {"preferred_occupations": {"value": ["Cook", "Waiter"], "lookup": "occupations"}}, frame)
    assert wishes.frame["preferred_occupations"].tolist() == [[1, 2]] * 2


def test_joined_columns_pass_the_same_keys() -> None:
    frame = pd.DataFrame({"d": ["2025-06-30", None], "t": ["09:05", " "], "n": [1.0, np.nan]})
    columns = {
        "posted_at": {"join": ["d", "t"], "format": "%Y-%m-%d %H:%M", "zone": "Asia/Tokyo"},
        "address": {"join": ["n", "t"], "with": "-"},
    }
    result = compute("jobs", columns, frame).frame
    assert result["posted_at"][0] == pd.Timestamp("2025-06-30T00:05Z")
    assert result["posted_at"].isna()[1]
    assert result["address"].tolist() == ["1-09:05", None]


def test_first_true_column_is_named() -> None:
    frame = pd.DataFrame(
        {"bar": [0, 1, 1, None], "Cook": ["yes", "no", "1", ""], "kitchen": [False, False, True, None]}
    )
    column = {"first_true": ["kitchen", "Cook", "bar"]}
    result = compute("jobs", {"title": column, "occupation_code": {**column, "lookup": "occupations"}}, frame)
    assert result.frame["title"].tolist() == ["Cook", "bar", "kitchen", None]
    assert result.frame["occupation_code"].tolist()[0] == 1
    assert sum(result.cleared.values()) == 2
    assert result.ignored == ()
    invalid = compute("jobs", {"title": column}, frame.assign(bar=["x", 1, 2, 0]))
    assert np.flatnonzero(invalid.rejections.rejected).tolist() == [0, 2]


def test_invalid_times_reject_their_rows_or_become_missing() -> None:
    frame = pd.DataFrame({"x": ["30.06.2025", "2025-06-30", None]})
    column = {"from": "x", "format": "%d.%m.%Y"}
    refused = compute("jobs", {"posted_at": column}, frame)
    assert np.flatnonzero(refused.rejections.rejected).tolist() == [1]
    assert not refused.cleared
    cleared = compute("jobs", {"posted_at": {**column, "else": "missing"}}, frame)
    assert not cleared.rejections.rejected.any()
    assert cleared.cleared == {"posted_at is not a time in the format %d.%m.%Y; most often '2025-06-30' (1)": 1}
    # a required column cannot be missing
    required = compute("actions", {"occurred_at": {**column, "else": "missing"}}, frame)
    assert np.flatnonzero(required.rejections.rejected).tolist() == [1]


def test_texts_without_an_amount_are_missing_or_rejected() -> None:
    frame = pd.DataFrame({"x": ["$31.20/hr", "DOE", "DOE", None, "20 or 30", 5, True, "nan"]})
    cleared = compute("jobs", {"min_salary": {"from": "x", "number": True}}, frame)
    assert cleared.frame["min_salary"].fillna(-1).tolist() == [31.2, -1, -1, -1, -1, 5, -1, -1]
    assert sorted(cleared.cleared.values()) == [1, 1, 2]
    assert "min_salary does not contain a number; most often 'DOE' (2)" in cleared.cleared
    refused = compute("jobs", {"min_salary": {"from": "x", "number": True, "else": "refuse"}}, frame)
    assert np.flatnonzero(refused.rejections.rejected).tolist() == [1, 2, 4, 6]


def test_range_of_max_salary_is_high_by_default() -> None:
    frame = pd.DataFrame({"x": ["時給1,200円～1,500円"]})
    columns: dict[str, Any] = {name: {"from": "x", "number": True} for name in ("min_salary", "max_salary", "fee")}
    columns["fee"] = {"from": "x", "number": {"range": "mean"}}
    assert compute("jobs", columns, frame).frame.iloc[0].tolist() == [1200, 1500, 1350]


PAY = pd.DataFrame(
    {
        "pay": ["$20/hr", "$160 per day", "$1,000 weekly", "月給32万円", "52k/yr", "$15", "DOE", None],
        "low": [20, 160, 1000, 320_000, 52_000, 15, None, 100],
        "high": [25, None, 1200, 400_000, 60_000, 15, 30, None],
        "unit": ["Hourly", "DAY", "週給", "per month", "YEARLY", "shift", "hourly", None],
    }
)


def rows(frame: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    """Return the rows of a frame; missing values as None."""
    objects = frame[list(names)].astype(object)
    return list(objects.where(objects.notna(), None).itertuples(index=False, name=None))


def test_unit_of_pay_from_the_text() -> None:
    column = {"from": "pay", "number": True, "per": "text"}
    result = compute("jobs", {"min_salary": column}, PAY)
    assert rows(result.frame, "min_salary", "salary_type") == [
        (20, "hourly"),
        (160, "daily"),
        (25, "hourly"),
        (320_000, "monthly"),
        (52_000 / 1920, "hourly"),
        (15, None),
        (None, None),
        (None, None),
    ]
    assert result.notes == {
        "min_salary has an unknown unit of pay; most often '$15' (1)": 1,
        "min_salary: amounts per week were divided by 40 hours": 1,
        "min_salary: amounts per year were divided by 1,920 hours": 1,
    }
    refused = compute("jobs", {"min_salary": {**column, "else": "refuse"}}, PAY)
    assert np.flatnonzero(refused.rejections.rejected).tolist() == [5, 6]
    default = compute("jobs", {"min_salary": {**column, "per": {"text": True, "unit": "hour"}}}, PAY)
    assert rows(default.frame, "min_salary", "salary_type")[5] == (15, "hourly")


def test_unit_of_pay_from_a_column_applies_to_both_amounts() -> None:
    per = {"from": "unit", "hours": {"shift": 6, "year": 2080}}
    result = compute("jobs", {"min_salary": {"from": "low", "per": per}, "max_salary": "high"}, PAY)
    assert rows(result.frame, "min_salary", "max_salary", "salary_type") == [
        (20, 25, "hourly"),
        (160, None, "daily"),
        (25, 30, "hourly"),
        (320_000, 400_000, "monthly"),
        (25, 60_000 / 2080, "hourly"),
        (2.5, 2.5, "hourly"),
        (None, 30, "hourly"),
        (100, None, None),
    ]
    assert result.notes["min_salary has an unknown unit of pay; most often no value (1)"] == 1


@pytest.mark.parametrize(
    ("per", "salary", "salary_type"),
    [
        ("hour", 320_000, "hourly"),
        ("day", 320_000, "daily"),
        ("month", 320_000, "monthly"),
        ("week", 8000, "hourly"),
        ("year", 320_000 / 1920, "hourly"),
        ({"unit": "month", "hours": {"month": 160}}, 320_000, "monthly"),
        ({"unit": "month", "hours": {"month": 200}}, 1600, "hourly"),
        ({"unit": "shift", "hours": {"shift": 5}}, 64_000, "hourly"),
    ],
)
def test_constant_unit_of_pay(per: Any, salary: float, salary_type: str) -> None:
    frame = pd.DataFrame({"x": ["320000"], "salary_type": ["ignored"]})
    result = compute("jobs", {"min_salary": {"from": "x", "per": per}}, frame)
    assert float(result.frame["min_salary"][0]) == salary
    assert result.frame["salary_type"].tolist() == [salary_type]


def test_amounts_of_one_row_with_several_units_become_hourly() -> None:
    frame = pd.DataFrame({"a": ["$20/hr", "320000 monthly"], "b": ["$52k/yr", "16000 per day"]})
    columns = {
        name: {"from": source, "number": True, "per": "text"}
        for name, source in (("min_salary", "a"), ("max_salary", "b"))
    }
    result = compute("jobs", columns, frame).frame
    assert rows(result, "min_salary", "max_salary", "salary_type") == [
        (20, 52_000 / 1920, "hourly"),
        (2000, 2000, "hourly"),
    ]


def test_amounts_of_merged_rows_become_hourly() -> None:
    frame = pd.DataFrame({"job_id": [1, 1], "x": ["$20/hr", "3200 monthly"]})
    column = {"from": "x", "number": True, "per": "text", "pick": "max"}
    result = compute("jobs", {"min_salary": column}, frame, one_row_per="job_id").frame
    assert rows(result, "min_salary", "salary_type") == [(20, "hourly"), (20, "hourly")]


def test_floor_of_users_becomes_hourly() -> None:
    frame = pd.DataFrame({"x": ["月給320,000円", "時給1,200円", "1,500"]})
    result = compute("users", {"preferred_salary_min": {"from": "x", "number": True, "per": "text"}}, frame)
    assert result.frame["preferred_salary_min"].fillna(-1).tolist() == [2000, 1200, -1]
    assert "salary_type" not in result.frame


def test_amounts_that_are_not_numbers_stay_for_the_validation() -> None:
    frame = pd.DataFrame({"x": ["much", "52000"]})
    result = compute("jobs", {"min_salary": {"from": "x", "per": "year"}}, frame).frame
    assert result["min_salary"].tolist() == ["much", 52_000 / 1920]


def test_missing_source_column_raises() -> None:
    with raises_data("missing column", table="jobs", column="pays"):
        compute("jobs", {"min_salary": {"from": "pays", "number": True}}, PAY)
    with raises_data("missing column", table="jobs", column="units"):
        compute("jobs", {"min_salary": {"from": "pay", "per": {"from": "units"}}}, PAY)
