"""The fast ways of encoding give the same results as the simple ones."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.columns import ACTION_KINDS
from scoring.columns.series_functions import digest_texts
from scoring.dataset import arrays
from scoring.dataset.arrays import ActionArrays, _encode_kinds, _order_actions, cut_by_user
from scoring.threads import pool

INT64 = np.iinfo(np.int64)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from([INT64.min + 1, -1, 0, 1, 2, 2**52, INT64.max - 1]) | st.integers(0, 4),
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        max_size=60,
    )
)
def test_actions_are_ordered_as_by_lexsort(rows: list[tuple[int, int, int, int]]) -> None:
    user, at, job, kind = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    user, job, kind = user.astype(np.int32), job.astype(np.int32), kind.astype(np.int8)
    expected = np.lexsort((kind, job, at, user)).tolist()
    assert _order_actions(user, at, job, kind).tolist() == expected


@pytest.mark.parametrize("is_by_user", [True, False])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 1_000])
def test_actions_in_slices_equal_those_in_one(monkeypatch: pytest.MonkeyPatch, is_by_user: bool, n: int) -> None:
    random = np.random.default_rng(n)
    user = random.integers(0, 7, n).astype(np.int32)
    user = np.sort(user) if is_by_user else user
    job, at = random.integers(0, 3, n).astype(np.int32), random.integers(0, 9, n)
    frame = pd.DataFrame(
        {
            "action": pd.Series(np.array(ACTION_KINDS)[random.integers(0, 3, n)], dtype="str"),
            "occurred_at": pd.Series(at.view("datetime64[us]")).dt.tz_localize("UTC"),
            "place": np.arange(n),
        }
    )
    whole = ActionArrays.encode(frame, user, job, 7, ("place",))
    assert whole.own is not None
    assert len(whole) == len({*zip(user.tolist(), job.tolist(), frame["action"], at.tolist(), strict=True)}) - (
        len({*zip(user[at > 7].tolist(), job[at > 7].tolist(), frame["action"][at > 7], at[at > 7], strict=True)})
    )
    monkeypatch.setattr(arrays, "ACTIONS_PER_SLICE", 3)
    assert (len(cut_by_user(user)) > 1) == (is_by_user and n > 9)
    monkeypatch.setattr(pool, "MIN_ROWS_IN_THREADS", 1)
    for own in ((), ("place",)):
        cut = ActionArrays.encode(frame, user, job, 7, own)
        for field in ("user", "job", "kind", "at"):
            values, expected = getattr(cut, field), getattr(whole, field)
            assert values.dtype == expected.dtype
            assert values.tolist() == expected.tolist()
    pd.testing.assert_frame_equal(cut.own, whole.own)


def test_kinds_are_encoded_by_position() -> None:
    column = pd.Series([*ACTION_KINDS, "hide", None, "View"], dtype="str")
    assert _encode_kinds(column).tolist() == [0, 1, 2, -1, -1, -1]
    assert _encode_kinds(pd.concat([column, column])).tolist() == [0, 1, 2, -1, -1, -1] * 2


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["あ", None, "", "b\0c", "𠮷"], dtype="str"),
        pd.Series([None, None], dtype="str"),
        pd.Series([], dtype="str"),
        pd.Series([1, None, -5], dtype="Int64"),
        pd.Series([2**62, -1], dtype="int64"),
    ],
)
def test_digest_of_texts_does_not_depend_on_storage(column: pd.Series) -> None:
    plain = hashlib.blake2b()
    values = column.astype("str")
    texts = values.fillna("").tolist()
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    plain.update(b"name" + lengths.tobytes() + values.isna().to_numpy().tobytes() + "".join(texts).encode())
    # independent of how the column was built: a slice of a longer one, or a concatenation
    longer = pd.concat([column, column.iloc[:1], column])
    for same in (column, longer.iloc[: len(column)], longer.iloc[len(longer) - len(column) :]):
        quick = hashlib.blake2b()
        digest_texts(quick, "name", same)
        assert quick.digest() == plain.digest()
