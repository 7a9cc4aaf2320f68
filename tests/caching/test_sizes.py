"""Bytes that values hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from scoring.caching.sizes import bytes_of

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
