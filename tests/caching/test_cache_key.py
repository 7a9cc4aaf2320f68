"""Keys: equality, hashes, digests, and messages."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from scoring.caching import CacheKey
from scoring.caching.cache_key import (
    AdjacencyKey,
    EncodingKey,
    ExplanationKey,
    FactorsKey,
    PlanKey,
    PopularityKey,
    ReadingKey,
    ScoreKey,
    SimilarityKey,
    UserKey,
)
from scoring.caching.content_identity import Code


def code(text: str) -> Code:
    return Code((compile(text, "cell", "exec"),))


KEYS = [
    AdjacencyKey("f"),
    UserKey("f", 1),
    PopularityKey(360, "e"),
    ReadingKey("f", 360),
    SimilarityKey("f"),
    FactorsKey("f", (32, 0.05), "implicit 1"),
    EncodingKey("f", ((360, "p"),), "m", code("1"), None),
    PlanKey("f", ((360, "p"),), "m", code("1"), None),
    ScoreKey("f", ((360, "p"),), "m", code("1"), ("j",), ("u",), None),
    ExplanationKey("f", ((360, "p"),), "m", code("1"), ("j",), ("u",), None, "name"),
]


def changed(key: CacheKey) -> list[CacheKey]:
    """Return one key for each field, which differs in that field alone."""
    return [replace(key, **{name: "changed"}) for name in vars(key)]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: type(key).__name__)
def test_keys_are_equal_by_class_and_all_fields(key: CacheKey) -> None:
    same = replace(key)
    assert same is not key
    assert same == key
    assert hash(same) == hash(key)
    assert same.digest() == key.digest()
    others = [*changed(key), *(other for other in KEYS if other is not key)]
    assert len(changed(key)) >= 1
    assert key not in others
    assert len({key.digest(), *(other.digest() for other in others)}) == 1 + len(others)


def test_keys_are_frozen_and_show_their_fields() -> None:
    key = UserKey("f", 1)
    with pytest.raises(FrozenInstanceError):
        key.user_id = 2  # type: ignore[misc]
    assert repr(key) == "UserKey(users='f', user_id=1)"


def test_key_with_an_object_has_no_digest() -> None:
    assert PopularityKey(360, 7).digest()
    with pytest.raises(TypeError):
        PopularityKey(360, object()).digest()
