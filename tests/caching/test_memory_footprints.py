"""Bytes that values occupy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from scoring.caching.memory_footprints import MIN_BUFFER_BYTES, TotalFootprint, measure_footprint
from tests.support.example_counts import try_examples

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
        MEGABYTE[:10],  # a view keeps the whole array alive
        [MEGABYTE, MEGABYTE],  # the same array twice
        {"a": MEGABYTE, "b": MEGABYTE[5:]},
        Holder((MEGABYTE, Holder(MEGABYTE))),
        Slotted(MEGABYTE),
        pd.DataFrame({"a": MEGABYTE.copy()}),
        b"x" * 10**6,
    ],
)
def test_array_has_the_footprint_of_its_bytes(value: object) -> None:
    assert 10**6 <= measure_footprint(value).bytes < 1.01 * 10**6


def test_footprints_of_different_arrays_add_up() -> None:
    assert measure_footprint([MEGABYTE, MEGABYTE.copy()]).bytes >= 2 * 10**6


def test_circular_references_end() -> None:
    circle: list[object] = [MEGABYTE]
    circle.append(circle)
    assert measure_footprint(circle).bytes < 1.01 * 10**6
    assert measure_footprint(None).bytes == 0


def test_footprint_of_a_frame_is_stable() -> None:
    """Numbers, times, texts, lists and missing values: each buffer has one address, inside and outside a frame."""
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
    whole = measure_footprint(frame)
    assert frame.memory_usage(deep=True).sum() == pytest.approx(whole.bytes, rel=0.05)
    assert measure_footprint(frame).buffers == whole.buffers
    total = TotalFootprint()
    for value in (frame, frame, [frame], frame["number"].to_numpy(), frame["text"].array, {"lists": frame["lists"]}):
        total.add(measure_footprint(value))
    assert total.bytes == pytest.approx(whole.bytes, rel=0.01)


@try_examples(
    40, 200, steps=st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 5)), st.integers(0, 3)), max_size=30)
)
def test_total_is_the_sum_over_different_arrays(steps: list[tuple[bool, set[int], int]]) -> None:
    arrays = [np.zeros(MIN_BUFFER_BYTES + 1000 * n, np.uint8) for n in range(6)]
    total, held = TotalFootprint(), []
    for add, which, place in steps:
        if add:
            value = measure_footprint([arrays[n] for n in which])
            before = total.bytes
            expected = total.added_by(value)
            total.add(value)
            held.append((which, value))
            assert total.bytes == before + expected
        elif place < len(held):
            total.remove(held.pop(place)[1])
        different = set().union(*(which for which, _ in held))
        assert total.bytes == sum(arrays[n].nbytes for n in different) + sum(value.own for _, value in held)
        assert total.bytes == total.footprint.bytes
