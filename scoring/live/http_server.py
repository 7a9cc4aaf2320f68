"""Runs an ASGI application with Uvicorn until SIGINT or SIGTERM. Only `scoring live` imports this module."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from scoring.errors import ConfigurationError, make_printable
from scoring.live.http_gate import MAX_HEADERS, make_error_body
from scoring.storage.os_errors import describe_os_error

__all__ = ["RECEIVE_SECONDS", "bind", "is_loopback", "serve"]

RECEIVE_SECONDS: Final = 10.0
"""Seconds within which a request must arrive, from its first byte to its last."""
_MAX_CONNECTIONS: Final = 1_000
_KEEP_ALIVE_SECONDS: Final = 30
_GRACE_SECONDS: Final = 10
"""Seconds within which running requests must end after a stop."""


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address but does not accept connections yet. Port 0 is a free port.

    Raises
    ------
    ConfigurationError: If the host is unknown, or the port is in use or not permitted.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise _make_host_error(host) from None
    listener = socket.socket(family, kind, protocol)
    try:
        # a restart may use the port at once, although connections of the earlier process are not yet forgotten
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:  # another process listens, a port below 1024
        listener.close()
        raise _make_port_error(host, port, error) from error
    return listener


def _make_host_error(host: str) -> ConfigurationError:
    return ConfigurationError(
        f"--host {make_printable(host)} is unknown. Use an address of this machine, such as 127.0.0.1.", key=("--host",)
    )


def _make_port_error(host: str, port: int, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"--port {port} on --host {make_printable(host)} is not available ({describe_os_error(error)}). Use another "
        "--port.",
        key=("--port",),
    )


def is_loopback(host: str) -> bool:
    """Return whether only processes of this machine can reach an address.

    Raises
    ------
    ConfigurationError: If the host is unknown.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _make_host_error(host) from None
    return all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found)


def serve(app: Any, listener: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Answer requests until SIGINT or SIGTERM. Then running requests are finished, and connections are closed.

    A signal is raised again at the end, as `KeyboardInterrupt` by the handlers of the command.

    Raises
    ------
    ConfigurationError: If another process has begun to listen on the port.
    """
    config = uvicorn.Config(
        app,
        http=_TimedProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="critical",  # its messages contain paths, and paths contain the ids of users
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=MAX_HEADERS,
        backlog=512,
    )
    host, port = listener.getsockname()[:2]
    try:
        _Server(config, on_ready).run(sockets=[listener])
    except OSError as error:
        raise _make_port_error(host, port, error) from error
    finally:
        listener.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


class _TimedProtocol(H11Protocol):
    """Closes connections whose requests do not arrive in time, and answers invalid HTTP in the form of all errors."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _MAX_CONNECTIONS:
            transport.abort()
            return
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._start_timer()
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # an invalid body after the answer has begun
            self.transport.abort()
            return
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_timer()

    def send_400_response(self, msg: str) -> None:
        body = make_error_body("invalid_http", "The request is not valid HTTP.")
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _start_timer(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(RECEIVE_SECONDS, self._abort)

    def _stop_timer(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _abort(self) -> None:
        self._deadline = None
        self.transport.abort()
