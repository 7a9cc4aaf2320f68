"""Connections to a Redis or Valkey server: commands with a timeout each, and no retries."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from scoring.caching.shared_cache_options import SharedCache, split_hosts
from scoring.errors import ConfigurationError
from scoring.optional_dependencies import require

__all__ = ["BYTES_PER_SECOND", "ServerConnections"]

BYTES_PER_SECOND: Final = 100e6
"""Assumed speed of the network: the timeout of an answer includes its size over this speed."""
MAX_IDLE_CONNECTIONS: Final = 16
_SENTINEL_PORT: Final = 26_379


class ServerConnections:
    """Connections that are used again. A process that was forked opens its own.

    The client's own retries are off: with them, a call to a dead server takes 3.6 s and more. Connections use RESP 2,
    which all servers and proxies speak.

    Raises
    ------
    MissingDependencyError: If redis is not installed.
    """

    def __init__(self, options: SharedCache) -> None:
        require("A shared cache", "redis", "redis", "hiredis")
        self._options = options
        self._pid = os.getpid()
        self._pool = self._make_pool()
        self._idle: deque[Any] = deque()
        self._is_checked = False

    def run(self, *command: Any, n_bytes: int = 0, patience: float = 0.0) -> Any:
        """Return the answer to a command.

        Parameters
        ----------
        command: Its words.
        n_bytes: The size of the answer or of the command, if it is large.
        patience: Seconds added to the timeout.

        Raises
        ------
        RedisError, OSError: If the server cannot be reached, does not answer in time, or answers with an error.
        ConfigurationError: If the server is in cluster mode.
        """
        return self.run_all([command], n_bytes, patience)[0]

    def run_all(self, commands: list[tuple[Any, ...]], n_bytes: int = 0, patience: float = 0.0) -> list[Any]:
        """Return the answers to several commands, sent together. Raises what `run` raises."""

        from redis.exceptions import ConnectionError as LostConnectionError

        timeout = self._options.read_seconds + patience + n_bytes / BYTES_PER_SECOND
        connection, is_reused = self._take()
        if is_reused:
            try:
                return self._run(connection, commands, timeout)
            except LostConnectionError:  # the server closed it since its last use
                connection, _ = self._take(new=True)
        return self._run(connection, commands, timeout)

    def close(self) -> None:
        """Close all idle connections. Later commands open new ones."""
        while self._idle:
            with suppress(IndexError):  # taken by another thread
                self._idle.pop().disconnect()

    def _run(self, connection: Any, commands: list[tuple[Any, ...]], timeout: float) -> list[Any]:
        from redis.exceptions import ResponseError

        try:
            connection.connect()
            if not self._is_checked:
                self._refuse_cluster(connection, timeout)
                self._is_checked = True
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            answers, failure = [], None
            for _ in commands:  # all answers are read, so that the connection can be used again
                try:
                    answers.append(connection.read_response(disable_decoding=True, timeout=timeout))
                except ResponseError as error:
                    failure = failure or error
        except BaseException as error:  # an answer may be on its way
            connection.disconnect()
            if isinstance(
                error, Exception
            ):  # other connections may be to the same dead server, perhaps after a failover
                self.close()
            raise
        if len(self._idle) < MAX_IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.disconnect()
        if failure is not None:
            raise failure
        return answers

    def _take(self, new: bool = False) -> tuple[Any, bool]:
        """Return a connection, and whether it was used before.

        The client's own pool is not used: it refuses a new connection on which bytes have arrived, which are session
        tickets with TLS 1.3. It refused 91 of 150 connections.
        """
        if self._pid != os.getpid():  # forked: the sockets belong to the parent
            self._pid, self._pool, self._idle = os.getpid(), self._make_pool(), deque()
        if not new:
            with suppress(IndexError):
                return self._idle.pop(), True
        return self._pool.make_connection(), False

    def _refuse_cluster(self, connection: Any, timeout: float) -> None:
        from redis.exceptions import ResponseError

        connection.send_command("INFO", "cluster", check_health=False)
        try:
            answer = connection.read_response(disable_decoding=True, timeout=timeout)
        except ResponseError:  # the user may not call INFO: in cluster mode, other commands fail with MOVED
            return
        if b"cluster_enabled:1" in bytes(answer):
            raise ConfigurationError(
                f"The shared cache {self._options.display} is in cluster mode, which is not supported. Use a single "
                "server, or Sentinel for failover.",
                key=("shared_cache", "url"),
            )

    def _make_pool(self) -> Any:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options = self._options
        settings: dict[str, Any] = {
            "socket_timeout": options.read_seconds,
            "socket_connect_timeout": options.connect_seconds,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "driver_info": None,
        }
        parts = urlsplit(options.url)
        if not parts.scheme.endswith("+sentinel"):
            pool = redis.ConnectionPool.from_url(options.url, **settings)
            if parts.scheme == "unix":
                pool.connection_kwargs.pop("socket_connect_timeout", None)
            return pool
        from redis.sentinel import Sentinel

        settings |= {"ssl": parts.scheme.startswith("rediss"), "username": parts.username, "password": parts.password}
        query = dict(parse_qsl(parts.query))
        settings |= {name: query[name] for name in query if name.startswith("ssl_")}
        settings["db"] = int(query.get("db", 0))
        hosts = [(host, port or _SENTINEL_PORT) for host, port in split_hosts(parts.netloc)]
        of_sentinels = {
            name: settings[name]
            for name in ("socket_timeout", "socket_connect_timeout", "retry", "protocol", "ssl", *query)
            if name in settings and name != "db"
        }
        sentinel = Sentinel(hosts, sentinel_kwargs=of_sentinels, **settings)
        return sentinel.master_for(parts.path.strip("/")).connection_pool
