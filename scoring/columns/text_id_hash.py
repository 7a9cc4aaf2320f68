"""The numbers of text ids.

Every user and job has a 64-bit number. A text id gets the number -2^52 - h, where h is a 52-bit hash of its normal
form. So the same text has the same number in every source. No other id may be in that range.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.columns.text_normalisation import normalise_text

__all__ = ["OWNERS", "is_reserved", "mask_reserved", "number_texts"]

OWNERS: Final[Mapping[str, str]] = {"user_id": "users", "job_id": "jobs"}
"""Id column → the table that defines the number of each text id."""

N_HASHES: Final = 2**52
LAST: Final = -(2**52)
"""Largest number of a text id. The smallest is LAST - N_HASHES + 1 = -2^53 + 1."""


def mask_reserved(ids: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (n,) bool: whether an id is in the range of the numbers of text ids."""
    return (ids <= LAST) & (ids > LAST - N_HASHES)


def is_reserved(number: int | None) -> bool:
    """Return whether a number is in the range of `mask_reserved`. None is not."""
    return number is not None and LAST - N_HASHES < number <= LAST


def number_texts(texts: Iterable[str], used: Iterable[int] = ()) -> dict[str, int]:
    """Return text in normal form → number.

    Texts are numbered in sorted order. If a number is already used, the text gets the next unused one.

    Example
    -------
    >>> number_texts(["A-1"])
    {'A-1': -5804732552626725}
    """
    taken = set(used)
    numbers: dict[str, int] = {}
    for text in sorted(set(texts)):
        place = hash_text(text)
        while LAST - place in taken:
            place = (place + 1) % N_HASHES
        numbers[text] = LAST - place
        taken.add(LAST - place)
    return numbers


def hash_text(text: str) -> int:
    """Return the 52-bit BLAKE2b hash of the normal form of a text."""
    digest = hashlib.blake2b(normalise_text(text).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 12
