"""Lists of integers: the fast conversions of plain pieces are compared with the type of integers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.columns.types.integer import INTEGER
from scoring.columns.types.integer_list import INTEGER_LIST

TEXTS = ["1202", "-5", "007", "0", "-0", "999999999999999", "1234567890123456789", "9" * 20, "1.0", "1.5", "1e3", "0x1"]
FLOATS = [1.0, -0.0, np.nan, 1.5, np.inf, 2.0**53, 2.0**54]
INTEGERS = [1, -5, 2**53, 2**53 + 1, -(2**63), 2**63 - 1]


def convert(items: Any) -> list[int] | None:
    found = INTEGER_LIST.coerce(pd.Series([items], dtype=object))
    return None if found.problems else found.values[0]


@pytest.mark.parametrize("items", [TEXTS, FLOATS, INTEGERS], ids=["texts", "floats", "integers"])
def test_lists_equal_their_pieces_as_integers(items: list[Any]) -> None:
    for pair in itertools.product(items, repeat=2):
        numbers = INTEGER.coerce(pd.Series(pair, dtype=object))
        expected = None if numbers.problems else numbers.values.dropna().tolist()
        forms = [[*pair], tuple(pair), "|".join(pair) if items is TEXTS else np.array(pair)]
        assert [convert(form) for form in forms] == [expected] * 3, pair
        assert all(type(number) is int for number in convert(forms[2]) or [])
