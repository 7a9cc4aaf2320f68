"""Ids of users and jobs, to which other tables refer."""

from __future__ import annotations

import pandas as pd
import pytest

from scoring.columns import text_id_hash
from scoring.columns.text_id_hash import number_texts
from scoring.validation.referenced_ids import OwnerIds

A1 = number_texts(["A-1"])["A-1"]


def owner(ids: list[int | None], texts: list[str | None], *, internal: bool = False) -> OwnerIds:
    return OwnerIds(pd.Series(ids, dtype="Int64"), pd.Series(texts, dtype="str"), numbers_are_internal=internal)


def texts(*values: str | None) -> pd.Series:
    return pd.Series(values, dtype="str")


def test_stored_external_id_decides_the_number() -> None:
    stored = owner([7, 8], ["A-1", None])
    assert stored.number(texts("A-1", None), owner([], [])).tolist() == [7, pd.NA]
    assert owner([], []).number(texts("A-1"), stored).tolist() == [7]
    assert owner([], []).number(texts("A-1"), owner([], [])).tolist() == [A1]


def test_new_text_does_not_get_the_number_of_another_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_id_hash, "hash_text", lambda text: 5)
    stored = owner([text_id_hash.LAST - 5], ["A-1"])
    assert stored.number(texts("B-1", "A-1"), owner([], [])).tolist() == [
        text_id_hash.LAST - 6,
        text_id_hash.LAST - 5,
    ]


def test_references_are_compared_in_normal_form() -> None:
    assert owner([7], ["Ａ-1 "]).find(texts("A-1", "a-1")).tolist() == [7, pd.NA]


def test_ambiguous_external_id_finds_no_row() -> None:
    stored = owner([7, 8, 9, 9], ["A-1", "Ａ-1", "B-1", "B-1"])
    assert stored.ambiguous == {"A-1"}
    assert stored.find(texts("A-1", "B-1")).tolist() == [pd.NA, 9]


@pytest.mark.parametrize(
    ("number", "given", "expected"),
    [(7, None, True), (7, "A-1", False), (7, "Ａ-1", False), (7, "B-1", True), (8, None, False), (9, None, False),
     (A1, None, False)],
)  # fmt: skip
def test_number_of_a_row_with_another_external_id(number: int, given: str | None, expected: bool) -> None:
    """Row 9 has its own number as the external id; the row with the number of A-1 is not internal."""
    stored = owner([7, 9, A1], ["A-1", "9", "A-1"], internal=True)
    mask = stored.mask_internal(pd.Series([number], dtype="Int64"), texts(given))
    assert mask.tolist() == [expected]
    assert not owner([7], ["A-1"]).mask_internal(pd.Series([7], dtype="Int64")).any()
