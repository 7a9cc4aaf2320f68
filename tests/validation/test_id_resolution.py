"""Ids of each table: text ids get numbers, and invalid ids are rejected."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from scoring.columns import text_id_hash
from scoring.columns.text_id_hash import LAST, number_texts
from scoring.dataset import Dataset
from scoring.validation.referenced_ids import AMBIGUOUS, INTERNAL, RESERVED, UNKNOWN, OwnerIds
from scoring.validation.table_validator import NormalisedTable, normalise


def jobs(ids: list[Any], external: list[str | None] | None = None, stored: OwnerIds | None = None) -> NormalisedTable:
    columns = {"job_id": pd.Series(ids, dtype=object)} | ({} if external is None else {"external_id": external})
    return normalise("jobs", pd.DataFrame(columns), owners={} if stored is None else {"jobs": stored})


def owner(ids: list[int], texts: list[str | None], *, internal: bool = False) -> OwnerIds:
    return OwnerIds(pd.Series(ids, dtype="Int64"), pd.Series(texts, dtype="str"), numbers_are_internal=internal)


def reasons(table: NormalisedTable) -> list[tuple[str, str]]:
    return list(zip(table.rejections["value"], table.rejections["reason"], strict=True))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("A-1", "A-1"), (" Ａ-1", "A-1"), ("00012345", "00012345"), ("1.23457E+12", "1.23457E+12"), ("1.5", "1.5"),
        ("+1", None), ("-0", None), ("１３", None), ("13.0", None), ("13.00", None), (13, None), (13.0, None),
        ("9223372036854775807", None), ("9223372036854775808", "9223372036854775808"), ("0x1F", "0x1F"),
        ("1_000", "1_000"), ("1,000", "1,000"),
    ],
)  # fmt: skip
def test_text_differs_from_its_number(value: Any, text: str | None) -> None:
    """The text of an integer is not kept."""
    found = jobs([value]).frame.iloc[0]
    assert found["external_id"] == text if text else pd.isna(found["external_id"])
    assert text is None or found["job_id"] == number_texts([text])[text]


@pytest.mark.parametrize(
    "word", ["NULL", "none", "#N/A", "#REF!", "NaN", "-", "\\N", "Job_ID", "ｊｏｂ＿ｉｄ", " ", None]
)
def test_word_for_missing_or_header_is_rejected(word: str | None) -> None:
    found = jobs(["1", word])
    assert (len(found.frame), found.n_rejected) == (1, 1)


def test_name_in_the_source_is_a_header_line() -> None:
    frame = pd.DataFrame({"job_id": ["1", "求人番号", "REF"]})
    found = normalise("jobs", frame, headers={"job_id": ["求人番号", "ref"]})
    assert found.n_rejected == 2


def test_integer_in_the_reserved_range_needs_an_external_id() -> None:
    assert reasons(jobs([LAST])) == [(str(LAST), RESERVED)]
    assert jobs([LAST], ["A-1"]).n_rejected == 0
    assert jobs([LAST], None, owner([LAST], ["A-1"])).n_rejected == 0


def test_colliding_text_ids_of_a_table_are_different_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_id_hash, "hash_text", lambda text: 0)
    found = jobs(["B", "A", "A "])
    assert found.frame["job_id"].tolist() == [LAST - 1, LAST]
    assert reasons(found) == [("A ", "is a duplicate of an earlier row")]
    actions = pd.DataFrame({"user_id": [1, 1], "job_id": ["A", "B"], "action": "view", "occurred_at": "2025-01-01"})
    assert normalise("actions", actions, owners={"jobs": found.owner_ids}).frame["job_id"].tolist() == [LAST, LAST - 1]


def test_actions_refer_to_jobs_by_text() -> None:
    ids = ["A-1", "A-2", "A-3", 7, 8]
    actions = pd.DataFrame({"user_id": 1, "job_id": ids, "action": "view", "occurred_at": "2025-01-01"})
    stored = owner([7, 8, 9, 10], ["A-1", None, "A-2", "A-2"], internal=True)
    found = normalise("actions", actions, owners={"jobs": stored})
    assert found.frame["job_id"].tolist() == [7, 8]
    assert reasons(found) == [("A-2", AMBIGUOUS), ("A-3", UNKNOWN + "jobs"), ("7", INTERNAL)]


@pytest.mark.parametrize(
    ("ids", "external", "notes"),
    [
        ([1, 2, "A-1"], None, {"job_id: text id among 2 integers: 'A-1'": 1}),
        (["A-1", "A-2", 1], None, {"job_id: integer among 2 text ids: '1'": 1}),
        ([1, 2], None, {}),
        (["A-1", "A-2"], None, {}),
        (["A-1"], ["a-1"], {"external_id: the text id in job_id replaced another text: 'a-1'": 1}),
        (
            ["1.5E+12"],
            None,
            {"job_id: text id in scientific notation, which may have lost digits: '1.5E+12'": 1},
        ),
    ],
)
def test_notes_describe_text_ids(ids: list[Any], external: list[str | None] | None, notes: dict[str, int]) -> None:
    assert dict(jobs(ids, external).notes) == notes


def test_message_has_the_text_of_the_source_and_not_its_number() -> None:
    users = pd.DataFrame({"USER_ID": ["U-1", "U-2", "U-1"], "fee": 1, "preferred_salary_min": [1, "x", 1]})
    jobs_frame = pd.DataFrame({"job_id": ["J-1"]})
    actions = pd.DataFrame({"user_id": ["U-2"], "job_id": "J-1", "action": "view", "occurred_at": "2025-01-01"})
    ledger = Dataset.from_frames(jobs_frame, users, actions, on_bad="quarantine").ledger
    assert ledger.rejections["value"].tolist() == ["x", "U-1", "U-2"]
