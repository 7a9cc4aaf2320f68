"""What the service checks before a request reaches its route, and what it counts afterwards.

A request is refused if its `Host` is unknown, if it has an `Origin` (it comes from a page in a browser), if a header
occurs twice that must occur once, or if too many requests are being answered. Every error has one form in JSON:
`{"error": {"code": "unknown_user", "message": "…"}}`.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, Protocol

__all__ = [
    "MAX_CONCURRENT",
    "MAX_HEADERS",
    "HttpGate",
    "RequestError",
    "RequestObserver",
    "encode_json",
    "make_error_body",
]

MAX_CONCURRENT: Final = 200
"""Requests that are answered at the same time."""
MAX_HEADERS: Final = 16 * 1024
"""Bytes of the names and values of all headers."""

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_ONCE: Final = (b"host", b"authorization", b"content-type", b"content-length", b"content-encoding", b"idempotency-key")
_PROBES: Final = ("/health", "/metrics")
"""Paths that are answered even if too many requests are running."""
_HEADERS: Final = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]

access_log = logging.getLogger("scoring.live.access")
error_log = logging.getLogger("scoring.live.errors")


class RequestError(Exception):
    """A request that is answered with an error.

    Parameters
    ----------
    status: The HTTP status.
    code: A word for programs, such as `unknown_user`.
    message: What is wrong and what to do, in one sentence or two.
    headers: Further headers of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers or {})


class RequestObserver(Protocol):
    """Counts requests."""

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is a template, such as `/users/{user_id}/jobs`."""
        ...


def encode_json(value: object) -> bytes:
    """Return a value as compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def make_error_body(code: str, message: str) -> bytes:
    """Return the JSON of an error."""
    return encode_json({"error": {"code": code, "message": message}})


class HttpGate:
    """An ASGI middleware around all routes.

    Parameters
    ----------
    app: The routes.
    hosts: The names that a `Host` header may have, in lower case, without a port.
    observer: Counts the answers.
    max_concurrent: Requests that are answered at the same time.
    """

    def __init__(
        self, app: App, *, hosts: Collection[str], observer: RequestObserver, max_concurrent: int = MAX_CONCURRENT
    ) -> None:
        self._app, self._hosts, self._observer = app, frozenset(hosts), observer
        self._max_concurrent, self._n_running = max_concurrent, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        start, status = time.perf_counter(), 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._n_running += 1
        try:
            try:
                self._check(scope)
                await self._app(scope, receive, send_and_note)
            except RequestError as error:
                await _send_error(send_and_note, error)
            except Exception as error:  # noqa: BLE001 - the outermost layer: every failure is an answer
                _log_failure(error)
                if status:
                    raise ConnectionError from None  # an answer that was begun cannot be replaced
                await _send_error(send_and_note, RequestError(500, "internal_error", "Internal error. See the log."))
        finally:
            self._n_running -= 1
            seconds = time.perf_counter() - start
            route = getattr(scope.get("route"), "path", "other")
            self._observer.observe(route, status, seconds)
            if access_log.isEnabledFor(logging.INFO):
                # the template of the path, because paths contain the ids of users
                access_log.info("%s %s %d %.1f ms", _name_method(scope), route, status, 1000 * seconds)

    def _check(self, scope: Scope) -> None:
        if self._n_running > self._max_concurrent and scope["path"] not in _PROBES:
            raise RequestError(
                503, "too_many_requests", "Too many requests at once. Retry later.", {"retry-after": "1"}
            )
        found: dict[bytes, bytes] = {}
        n_bytes = 0
        for name, value in scope["headers"]:
            n_bytes += len(name) + len(value)
            if name in _ONCE and name in found:
                raise RequestError(400, "duplicate_header", f"The header {name.decode()} occurs twice. Send one.")
            found[name] = value
        if n_bytes > MAX_HEADERS:
            raise RequestError(431, "headers_too_large", f"The headers are longer than {MAX_HEADERS:,} bytes.")
        if b"origin" in found:
            raise RequestError(403, "origin_not_allowed", "Requests of web pages are refused. Call from a server.")
        if _parse_host(found.get(b"host", b"")) not in self._hosts:
            raise RequestError(
                421, "unknown_host", "The Host header is missing or unknown. Start the service with --allow-host NAME."
            )


def _parse_host(value: bytes) -> str:
    """Return the name in a Host header in lower case, without the port."""
    text = value.decode("latin-1").lower()
    name, colon, port = text.rpartition(":")
    if colon and port.isdecimal() and not name.endswith(":"):
        text = name
    return text.removesuffix(".")


def _name_method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method.isalpha() and len(method) <= 10 else "other"


async def _send_error(send: Send, error: RequestError) -> None:
    body = make_error_body(error.code, error.message)
    headers = [(name.encode(), value.encode("latin-1")) for name, value in error.headers.items()]
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": _HEADERS + length + headers})
    await send({"type": "http.response.body", "body": body})


def _log_failure(error: BaseException) -> None:
    """Log the class and the place of an error. Its message and its values may contain ids of users."""
    places = " < ".join(
        f"{frame.name} ({frame.filename.rpartition('/')[2]}:{frame.lineno})"
        for frame in reversed(traceback.extract_tb(error.__traceback__)[-8:])
    )
    error_log.error("%s in %s", type(error).__name__, places)
