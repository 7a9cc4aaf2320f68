"""The HTTP service of live lists, made with FastAPI (extra `live`). Only `scoring live` imports this module."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase
from starlette.exceptions import HTTPException

from scoring.bundle.ranked_lists import SCORES
from scoring.columns.id_arguments import parse_plain_number
from scoring.columns.text_id_hash import number_texts
from scoring.columns.text_normalisation import normalise_text
from scoring.errors import ConfigurationError, DatabaseError, DataError, ScoringError, UnknownIdError
from scoring.live.access_tokens import AccessTokens, Scope
from scoring.live.api_page import render_page
from scoring.live.event_request import MAX_BODY, MAX_EVENTS, check_idempotency_key, parse_events
from scoring.live.http_gate import MAX_CONCURRENT, HttpGate, RequestError, encode_json, make_error_body
from scoring.live.live_engine import LiveAnswer, SeqNotReachedError
from scoring.live.service_metrics import ServiceMetrics

if TYPE_CHECKING:
    from scoring.live.event_log import Written
    from scoring.ranking.explanation import Explanation

__all__ = ["LOOPBACK_HOSTS", "Engine", "make_app"]

T = TypeVar("T")

LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")
AFTER_SECONDS: Final = 1.0
"""How long `?after=` waits."""
_POLL_SECONDS: Final = (0.005,) * 10 + (0.02,)
"""Seconds between two looks of a request that waits. The last value is repeated."""
BODY_SECONDS: Final = 5.0
"""How long the service waits for a body."""
_MAX_DRAINED: Final = 8 * 2**20
"""Bytes of a body that is too long that are read before the answer. A client that still sends would not read it."""
_STATUS_SECONDS: Final = 0.1
_THREADS: Final = 4
"""Writes and explanations at the same time: each needs a connection or a core."""
_ID: Final = {"type": "string"}


class Engine(Protocol):
    """What the service calls of a `LiveEngine`."""

    tick_seconds: float
    metrics: Any

    def get(self, user_id: int, *, after: int | None = None, timeout: float = 1.0) -> LiveAnswer: ...
    def has_applied(self, seq: int) -> bool: ...
    def find_external_ids(self, job_ids: Sequence[int]) -> list[str | None]: ...
    def explain(self, user_id: int, job_id: int) -> Explanation: ...
    def write(self, rows: Any, idempotency_key: str | None = None) -> Written: ...
    def status(self) -> Any: ...
    def confirm(self) -> None: ...
    def verify(self) -> Any: ...


class _Bearer(SecurityBase):
    """Requires a token in the header Authorization."""

    def __init__(self, tokens: AccessTokens | None, scope: Scope) -> None:
        self.model = BearerModel(description=f"The {scope} token.")
        self.scheme_name = f"{scope} token"
        self._tokens, self._scope = tokens, scope

    async def __call__(self, request: Request) -> None:
        if self._tokens is None:
            return
        given = request.headers.get("authorization")
        found = None if given is None else self._tokens.find_scope(given.encode("latin-1"))
        if found is None:
            raise RequestError(
                401, "unauthorized", "Send the header: Authorization: Bearer TOKEN.", {"www-authenticate": "Bearer"}
            )
        if found != self._scope:
            raise RequestError(
                403, "wrong_token", f"The {found} token is not allowed here. Use the {self._scope} token."
            )


def make_app(
    engine: Engine,
    tokens: AccessTokens | None,
    *,
    hosts: Collection[str] = (),
    max_concurrent: int = MAX_CONCURRENT,
) -> FastAPI:
    """Return the service as an ASGI application.

    Parameters
    ----------
    engine: A started engine. The caller closes it.
    tokens: The three tokens; None: no request needs one.
    hosts: Names that a `Host` header may have, besides those of this machine's loopback addresses.
    max_concurrent: Requests that are answered at the same time; later ones get 503.
    """
    service = _Service(engine, tokens)
    app = FastAPI(
        title="Live lists",
        version="1",
        description="Exact lists of jobs for every user, after every event. Service to service: a read token sees all "
        "users. An error is JSON: `{\"error\": {\"code\": …, \"message\": …}}`.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    service.add_routes(app)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_middleware(
        HttpGate,
        hosts={host.lower() for host in (*LOOPBACK_HOSTS, *hosts)},
        observer=service.metrics,
        max_concurrent=max_concurrent,
    )
    return app


class _Service:
    """The routes."""

    def __init__(self, engine: Engine, tokens: AccessTokens | None) -> None:
        self._engine, self._tokens = engine, tokens
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="live-request")
        self._is_verifying = False
        self._status: Any = None
        self._status_until = -math.inf
        self.metrics = ServiceMetrics(engine.metrics)

    def add_routes(self, app: FastAPI) -> None:
        add = app.add_api_route
        add(
            "/users/{user_id}/jobs",
            self.get_jobs,
            summary="The list of a user",
            description="The jobs of a user, best first. It is exact for the basis and the events up to `seq`. "
            "`frozen` names what is not up to date.",
            openapi_extra={"parameters": [_PATH_USER, _AFTER]},
            **_describe(self._tokens, "read", _LIST, 400, 401, 403, 404, 409, 410, 421, 503),
        )
        add(
            "/users/{user_id}/jobs/{job_id}/explain",
            self.explain,
            summary="Why a job has its score",
            description="The value, weight, points and facts of each component, and the reasons why the job is not "
            "ranked for the user, if any.",
            openapi_extra={"parameters": [_PATH_USER, _PATH_JOB]},
            **_describe(self._tokens, "explain", _EXPLANATION, 400, 401, 403, 404, 421, 503),
        )
        add(
            "/events",
            self.post_events,
            methods=["POST"],
            summary="Write rows",
            description=f"Writes at most {MAX_EVENTS:,} rows and their events in one transaction. The body has at most "
            "1 MiB. The answer follows the commit. Invalid rows are rejected with their position and the reason; the "
            "other rows are written. `seq` is the value for `?after=` that reads these rows.",
            openapi_extra={"parameters": [_IDEMPOTENCY_KEY], "requestBody": _EVENTS},
            **_describe(self._tokens, "write", _WRITTEN, 400, 401, 403, 408, 413, 415, 421, 422, 429, 503),
        )
        add(
            "/confirm",
            self.confirm,
            methods=["POST"],
            summary="Apply paused events",
            description="Events are paused if more than 20 % of the jobs changed within a minute. This request applies "
            "them. It has no body.",
            **_describe(self._tokens, "write", _HEALTH, 401, 403, 421, 503),
        )
        add(
            "/verify",
            self.verify,
            methods=["POST"],
            summary="Compare lists and rows with the database",
            description="Computes all lists from scratch, and reads the tables: seconds to minutes. It has no body.",
            **_describe(self._tokens, "write", _REPORT, 401, 403, 421, 503),
        )
        add(
            "/health",
            self.health,
            summary="The state of the process",
            description="`ok`, or `degraded` if lists are served but not up to date: `frozen` names the reasons. Needs "
            "no token. With the read token the answer contains the whole status.",
            **_describe(None, "read", _HEALTH, 421, 503),
        )
        add(
            "/metrics",
            self.show_metrics,
            summary="Metrics for Prometheus",
            **_describe(self._tokens, "read", {"type": "string"}, 401, 403, 421, media="text/plain"),
        )
        page: list[bytes] = []

        async def show_page(request: Request) -> Response:
            _require_no_query(request)
            if not page:
                page.append(render_page(app.openapi()).encode())
            policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
            return Response(page[0], headers={"content-security-policy": policy, **_HEADERS}, media_type="text/html")

        add("/docs", show_page, include_in_schema=False)

    # --- Lists -------------------------------------------------------------------------------------------------------

    async def get_jobs(self, request: Request) -> Response:
        user_id = _parse_id(request.path_params["user_id"], "user")
        answer = await self._get(user_id, _parse_after(request))
        found = answer.list
        if found is None:
            raise RequestError(410, "inactive_user", "The user is inactive and has no list.")
        job_ids = found.job_id.tolist()
        jobs: list[dict[str, Any]] = [
            {"job_id": job, **dict(zip(SCORES, scores, strict=True))}
            for job, scores in zip(job_ids, found.scores.tolist(), strict=True)
        ]
        for job, text in zip(jobs, self._engine.find_external_ids(job_ids), strict=True):
            if text is not None:
                job["external_id"] = text
        return _answer({"user_id": user_id, **_describe_state(answer), "jobs": jobs})

    async def _get(self, user_id: int, after: int | None) -> LiveAnswer:
        """Return the list. Wait for the event `after` in the event loop, without a thread."""
        deadline = time.monotonic() + AFTER_SECONDS
        turns = itertools.count()
        while after is not None and not self._engine.has_applied(after) and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_SECONDS[min(next(turns), len(_POLL_SECONDS) - 1)])
        try:
            return self._engine.get(user_id, after=after, timeout=0)
        except SeqNotReachedError as error:
            raise RequestError(
                409,
                "not_reached",
                f"Event {after} is not applied after {AFTER_SECONDS:.0f} s; the list is that of event {error.seq}. "
                "Retry, or read without `after`.",
                {"retry-after": "1"},
            ) from None
        except ScoringError as error:
            raise _convert(error) from error

    async def explain(self, request: Request) -> Response:
        _require_no_query(request)
        user_id = _parse_id(request.path_params["user_id"], "user")
        job_id = _parse_id(request.path_params["job_id"], "job")
        found = await self._call(self._engine.explain, user_id, job_id)
        return _answer(_describe_explanation(found))

    # --- Events ------------------------------------------------------------------------------------------------------

    async def post_events(self, request: Request) -> Response:
        _require_no_query(request)
        key = check_idempotency_key(request.headers.get("idempotency-key"))
        _require_json(request)
        self._require_no_lag()
        events = parse_events(await _read_body(request))
        written = await self._call(self._engine.write, events, key)
        return _answer(
            {
                "seq": written.seq,
                "n_written": written.n_written,
                "rejected": [{"position": position, "reason": reason} for position, reason in written.rejected],
            }
        )

    async def confirm(self, request: Request) -> Response:
        _require_no_query(request)
        await self._call(self._engine.confirm)
        self._status_until = -math.inf
        return _answer({"status": "ok"})

    async def verify(self, request: Request) -> Response:
        _require_no_query(request)
        if self._is_verifying:
            raise RequestError(503, "verifying", "Another comparison is running. Retry later.", {"retry-after": "10"})
        self._is_verifying = True
        try:
            report = await self._call(self._engine.verify)
        finally:
            self._is_verifying = False
        return _answer({"is_exact": report.is_exact, "text": str(report), **_to_json(asdict(report))})

    def _require_no_lag(self) -> None:
        lag, limit = self._read_status().lag_seconds, self._engine.tick_seconds
        if lag > limit:
            seconds = max(1, min(60, math.ceil(lag - limit)))
            raise RequestError(
                429,
                "lagging",
                f"Lists are {lag:.0f} s behind the log, more than one tick. Retry later.",
                {"retry-after": str(seconds)},
            )

    # --- State -------------------------------------------------------------------------------------------------------

    async def health(self, request: Request) -> Response:
        _require_no_query(request)
        status = self._read_status()
        is_ok = not status.frozen and status.lag_seconds <= self._engine.tick_seconds
        content: dict[str, Any] = {"status": "ok" if is_ok else "degraded"}
        given = request.headers.get("authorization", "").encode("latin-1")
        if self._tokens is None or self._tokens.find_scope(given) == "read":
            content |= _to_json(status.as_dict())
        return _answer(content)

    async def show_metrics(self, request: Request) -> Response:
        _require_no_query(request)
        return Response(self.metrics.render(), headers=_HEADERS, media_type="text/plain; version=0.0.4; charset=utf-8")

    def _read_status(self) -> Any:
        now = time.monotonic()
        if now >= self._status_until:
            try:
                self._status, self._status_until = self._engine.status(), now + _STATUS_SECONDS
            except ScoringError as error:  # the engine is being closed
                raise _convert(error) from error
        return self._status

    async def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function of the engine in a thread."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, function, *arguments)
        except ScoringError as error:
            raise _convert(error) from error


_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def _answer(content: Mapping[str, Any], status: int = 200) -> Response:
    return Response(encode_json(content), status, _HEADERS, "application/json")


def _convert(error: ScoringError) -> RequestError:
    """Return the answer to an error of the engine."""
    if isinstance(error, UnknownIdError):
        kind = error.kind or "user"
        return RequestError(404, f"unknown_{kind}", f"The {kind} does not exist.")
    if isinstance(error, DatabaseError):
        # the message of the database may contain values of rows
        return RequestError(503, "database_error", "The database cannot be used. Retry later.", {"retry-after": "1"})
    if isinstance(error, DataError):
        return RequestError(422, "invalid_data", str(error))
    if isinstance(error, ConfigurationError):
        return RequestError(400, "invalid_request", str(error))
    return RequestError(503, "unavailable", "Lists are not available. Retry later.", {"retry-after": "1"})


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    """Answer an unknown path or method in the form of all errors."""
    assert isinstance(error, HTTPException)
    known = {404: ("not_found", "The path does not exist. See /docs."), 405: ("wrong_method", "Use another method.")}
    code, message = known.get(error.status_code, ("http_error", "The request is invalid."))
    return Response(make_error_body(code, message), error.status_code, error.headers, "application/json")


# --- Requests ---------------------------------------------------------------------------------------------------------


def _parse_id(text: str, kind: str) -> int:
    """Return the number of an id in a path. A text id has the number of its normal form."""
    form = normalise_text(text)
    number = parse_plain_number(form) if form else None
    if number is not None:
        return number
    if not form or len(form) > 200 or "\ufffd" in form:
        raise RequestError(404, f"unknown_{kind}", f"The {kind} does not exist.")
    return number_texts([form])[form]


def _parse_after(request: Request) -> int | None:
    names = [name for name, _ in request.query_params.multi_items()]
    if not names:
        return None
    if names != ["after"]:
        raise _make_query_error()
    text = request.query_params["after"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) < 2**63):
        raise RequestError(400, "invalid_query", "`after` must be the number of an event, an integer from 0.")
    return int(text)


def _require_no_query(request: Request) -> None:
    if request.scope["query_string"]:
        raise _make_query_error()


def _make_query_error() -> RequestError:
    return RequestError(
        400, "invalid_query", "The query is invalid. Only ?after=SEQ of a list exists; tokens belong in a header."
    )


def _require_json(request: Request) -> None:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    is_utf8 = parameters.strip().lower().replace('"', "") in ("", "charset=utf-8")
    if kind.strip().lower() != "application/json" or not is_utf8:
        raise RequestError(415, "not_json", "Send JSON in UTF-8 with the header: Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestError(415, "encoded_body", "The body has a Content-Encoding. Send it without compression.")


async def _read_body(request: Request) -> bytes:
    """Return the body of at most `MAX_BODY` bytes."""
    declared = request.headers.get("content-length", "")
    is_large = declared.isdecimal() and int(declared) > MAX_BODY
    if is_large and int(declared) > _MAX_DRAINED:
        raise _make_too_large()
    body, n_read = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await request.receive()
                if message["type"] != "http.request":
                    raise RequestError(400, "disconnected", "The client closed the connection.")
                chunk, more = message.get("body", b""), message.get("more_body", False)
                n_read += len(chunk)
                if n_read > _MAX_DRAINED:
                    raise _make_too_large()
                if n_read <= MAX_BODY and not is_large:
                    body += chunk
    except TimeoutError:
        raise RequestError(
            408, "timeout", f"The body did not arrive within {BODY_SECONDS:.0f} s.", {"connection": "close"}
        ) from None
    if is_large or n_read > MAX_BODY:
        raise _make_too_large()
    return bytes(body)


def _make_too_large() -> RequestError:
    return RequestError(
        413, "too_large", "The body is larger than 1 MiB. Send several requests.", {"connection": "close"}
    )


# --- Answers ----------------------------------------------------------------------------------------------------------


def _describe_state(answer: LiveAnswer) -> dict[str, Any]:
    return {
        "basis": answer.basis,
        "seq": answer.seq,
        "as_of": answer.as_of.isoformat(),
        "frozen": list(answer.frozen),
    }


def _describe_explanation(found: Explanation) -> dict[str, Any]:
    return _to_json(
        {
            "user_id": found.user_id,
            "user_external_id": found.user_external_id,
            "job_id": found.job_id,
            "job_external_id": found.job_external_id,
            "model": found.model,
            "total_score": found.total,
            **{f"{group}_score": value for group, value in found.groups.items()},
            "not_ranked": found.not_ranked,
            "unknown_values": found.unknown_values,
            "components": [
                {
                    "group": part.group,
                    "component": part.name,
                    "value": part.value,
                    "weight": part.weight,
                    "points": part.points,
                    "facts": part.facts,
                }
                for part in found.parts
            ],
        }
    )


def _to_json(value: Any) -> Any:
    """Return a value with types of JSON only. NaN is null."""
    if isinstance(value, Mapping):
        return {str(key): _to_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_json(part) for part in value]
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "item"):
        return _to_json(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


# --- OpenAPI ----------------------------------------------------------------------------------------------------------

_REASONS: Final = {
    400: "The request is invalid.",
    401: "The token is missing or unknown.",
    403: "The token is of another kind, or the request comes from a web page.",
    404: "The user or the job does not exist.",
    408: "The body did not arrive in time.",
    409: "The event `after` is not yet applied.",
    410: "The user is inactive.",
    413: "The body is too large, or contains too many events.",
    415: "The body is not JSON.",
    421: "The Host header is unknown.",
    422: "The idempotency key was used for other rows.",
    429: "Lists are more than one tick behind; see Retry-After.",
    503: "Too many requests at once, or the database or the lists cannot be used.",
}
_PATH_USER: Final = {
    "name": "user_id",
    "in": "path",
    "required": True,
    "schema": _ID,
    "description": "Number or text id.",
}
_PATH_JOB: Final = _PATH_USER | {"name": "job_id"}
_AFTER: Final = {
    "name": "after",
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 0},
    "description": "Wait up to 1 s until this event is applied: the `seq` of a write or of an earlier answer.",
}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 128},
    "description": "A request that is sent again with the same key is written once.",
}
_INTEGER: Final = {"type": "integer"}
_SCORES: Final = {name: {"type": "number"} for name in SCORES}
_STATE: Final = {
    "basis": _INTEGER,
    "seq": _INTEGER,
    "as_of": {"type": "string", "format": "date-time"},
    "frozen": {"type": "array", "items": {"type": "string"}},
}


def _make_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


_LIST: Final = _make_object(
    user_id=_INTEGER,
    **_STATE,
    jobs={
        "type": "array",
        "items": _make_object(job_id=_INTEGER, external_id={"type": "string"}, **_SCORES),
    },
)
_EXPLANATION: Final = _make_object(
    user_id=_INTEGER,
    job_id=_INTEGER,
    model={"type": "string"},
    **_SCORES,
    not_ranked={"type": "array", "items": {"type": "string"}},
    unknown_values={"type": "array", "items": {"type": "string"}},
    components={
        "type": "array",
        "items": _make_object(
            group={"type": "string"},
            component={"type": "string"},
            value={"type": "number"},
            weight={"type": "number"},
            points={"type": "number"},
            facts={"type": "object"},
        ),
    },
)
_WRITTEN: Final = _make_object(
    seq=_INTEGER,
    n_written=_INTEGER,
    rejected={"type": "array", "items": _make_object(position=_INTEGER, reason={"type": "string"})},
)
_REPORT: Final = _make_object(is_exact={"type": "boolean"}, text={"type": "string"})
_HEALTH: Final = _make_object(status={"type": "string", "enum": ["ok", "degraded"]})
_EVENTS: Final = {
    "required": True,
    "content": {
        "application/json": {
            "schema": _make_object(
                events={
                    "type": "array",
                    "maxItems": MAX_EVENTS,
                    "items": _make_object(
                        kind={"type": "string", "enum": ["job", "user", "action"]},
                        row={"type": "object", "description": "The whole row, as in the table."},
                        id={**_ID, "description": "The id of a row to change or to delete."},
                        changes={"type": "object", "description": "The columns of the row to change."},
                        deleted={"type": "boolean"},
                    ),
                }
            ),
            "example": {
                "events": [
                    {"kind": "job", "row": {"job_id": 7001, "fee": 5000, "prefecture_code": "13"}},
                    {"kind": "job", "id": 7002, "changes": {"is_active": False}},
                    {"kind": "job", "id": 7003, "deleted": True},
                ]
            },
        }
    },
}


def _describe(
    tokens: AccessTokens | None,
    scope: Scope,
    schema: Mapping[str, Any],
    *statuses: int,
    media: str = "application/json",
) -> dict[str, Any]:
    """Return the token that a route requires, and the schema of its answers."""
    from fastapi import Security

    error = _make_object(error=_make_object(code={"type": "string"}, message={"type": "string"}))
    of_errors = {
        status: {"description": _REASONS[status], "content": {"application/json": {"schema": error}}}
        for status in statuses
    }
    return {
        "responses": {200: {"description": "The answer.", "content": {media: {"schema": schema}}}, **of_errors},
        "response_class": Response,
        "dependencies": [] if tokens is None else [Security(_Bearer(tokens, scope))],
    }
