"""Bodies of `POST /events`: what is JSON, what is ambiguous, and what is too large."""

import json
from typing import Any

import pytest

from scoring.live.event_request import MAX_EVENTS, check_idempotency_key, parse_events
from scoring.live.http_gate import RequestError

JOB: dict[str, Any] = {"kind": "job", "row": {"job_id": 1, "fee": 12.5, "posted_at": None}}


def body(*events: object) -> bytes:
    return json.dumps({"events": events}).encode()


def test_events_are_returned_as_they_are() -> None:
    user = {"kind": "user", "id": "東京-1", "deleted": True}
    assert parse_events(body(JOB, user)) == [JOB, user]


def test_escaped_characters_outside_the_plane_are_accepted() -> None:
    assert parse_events(b'{"events": [{"kind": "\\ud83d\\ude00"}]}') == [{"kind": "😀"}]


@pytest.mark.parametrize(
    "content",
    [
        b"", b" ", b"nothing", b"{", b"{}{}", b"\xff\xfe", b'{"events": [{"kind": "\xc3"}]}', b"\x00",
        b"\xef\xbb\xbf{}",
        b'{"events": [{"a": NaN}]}', b'{"events": [{"a": Infinity}]}', b'{"events": [{"a": -Infinity}]}',
        b'{"events": [{"a": 1e999}]}', b'{"events": [{"a": -1e999}]}', b'{"events": [{"a": 1, "a": 2}]}',
        b'{"events": [], "events": [{}]}', b'{"events": [{"a": "\\ud800"}]}', b'{"events": [{"\\udfff": 1}]}',
        b"[" * 100_000 + b"]" * 100_000, b'{"events": [{"a": ' + b"9" * 5_000 + b"}]}",
    ],
)  # fmt: skip
def test_ambiguous_json_is_rejected(content: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        parse_events(content)
    assert (caught.value.status, caught.value.code) == (400, "invalid_json")


@pytest.mark.parametrize(
    "content",
    [
        b"null", b"1", b'"events"', b"[]", b"{}", b'{"events": {}}', b'{"events": []}', b'{"events": [1]}',
        b'{"events": [{}], "more": 1}', b'{"Events": [{}]}', b'{"events": [[{}]]}',
        b'{"events": [{"a": [[[[[[[[[[1]]]]]]]]]]}]}',
    ],
)  # fmt: skip
def test_other_bodies_are_rejected(content: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        parse_events(content)
    assert (caught.value.status, caught.value.code) == (400, "invalid_body")


def test_one_event_more_than_the_limit_is_rejected() -> None:
    assert len(parse_events(body(*[JOB] * MAX_EVENTS))) == MAX_EVENTS
    with pytest.raises(RequestError) as caught:
        parse_events(body(*[JOB] * (MAX_EVENTS + 1)))
    assert (caught.value.status, caught.value.code) == (413, "too_many_events")


@pytest.mark.parametrize("key", [None, "a", "2026-11-30/7", "x" * 128])
def test_idempotency_keys_are_returned(key: str | None) -> None:
    assert check_idempotency_key(key) == key


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, "é", "a\x00"])
def test_invalid_idempotency_keys_are_rejected(key: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_idempotency_key(key)
    assert (caught.value.status, caught.value.code) == (400, "invalid_idempotency_key")
