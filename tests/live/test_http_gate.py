"""The checks around all routes, with an application that answers every path."""

import asyncio
import json
import logging
from typing import Any

import pytest

from scoring.live.http_gate import HttpGate, RequestError

Headers = list[tuple[bytes, bytes]]
HOST: Headers = [(b"host", b"127.0.0.1:8000")]


class Route:
    path = "/users/{user_id}/jobs"


class Counts:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def observe(self, route: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.seen.append((route, status))


class Inner:
    """Answers 200, raises an error that was set, and waits for an event that was set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.wait: asyncio.Event | None = None
        self.fail_late = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = Route
        if self.wait is not None:
            await self.wait.wait()
        if self.error is not None and not self.fail_late:
            raise self.error
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if self.error is not None:
            raise self.error
        await send({"type": "http.response.body", "body": b"{}"})


class Client:
    def __init__(self, max_concurrent: int = 2) -> None:
        self.inner, self.counts = Inner(), Counts()
        self.gate = HttpGate(
            self.inner,
            hosts={"127.0.0.1", "[::1]", "live.example"},
            observer=self.counts,
            max_concurrent=max_concurrent,
        )

    async def call(self, headers: Headers, path: str = "/users/17/jobs", method: str = "GET") -> tuple[int, Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "path": path, "method": method, "headers": headers}
        await self.gate(scope, receive, send)
        return sent[0]["status"], json.loads(b"".join(part.get("body", b"") for part in sent[1:]))

    def ask(self, headers: Headers, **options: str) -> tuple[int, Any]:
        return asyncio.run(self.call(headers, **options))


@pytest.mark.parametrize(
    "host",
    [b"127.0.0.1", b"127.0.0.1:80", b"[::1]", b"[::1]:8000", b"live.example", b"LIVE.Example:1", b"live.example."],
)
def test_known_hosts_are_accepted(host: bytes) -> None:
    assert Client().ask([(b"host", host)]) == (200, {})


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"evil.example",
        b"127.0.0.1.evil.example",
        b"127.0.0.1:80:80",
        b"127.0.0.1@evil",
        b"127.0.0.2",
        b"::1",
        b"\xff",
    ],
)
def test_unknown_hosts_are_refused(host: bytes) -> None:
    status, found = Client().ask([(b"host", host)])
    assert (status, found["error"]["code"]) == (421, "unknown_host")


def test_request_without_host_is_refused() -> None:
    assert Client().ask([])[0] == 421


def test_requests_of_web_pages_are_refused() -> None:
    status, found = Client().ask([*HOST, (b"origin", b"http://127.0.0.1:8000")])
    assert (status, found["error"]["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("name", [b"host", b"authorization", b"content-type", b"idempotency-key", b"content-encoding"])
def test_duplicate_headers_are_refused(name: bytes) -> None:
    status, found = Client().ask([*HOST, (name, b"127.0.0.1"), (name, b"127.0.0.1")])
    assert (status, found["error"]["code"]) == (400, "duplicate_header")


def test_request_error_is_answered() -> None:
    client = Client()
    client.inner.error = RequestError(409, "not_reached", "Later.", {"retry-after": "1"})
    assert client.ask(HOST) == (409, {"error": {"code": "not_reached", "message": "Later."}})
    assert client.counts.seen == [("/users/{user_id}/jobs", 409)]


def test_failure_is_logged_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    client.inner.error = ValueError("user 918273 has a token")
    with caplog.at_level(logging.INFO, "scoring.live"):
        status, found = client.ask(HOST)
    assert (status, found["error"]["code"]) == (500, "internal_error")
    assert "ValueError" in caplog.text
    assert "test_http_gate.py" in caplog.text
    assert "918273" not in caplog.text
    assert "token" not in caplog.text


def test_failure_after_the_answer_began_closes_the_connection() -> None:
    client = Client()
    client.inner.error, client.inner.fail_late = ValueError("late"), True
    with pytest.raises(ConnectionError):
        client.ask(HOST)


def test_access_log_contains_no_ids(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "scoring.live.access"):
        Client().ask(HOST, path="/users/91919/jobs")
        Client().ask([], path="/users/91919/jobs")
    assert "GET /users/{user_id}/jobs 200" in caplog.text
    assert "GET other 421" in caplog.text
    assert "91919" not in caplog.text


def test_requests_beyond_the_limit_get_503() -> None:
    async def main() -> None:
        client = Client(max_concurrent=2)
        client.inner.wait = asyncio.Event()
        running = [asyncio.create_task(client.call(HOST)) for _ in range(2)]
        await asyncio.sleep(0)
        status, found = await client.call(HOST)
        assert (status, found["error"]["code"]) == (503, "too_many_requests")
        probe = asyncio.create_task(client.call(HOST, path="/health"))
        await asyncio.sleep(0)
        client.inner.wait.set()
        assert [status for status, _ in await asyncio.gather(*running, probe)] == [200, 200, 200]
        assert (await client.call(HOST))[0] == 200

    asyncio.run(main())
