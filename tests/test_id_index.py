"""`IdIndex` finds the rows that a dictionary finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import id_index
from scoring.id_index import IdIndex

NEAR = st.integers(0, 40)
ANY = st.integers(-(2**63), 2**63 - 1)
INT64 = np.iinfo(np.int64)


@pytest.mark.parametrize("numbers", [NEAR, ANY], ids=["near", "any"])
def test_rows_equal_those_of_a_dictionary(numbers: st.SearchStrategy[int]) -> None:
    @given(st.lists(numbers, unique=True, max_size=30), st.lists(numbers, max_size=60))
    def check(ids: list[int], wanted: list[int]) -> None:
        row_of = {id_: row for row, id_ in enumerate(ids)}
        wanted = wanted + ids
        rows, present = IdIndex(np.array(ids, dtype=np.int64)).find(np.array(wanted, dtype=np.int64))
        assert rows.tolist() == [row_of.get(id_, -1) for id_ in wanted]
        assert present.tolist() == [id_ in row_of for id_ in wanted]

    check()


def test_duplicate_id_gives_one_of_its_rows() -> None:
    rows, present = IdIndex(np.array([5, 3, 5])).find(np.array([5, 3, 4]))
    assert rows[0] in (0, 2)
    assert rows[1:].tolist() == [1, -1]
    assert present.tolist() == [True, True, False]


@pytest.mark.parametrize("known", [[], [5], [-3, -1, 0, 7], [INT64.min, 0, INT64.max], [INT64.max - 1, INT64.max]])
def test_extreme_ids_are_found(known: list[int]) -> None:
    wanted = [*known, INT64.min, -2, 1, INT64.max]
    rows, _ = IdIndex(np.array(known, dtype=np.int64)).find(np.array(wanted, dtype=np.int64))
    assert rows.tolist() == [known.index(id_) if id_ in known else -1 for id_ in wanted]


@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize("span", [1, 1_000_000])
def test_slices_of_ids_are_found_as_one(monkeypatch: pytest.MonkeyPatch, shuffled: bool, span: int) -> None:
    random = np.random.default_rng(span)
    known = np.arange(-50, 50) * span
    known = random.permutation(known) if shuffled else known
    asked = random.choice(np.concatenate([known, known + span, [7 * span]]), 1_000)
    rows, present = IdIndex(known).find(asked)
    monkeypatch.setattr(id_index, "IDS_PER_SLICE", 3)
    cut_rows, cut_present = IdIndex(known).find(asked)
    assert cut_rows.tolist() == rows.tolist()
    assert cut_present.tolist() == present.tolist()
    places = {number: row for row, number in enumerate(known.tolist())}
    assert rows.tolist() == [places.get(number, -1) for number in asked.tolist()]
