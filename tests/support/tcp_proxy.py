"""A proxy in front of a TCP server, which delays bytes and cuts connections."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["TcpProxy", "open_proxy"]


class TcpProxy:
    """Forwards connections to a server. `delay` is the time in seconds that each block of bytes waits."""

    def __init__(self, host: str, port: int) -> None:
        self.delay = 0.0
        self.n_bytes = 0
        self.port = 0
        self._target = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def cut(self) -> None:
        """Close all connections. New ones are accepted."""

        def close() -> None:
            for writer in self._writers:
                writer.transport.abort()

        self._loop.call_soon_threadsafe(close)

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.1))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            to_server = await asyncio.open_connection(*self._target)
            self._writers |= {writer, to_server[1]}
            await asyncio.gather(self._copy(reader, to_server[1]), self._copy(to_server[0], writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while content := await reader.read(1 << 16):
                await asyncio.sleep(self.delay)
                self.n_bytes += len(content)
                writer.write(content)
                await writer.drain()
        writer.close()
        self._writers.discard(writer)


@contextmanager
def open_proxy(host: str, port: int) -> Iterator[TcpProxy]:
    """Yield a proxy on a free port of this machine."""
    proxy = TcpProxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
