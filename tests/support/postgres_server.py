"""A PostgreSQL server that a test may stop, and a proxy whose connections a test may cut or hold."""

from __future__ import annotations

import signal
import socket
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa


class PostgresServer:
    """A PostgreSQL server that a test can kill and restart."""

    def __init__(self, server: Any, folder: Path) -> None:
        self._server, self.folder = server, folder

    @property
    def url(self) -> sa.URL:
        return sa.make_url(f"postgresql+psycopg://postgres@/postgres?host={self.folder}")

    def kill(self) -> None:
        """Kill all processes of the server."""
        process = psutil.Process(self._server.get_pid())
        process.send_signal(signal.SIGQUIT)
        process.wait(20)

    def start(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server.ensure_postgres_running()

    def execute(self, *statements: str) -> list[Any]:
        """Execute the statements one by one as an administrator; return the rows of the last."""
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
            return list(result) if result.returns_rows else []

    def cut_off(self) -> int:
        """End all other connections and return their number."""
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        return len(self.execute(f"{others} AND backend_type = 'client backend'"))


class Proxy:
    """Forward traffic to the server until a test sets `held` or calls `cut`.

    While `held` is set, connections are accepted but nothing is forwarded.
    `swallow`: when a message with these bytes was forwarded, its answer is dropped and the connection closed.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.held, self.closed, self.swallow, self.accepted = False, False, b"", 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> sa.URL:
        return sa.URL.create("postgresql", "postgres", None, "127.0.0.1", self.port, "postgres")

    def cut(self) -> None:
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while not self.closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            server = socket.socket(socket.AF_UNIX)
            self._open += [client, server]
            if not self.held:
                try:
                    server.connect(str(self._target))
                except OSError:
                    client.shutdown(socket.SHUT_RDWR)
                    continue
            drop = threading.Event()
            threading.Thread(target=self._pump, args=(client, server, drop, True), daemon=True).start()
            if not self.held:
                threading.Thread(target=self._pump, args=(server, client, drop, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, drop: threading.Event, up: bool) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                while self.held and not self.closed:
                    time.sleep(0.02)
                if up and self.swallow and self.swallow in content:
                    self.swallow = b""
                    drop.set()
                elif not up and drop.is_set():
                    break
                target.sendall(content)
        for connection in (source, target):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
