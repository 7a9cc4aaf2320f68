"""Bytes that values hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.caching.sizes import PIECE_BYTES, Holdings, bytes_of, footprint

MEGABYTE = np.zeros(10**6, np.uint8)


@dataclass
class Holder:
    values: object


class Slotted:
    __slots__ = ("values",)

    def __init__(self, values: object) -> None:
        self.values = values


@pytest.mark.parametrize(
    "value",
    [
        MEGABYTE,
        MEGABYTE[:10],  # a view keeps the whole alive
        [MEGABYTE, MEGABYTE],  # the same twice
        {"a": MEGABYTE, "b": MEGABYTE[5:]},
        Holder((MEGABYTE, Holder(MEGABYTE))),
        Slotted(MEGABYTE),
        pd.DataFrame({"a": MEGABYTE.copy()}),
        b"x" * 10**6,
    ],
)
def test_a_megabyte_is_a_megabyte(value: object) -> None:
    assert 10**6 <= bytes_of(value) < 1.01 * 10**6


def test_different_arrays_add_up() -> None:
    assert bytes_of([MEGABYTE, MEGABYTE.copy()]) >= 2 * 10**6


def test_a_circle_ends() -> None:
    circle: list[object] = [MEGABYTE]
    circle.append(circle)
    assert bytes_of(circle) < 1.01 * 10**6
    assert bytes_of(None) == 0


def test_a_frame_holds_its_columns_however_often_it_is_looked_at() -> None:
    """Numbers, times, texts, lists and what may be missing: each piece has one address, in a frame and outside it."""
    n = 20_000
    frame = pd.DataFrame(
        {
            "number": np.arange(n),
            "time": pd.date_range("2025-01-01", periods=n, freq="min", tz="UTC"),
            "text": pd.Series([f"text {place}" for place in range(n)], dtype="str"),
            "lists": pd.Series([[place] for place in range(n)], dtype=object),
            "maybe": pd.array(np.arange(n), dtype="Int64"),
        }
    )
    whole = footprint(frame)
    assert frame.memory_usage(deep=True).sum() == pytest.approx(whole.bytes, rel=0.05)
    assert footprint(frame).pieces == whole.pieces
    together = Holdings()
    for value in (frame, frame, [frame], frame["number"].to_numpy(), frame["text"].array, {"lists": frame["lists"]}):
        together.add(footprint(value))
    assert together.bytes == pytest.approx(whole.bytes, rel=0.01)


@given(st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 5)), st.integers(0, 3)), max_size=30))
def test_what_is_held_together_is_the_sum_over_different_arrays(steps: list[tuple[bool, set[int], int]]) -> None:
    arrays = [np.zeros(PIECE_BYTES + 1000 * n, np.uint8) for n in range(6)]
    together, held = Holdings(), []
    for add, which, place in steps:
        if add:
            value = footprint([arrays[n] for n in which])
            before = together.bytes
            expected = together.added_by(value)
            together.add(value)
            held.append((which, value))
            assert together.bytes == before + expected
        elif place < len(held):
            together.remove(held.pop(place)[1])
        different = set().union(*(which for which, _ in held))
        assert together.bytes == sum(arrays[n].nbytes for n in different) + sum(value.own for _, value in held)
        assert together.bytes == together.footprint.bytes
