"""Numbers of text ids."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.columns import text_id_hash
from scoring.columns.text_id_hash import mask_reserved, number_texts


def test_numbers_are_in_the_reserved_range_and_do_not_change() -> None:
    numbers = number_texts(["A-1", "00012345", "合計"])
    assert numbers["A-1"] == -5804732552626725  # stored in databases
    assert mask_reserved(np.array(list(numbers.values()))).all()


def test_limits_of_the_reserved_range() -> None:
    ids = np.array([-(2**53), -(2**53) + 1, -(2**52), -(2**52) + 1, 0, 2**53], dtype=np.int64)
    assert mask_reserved(ids).tolist() == [False, True, True, False, False, False]


@pytest.mark.parametrize("form", ["Ａ-1", " A-1\u3000", "A\u200b-1"])
def test_number_is_that_of_the_normal_form(form: str) -> None:
    assert text_id_hash.hash_text(form) == text_id_hash.hash_text("A-1")


def test_colliding_texts_get_different_numbers_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_id_hash, "hash_text", lambda text: text_id_hash.N_HASHES - 1)
    first, second, third = (text_id_hash.LAST - place for place in (text_id_hash.N_HASHES - 1, 0, 1))
    assert number_texts(["c", "a", "b"]) == number_texts(["b", "c", "a"]) == {"a": first, "b": second, "c": third}
    assert number_texts(["a"], used=[first]) == {"a": second}
