"""The normal form of one value and of a column is the same text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from scoring.columns.text_normalisation import normalise_column, normalise_text, normalise_texts, normalise_value
from tests.support.example_counts import try_examples

FORMS: list[tuple[Any, str | None]] = [
    ("時給 ", "時給"),
    ("時給\u3000", "時給"),
    ("\ufeff\ufeffjob_id", "job_id"),
    ("job\u200b_id", "job_id"),
    ("１３", "13"),
    ("１，２００円", "1,200円"),
    ("JP－13", "JP-13"),
    ("ｱ", "ア"),
    ("NA ", "NA"),
    ("007", "007"),
    ("1.50", "1.50"),
    ("1.0", "1"),
    ("-2.00", "-2"),
    ("1e3", "1e3"),
    ("yes", "yes"),
    ("True", "true"),
    ("FALSE", "false"),
    (True, "true"),
    (np.bool_(False), "false"),
    (1, "1"),
    (1.0, "1"),
    (-0.0, "0"),
    (np.float32(2), "2"),
    (np.int8(3), "3"),
    (1.5, "1.5"),
    (2.0**60, "1.152921504606847e+18"),
    (Decimal("13.00"), "13"),
    (Decimal("0.5"), "0.5"),
    (float("inf"), "inf"),
    *((missing, None) for missing in ("", " \u3000", "\u200b", None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT"))),
]


@pytest.mark.parametrize(("value", "form"), FORMS, ids=[repr(value) for value, _ in FORMS])
def test_normal_form_of_a_value(value: Any, form: str | None) -> None:
    assert normalise_value(value) == form
    column = normalise_column(pd.Series([value, "x", value], dtype=object))
    assert [None if pd.isna(text) else text for text in column] == [form, "x", form]


@pytest.mark.parametrize(
    ("values", "dtype", "forms"),
    [
        ([1.0, None, 2.5], "float64", ["1", None, "2.5"]),
        ([1, None, 0], "Int64", ["1", None, "0"]),
        ([True, None, False], "boolean", ["true", None, "false"]),
        (["１", None, "A"], "str", ["1", None, "A"]),
        (["１", None, "A"], "category", ["1", None, "A"]),
        ([], "object", []),
    ],
)
def test_normal_form_of_a_column(values: list[Any], dtype: str, forms: list[str | None]) -> None:
    column = normalise_column(pd.Series(values, dtype=dtype).set_axis([f"r{n}" for n in range(len(values))]))
    assert [None if pd.isna(text) else text for text in column] == forms
    assert column.index.tolist() == [f"r{n}" for n in range(len(values))]


@try_examples(
    25,
    250,
    texts=st.lists(st.none() | st.text(st.sampled_from("aＡ１ \u3000\u200b\ufeff\x1f\x85\u00a0ﾊﾟé\0")) | st.text()),
)
def test_texts_of_a_column_equal_those_of_single_texts(texts: list[str | None]) -> None:
    array = pa.array([None, "\u3000x", *texts], type=pa.large_string())
    for part in (array, array[1:], array[2:], pa.chunked_array([array, array])):
        expected = [None if text is None else normalise_text(text) or None for text in part.to_pylist()]
        assert normalise_texts(part).to_pylist() == expected
