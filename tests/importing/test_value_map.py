"""Cells and list elements are compared with words in normal form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.importing.value_map import clear_words, map_cells, match_key


def clear(cells: Any, *words: str, dtype: Any = object) -> list[Any]:
    values = clear_words(pd.DataFrame({"x": pd.Series(cells, dtype=dtype)}), words)["x"]
    return [value if isinstance(value, list) else None if pd.isna(value) else value for value in values]


@pytest.mark.parametrize(
    ("cells", "dtype", "words", "expected"),
    [
        (["NA ", "ＮＡ", "NA\u3000", "na", "N/A", None], object, ["NA"], [None, None, None, "na", "N/A", None]),
        (["NA ", "x"], "str", ["NA"], [None, "x"]),
        ([-1, 5], "int64", ["-1"], [None, 5]),
        ([-1.0, 5.5, np.nan], "float64", ["-1"], [None, 5.5, None]),
        (["-1", "-1.0", -1, -1.0, "-10"], object, ["-1"], [None, None, None, None, "-10"]),
        ([True, False], "bool", ["false"], [True, None]),
        ([["NA", "x", None], ["NA "], "NA"], object, ["NA"], [["x"], [], None]),
        ([2**60 + 1, -1], "int64", ["-1"], [2**60 + 1, None]),
        (["NA", "-"], "category", ["-"], ["NA", None]),
        (["x", None], object, [], ["x", None]),
    ],
)
def test_words_for_missing_are_cleared(cells: Any, dtype: Any, words: list[str], expected: list[Any]) -> None:
    assert clear(cells, *words, dtype=dtype) == expected


@pytest.mark.parametrize(
    ("value", "keys", "key"),
    [
        (True, ("true", "1"), "true"),
        (True, ("yes", "1"), "yes"),
        (False, ("0",), "0"),
        (1, ("true",), None),
        (1, ("1",), "1"),
        ("1.0", ("1",), "1"),
        ("x", ("X",), None),
        (None, ("",), None),
    ],
)
def test_key_of_a_value(value: Any, keys: tuple[str, ...], key: str | None) -> None:
    assert match_key(value, dict.fromkeys(keys)) == key


def test_each_distinct_value_is_converted_once() -> None:
    calls: list[Any] = []
    cells = pd.Series([1, True, 1.0, 1, True, None, np.nan, [1, True]], dtype=object)
    found = map_cells(cells, lambda value: calls.append(value) or repr(value))
    assert found.tolist() == ["1", "True", "1.0", "1", "True", "None", "None", ["1", "True"]]
    assert sorted(map(repr, calls)) == ["1", "1.0", "None", "True"]
