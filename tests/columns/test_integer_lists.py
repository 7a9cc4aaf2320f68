"""Lists of integers: the fast conversions of plain pieces are compared with the type of integers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from scoring.columns.types.integer import INTEGER
from scoring.columns.types.integer_list import INTEGER_LIST, parse_stored_list, parse_stored_lists

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


def test_stored_texts_at_once_equal_one_at_a_time() -> None:
    """Texts of every form that Arrow and Python read differently, alone and among plain ones."""
    odd = [None, "", " ", "|", "1|", "|1", "1||2", "+5", "-0", "007", " 7", "7 ", "0x10", "0X1", "1_000", "1.0", "1e3"]
    odd += ["９", "\0", "a", "-", str(2**53), str(2**53 + 1), str(-(2**53) - 1), str(2**63), "1|x|2"]
    random = np.random.default_rng(0)
    plain = ["|".join(map(str, random.integers(-9999, 9999, size))) or None for size in random.integers(0, 5, 200)]
    for texts in (plain, *([text] for text in odd), *(["1202|1508", text, "3"] for text in odd)):
        found = parse_stored_lists(pa.array(texts, type=pa.large_string()))
        assert found == [parse_stored_list(text) for text in texts], texts
