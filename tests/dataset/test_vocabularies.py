"""Codes of places from a table equal those from a hash table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.columns.dictionary_column import DictionaryColumn
from scoring.dataset import vocabularies
from scoring.dataset.vocabularies import Vocabulary, combine_places, encode_places
from tests.support.random_programs import cases

CODES = st.lists(st.tuples(st.integers(-1, 6), st.integers(-1, 9)), max_size=40)


@cases(60)
@given(codes=CODES, max_places=st.sampled_from([0, 1_000_000]))
def test_places_from_a_table_equal_combined_places(codes: list[tuple[int, int]], max_places: int) -> None:
    prefecture, city = np.array(codes, dtype=np.int32).reshape(-1, 2).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabularies, "MAX_PLACES", max_places)
        found = encode_places(prefecture, city)
    places = combine_places(prefecture, city)
    assert found.place.dtype == np.int64
    pd.testing.assert_series_equal(found.series(), places)
    words = Vocabulary.of(places.head(10))
    pd.testing.assert_index_equal(words.extend(found).values, words.extend(DictionaryColumn.of(places)).values)
    np.testing.assert_array_equal(words.codes(found), words.codes(places))


def test_order_follows_values_not_codes() -> None:
    words = Vocabulary.of(pd.Series([30, 10], dtype="Int64")).extend(pd.Series([20, 5, None], dtype="Int64"))
    assert words.values.tolist() == [10, 30, 5, 20]
    assert words.order.tolist() == [1, 3, 0, 2, 4]
    assert Vocabulary.of().order.tolist() == [0]
