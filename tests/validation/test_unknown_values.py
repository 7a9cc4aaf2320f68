"""Values that no reference table knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

import scoring
from scoring.synthetic import make_market
from scoring.validation.unknown_values import UnknownValues, find_unknown_values, format_most_frequent

JOBS = {
    "job_id": [1, 2, 3, 4, 5, 6],
    "salary_type": ["時給", "hourly", "時給", "per hour", None, "Monthly"],
    "prefecture_code": ["13", "JP-13", "東京都", "東京都", None, "27"],
    "occupation_code": [1202, 1508, 7, 7, None, 1202],
}
USERS = {
    "user_id": [1, 2, 3],
    "prefecture_code": ["13", "Tokyo", None],
    "preferred_occupations": [[1202, 9], [9, 8], []],
}


@pytest.fixture(scope="module")
def dataset() -> scoring.Dataset:
    return scoring.Dataset.from_frames(pd.DataFrame(JOBS), pd.DataFrame(USERS))


def find(table: str, column: str, unknown: tuple[UnknownValues, ...]) -> tuple[int, Mapping[str, int]]:
    (values,) = (values for values in unknown if (values.table, values.column) == (table, column))
    return values.count, values.most_frequent


def test_unknown_values_are_counted_by_column(dataset: scoring.Dataset) -> None:
    unknown = dataset.ledger.unknown
    assert find("jobs", "salary_type", unknown) == (3, {"時給": 2, "per hour": 1})
    assert find("jobs", "prefecture_code", unknown) == (3, {"東京都": 2, "JP-13": 1})
    assert find("jobs", "occupation_code", unknown) == (2, {"7": 2})
    assert find("users", "prefecture_code", unknown) == (1, {"Tokyo": 1})
    assert find("users", "preferred_occupations", unknown) == (3, {"9": 2, "8": 1})
    assert len(unknown) == 5


def test_three_most_frequent_values_are_named() -> None:
    codes = [code for code, count in (("A", 1), ("B", 5), ("C", 2), ("D", 2), ("E", 2)) for _ in range(count)]
    frames = {
        "users": pd.DataFrame({"prefecture_code": pd.Series(codes, dtype="str"), "preferred_occupations": [[]] * 12})
    }
    references = {"prefectures": pd.DataFrame({"prefecture_code": pd.Series(["13"], dtype="str")})}
    (values,) = find_unknown_values(frames, references)
    assert (values.count, values.most_frequent) == (12, {"B": 5, "C": 2, "D": 2})


def test_empty_reference_table_is_not_compared_with() -> None:
    none = pd.DataFrame({"occupation_code": pd.Series([], dtype="int64"), "name": pd.Series([], dtype="str")})
    data = scoring.Dataset.from_frames(pd.DataFrame(JOBS), pd.DataFrame(USERS), occupations=none)
    assert {(values.table, values.column) for values in data.ledger.unknown} == {
        ("jobs", "salary_type"), ("jobs", "prefecture_code"), ("users", "prefecture_code"),
    }  # fmt: skip


def test_generated_market_has_no_unknown_values() -> None:
    tables = dict(make_market(30, 200, 100, seed=0).tables.items())
    assert len(tables["jobs"]) == 200
    assert find_unknown_values(tables) == ()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"時給": 1}, "salary_type '時給' is not hourly"),
        ({"時給": 200}, "salary_type: 200 values '時給' are not hourly"),
        ({"時給": 190, "日給": 10}, "salary_type: 200 values are not hourly; most often '時給' (190), '日給' (10)"),
    ],
)
def test_sentence_names_the_values(values: dict[str, int], sentence: str) -> None:
    unknown = UnknownValues("jobs", "salary_type", sum(values.values()), values, "hourly")
    assert str(unknown) == f"jobs.{sentence}"


def test_most_frequent_values_are_printed_first() -> None:
    assert format_most_frequent({"b": 1, "a": 2, "c": 3, "d": 1}) == "'c' (3), 'a' (2), 'b' (1)"
    assert format_most_frequent({"": 1, "\x1b[31m": 2000}) == "' [31m' (2,000), no value (1)"


def test_ledger_and_frame_contain_unknown_values(dataset: scoring.Dataset) -> None:
    lines: list[Any] = [line for line in dataset.ledger.lines() if line.startswith("users.")]
    assert [line.split(":")[0].split(" ")[0] for line in lines] == [
        "users.prefecture_code",
        "users.preferred_occupations",
    ]
    frame = dataset.ledger.frame()
    assert frame.loc[frame["what"] == "unknown value", "rows"].tolist() == [3, 3, 2, 1, 3]


def test_explanation_names_the_unknown_values_of_the_pair(dataset: scoring.Dataset) -> None:
    ready = scoring.Prepared.of(dataset, scoring.load_model("standard"))
    assert [text.split(" ")[:2] for text in ready.explain(2, 3).unknown_values] == [
        ["jobs.salary_type", "'時給'"],
        ["jobs.prefecture_code", "'東京都'"],
        ["jobs.occupation_code", "'7'"],
        ["users.prefecture_code", "'Tokyo'"],
        ["users.preferred_occupations:", "2"],
    ]
    assert ready.explain(3, 5).unknown_values == ()
