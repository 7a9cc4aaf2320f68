"""Hashable forms and digests of values and of code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from scoring.caching.content_identity import compute_content_digest, freeze, read_code
from tests.support.proof_counts import record_count


def test_code_includes_what_it_calls_and_names() -> None:
    def cell(formula: str, scale: int = 1, default: int = 0, shift: int = 2) -> dict[str, Any]:
        """Return the names of a notebook after a few cells."""
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(f"SCALE = {scale}\ndef curve(x): return {formula}", names)  # noqa: S102 - as a notebook does
        exec(  # noqa: S102
            f"class Part:\n shift = {shift}\n def terms(self, y={default}): return [curve(v) * SCALE for v in y]", names
        )
        return names

    same = read_code(cell("x")["Part"])
    assert same == read_code(cell("x")["Part"])
    for other in (cell("x + 1"), cell("x", scale=2), cell("x", default=1), cell("x", shift=3)):
        assert read_code(other["Part"]) != same
        record_count("code in keys", "{} changes of code", 1)
    names = cell("x")
    names["SCALE"] = 5  # the cell with the class is not run again
    assert read_code(names["Part"]) != same
    record_count("code in keys", "{} changes of code", 1)


def test_arrays_with_equal_repr_differ() -> None:
    long, other = np.arange(5000), np.arange(5000)
    other[2500] = -1
    assert repr(long) == repr(other)
    assert freeze(long) != freeze(other)
    assert freeze([1, 2]) != freeze((1, 2)) != freeze((1.0, 2.0))
    assert freeze({"a": [1]}) == freeze({"a": [1]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        ("1", b"1"),
        ("ab", ("ab",)),
        (("a", "b"), ("ab",)),
        (("a", ("b",)), (("a",), "b")),
        ((), None),
        (datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC).isoformat()),
        (0.0, -0.0),
        (int, "int"),
    ],
)
def test_different_content_has_different_digests(one: Hashable, other: Hashable) -> None:
    assert compute_content_digest(one) != compute_content_digest(other)


def test_code_with_equal_meaning_has_equal_digests() -> None:
    def compiled(text: str) -> Any:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(text, names)  # noqa: S102 - as a notebook does
        return names["f"].__code__

    text = "def f(x): return [y for y in x if y in {1, 2, 'a'}]"
    assert compute_content_digest(compiled(text)) == compute_content_digest(compiled("\n\n" + text))
    assert compute_content_digest(compiled(text)) != compute_content_digest(compiled(text.replace("'a'", "'b'")))


def test_an_object_without_content_has_no_digest() -> None:
    with pytest.raises(TypeError, match="cannot be part of the key of a shared cache"):
        compute_content_digest(("a", object()))


@pytest.mark.integration
@pytest.mark.parametrize("seeds", [("1", "2"), pytest.param(("1", "2", "3"), marks=pytest.mark.long)], ids=len)
def test_digests_are_equal_in_processes_with_other_hash_seeds(seeds: tuple[str, ...]) -> None:
    """Sets of constants in code are ordered by hashes, which differ between processes."""
    program = (
        "from scoring.caching.content_identity import compute_content_digest, freeze, read_code\n"
        "from scoring.components.wage import Wage\n"
        'exec(\'def f(x): return x in {"a", "b", "c", "d"}\')\n'
        "print(compute_content_digest((read_code(Wage), f.__code__, freeze({'b': [1.5], 'a': 'x'}))).hex())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in seeds
    }
    assert len(digests) == 1
