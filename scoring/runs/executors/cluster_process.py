"""The processes of a cluster: a scheduler, and workers that are restarted when they are killed.

`python -m scoring.runs.executors.cluster_process SETTINGS` runs one of them until its standard input ends, so that it
ends with the process that started it. It prints one line of JSON when it is ready, and one if it fails.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, Final, Self

from scoring.errors import ClusterError, make_printable
from scoring.optional_dependencies import require
from scoring.runs.executors.bundle_store import LEASE_SECONDS
from scoring.runs.executors.certificates import create_certificates
from scoring.runs.executors.cluster_address import ClusterAddress
from scoring.runs.executors.private_folder import PrivateFolder, default_folder, make_private, remove_abandoned
from scoring.runs.memory_forecast import format_bytes
from scoring.threads.pool import available_cpus

__all__ = [
    "ALLOWED_FAILURES",
    "TTL_SECONDS",
    "ChildProcess",
    "LocalCluster",
    "WorkerSettings",
    "configure_client",
    "measure_memory",
    "start_scheduler",
    "start_worker",
]

TTL_SECONDS: Final = 15
"""The scheduler removes a worker that has not answered for this time."""
ALLOWED_FAILURES: Final = 2

_LOST: Final = 75
"""Exit code of a worker that lost its scheduler."""
_GONE: Final = 76
"""Exit code of a worker whose scheduler has not answered for `LEASE_SECONDS`."""
_MAX_FAILURES: Final = 10
"""A process that fails this many times within seconds of its start is not started again. Signals are not failures: a
worker may be killed at any time."""
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 5.0
_DELAYS: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds before a worker that ended again at once is started again."""
_SWEEP_SECONDS: Final = 3600.0

WorkerSettings = dict[str, Any]


def measure_memory() -> int:
    """Return the bytes that this process may use: free memory of the machine and its groups, and its own."""
    from scoring.runs.memory_forecast import measure_available, measure_resident

    return measure_available() + measure_resident()


def configure_client(is_encrypted: bool) -> None:
    """Set what connections depend on. The configuration files of the user have no effect on it."""
    import dask

    dask.config.set(
        {"distributed.comm.require-encryption": is_encrypted, "distributed.comm.timeouts.connect": "10s"},
    )
    _quiet()
    from distributed.versions import VersionMismatchWarning

    warnings.filterwarnings("ignore", category=VersionMismatchWarning)  # the preflight checks versions


def _quiet() -> None:
    """Turn off Dask's messages: what a user needs to know is printed as sentences."""
    import distributed  # noqa: F401 - its import configures the loggers

    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def configure_server(is_encrypted: bool) -> None:
    """Set what a scheduler and a worker depend on."""
    import dask

    memory = {f"distributed.worker.memory.{name}": False for name in ("target", "spill", "pause", "terminate")}
    dask.config.set(
        {
            **memory,
            "distributed.scheduler.worker-ttl": f"{TTL_SECONDS}s",
            "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
            "distributed.scheduler.work-stealing": False,
            "distributed.scheduler.preload": [],
            "distributed.worker.preload": [],
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
            "distributed.worker.profile.enabled": False,
        }
    )
    configure_client(is_encrypted)


class ChildProcess:
    """A scheduler or a worker in a process of its own, which ends with this process.

    Parameters
    ----------
    settings: What `main` reads.
    restarts: Whether to start the process again when it is killed or loses its scheduler.
    report: Called with a sentence when the process is restarted.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        restarts: bool = False,
        report: Callable[[str], object] = lambda text: None,
    ) -> None:
        self._settings, self._restarts, self._report = settings, restarts, report
        self._is_closed = threading.Event()
        self.n_starts = 0
        self._first: dict[str, Any] | None = None
        self.error: str | None = None
        self._process = self._start()
        self._thread = threading.Thread(target=self._watch, name="cluster process", daemon=True)
        self._ready = threading.Event()
        self._thread.start()

    @property
    def pid(self) -> int:
        """The id of the current process."""
        return self._process.pid

    def _start(self) -> subprocess.Popen[str]:
        self.n_starts += 1
        command = [sys.executable, "-P", "-m", __name__, json.dumps(self._settings)]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def _watch(self) -> None:
        """Read the lines of the process until it ends, and start it again if it is to be restarted."""
        failures = 0
        while True:
            began, process = time.monotonic(), self._process
            output: IO[str] = process.stdout  # type: ignore[assignment]
            for line in output:
                with suppress(ValueError):
                    said = json.loads(line)
                    self._first = self._first or said
                    self.error = said.get("error", self.error)
                    self._ready.set()
            code = process.wait()
            output.close()
            with suppress(OSError, ValueError):
                process.stdin.close()  # type: ignore[union-attr]
            failures = 0 if time.monotonic() - began > 5 else failures + 1
            was_ready = self._first is not None and "error" not in self._first
            if self._is_closed.is_set() or not self._restarts or not was_ready:
                break
            if code in (0, _GONE) or (code > 0 and failures > _MAX_FAILURES):
                break
            if self._is_closed.wait(_DELAYS[min(failures, len(_DELAYS)) - 1] if failures else _DELAYS[0]):
                break
            name = self._settings.get("name") or "The process"
            cause = f"was ended by signal {-code}" if code < 0 else f"failed ({self.error})"
            if code == -signal.SIGKILL and "memory" in self._settings:
                limit = format_bytes(self._settings["memory"])
                cause = f"was killed (perhaps because its memory exceeded {limit})"
            cause = "lost its scheduler" if code == _LOST else cause
            self._report(f"{name} {cause} and is started again.")
            self._process = self._start()
            if self._is_closed.is_set():
                self._stop(self._process)
        self._ready.set()

    def kill(self) -> bool:
        """Kill the current process. Return whether there was one. Processes that may be restarted are."""
        if self._process.poll() is not None:
            return False
        self._process.kill()
        return True

    def wait_ready(self) -> dict[str, Any]:
        """Return the first line of the process.

        Raises
        ------
        ClusterError: If the process ended, or is not ready after a minute.
        """
        self._ready.wait(_START_SECONDS)
        if self._first is None or "error" in self._first:
            self.close()
            problem = self.error or "it ended before it was ready"
            raise ClusterError(f"A process of the cluster did not start: {problem}.", reason="process ended")
        return self._first

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the process has ended and is not restarted. Return whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def close(self) -> None:
        """End the process."""
        self._is_closed.set()
        self._stop(self._process)
        self._thread.join(_STOP_SECONDS)

    def _stop(self, process: subprocess.Popen[str]) -> None:
        with suppress(OSError, ValueError):
            process.stdin.close()  # type: ignore[union-attr]
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def start_scheduler(address: ClusterAddress, certificates: Path | None) -> ChildProcess:
    """Start a scheduler that listens on an address; port 0 is a free one."""
    return ChildProcess({"role": "scheduler", "listen": str(address), "certificates": _text(certificates)})


def start_worker(
    address: ClusterAddress,
    certificates: Path | None,
    *,
    name: str,
    threads: int,
    memory: int,
    folder: Path,
    host: str | None = None,
    restarts: bool = True,
    report: Callable[[str], object] = lambda text: None,
) -> ChildProcess:
    """Start a worker of a scheduler."""
    settings: WorkerSettings = {
        "role": "worker",
        "scheduler": str(address),
        "certificates": _text(certificates),
        "name": name,
        "threads": threads,
        "memory": memory,
        "folder": str(folder),
        "host": host,
    }
    return ChildProcess(settings, restarts=restarts, report=report)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


class LocalCluster:
    """A scheduler and worker processes on this machine, with certificates that exist as long as they do.

    Other users of the machine cannot connect to it. It is for tests and for trying a cluster out: the threads of one
    process rank faster.
    """

    def __init__(
        self, n_workers: int, *, threads: int | None = None, memory: int | None = None, restarts: bool = True
    ) -> None:
        require("A cluster", "cluster", "distributed", "cryptography")
        threads = threads or max(1, available_cpus() // n_workers)
        with ExitStack() as stack:
            self.folder = stack.enter_context(PrivateFolder("local")).path
            self.certificates = self.folder / "certificates"
            create_certificates(self.certificates, days=7)
            anywhere = ClusterAddress("tls", "127.0.0.1", 0)
            self.scheduler = stack.enter_context(start_scheduler(anywhere, self.certificates))
            self.address = ClusterAddress.parse(self.scheduler.wait_ready()["address"])
            memory = memory or measure_memory() // n_workers
            self.workers = [
                stack.enter_context(
                    start_worker(
                        self.address,
                        self.certificates,
                        name=f"local-{number}",
                        threads=threads,
                        memory=memory,
                        folder=self.folder / f"worker-{number}",
                        restarts=restarts,
                    )
                )
                for number in range(1, n_workers + 1)
            ]
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End all processes and remove their files."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# In the child process


def main(settings: dict[str, Any]) -> int:
    """Run a scheduler or a worker until standard input ends. Return the exit code."""
    address = ClusterAddress.parse(
        settings.get("listen") or settings["scheduler"], allow_local=False, allow_any_host="listen" in settings
    )
    configure_server(address.is_encrypted)
    serve = _serve_scheduler if settings["role"] == "scheduler" else _serve_worker
    try:
        return asyncio.run(serve(address, settings))
    except Exception as error:  # noqa: BLE001 - the process that started this one prints it
        _say({"error": make_printable(f"{error}" or type(error).__name__, 500).rstrip(".")})
        return 1


def _say(line: Mapping[str, Any]) -> None:
    with suppress(OSError):
        print(json.dumps(line), flush=True)  # noqa: T201 - read by `ChildProcess`


def _make_security(address: ClusterAddress, settings: Mapping[str, Any]) -> Any:
    from scoring.runs.executors.certificates import make_security

    return make_security(address, Path(settings["certificates"]) if settings["certificates"] else None)


def _watch_input() -> asyncio.Event:
    """Return an event that is set when standard input ends."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def read() -> None:
        with suppress(OSError, ValueError):
            while os.read(0, 4096):
                pass
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
    return ended


async def _serve_scheduler(address: ClusterAddress, settings: Mapping[str, Any]) -> int:
    from distributed.scheduler import Scheduler

    ended = _watch_input()
    async with Scheduler(
        host=f"{address.scheme}://{address.host}",
        port=address.port,
        protocol=address.scheme,
        security=_make_security(address, settings),
        dashboard=False,
        dashboard_address="127.0.0.1:0",
    ) as scheduler:
        _say({"address": scheduler.address})
        finished = asyncio.ensure_future(scheduler.finished())
        await asyncio.wait({finished, asyncio.ensure_future(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
        finished.cancel()
    return 0


async def _serve_worker(address: ClusterAddress, settings: Mapping[str, Any]) -> int:
    from distributed.worker import Worker

    from scoring.runs.executors import worker_tasks
    from scoring.runs.executors.bundle_store import BundleStore

    ended = _watch_input()
    folder = Path(settings["folder"])
    if folder.parent == default_folder():
        make_private(folder.parent)
    remove_abandoned(folder.parent)
    store = BundleStore(folder, settings["threads"], settings["memory"])
    worker_tasks.configure(store)
    try:
        worker = Worker(
            str(address),
            nthreads=1,  # one task at a time, which ranks in several threads
            name=settings["name"],
            host=settings["host"],
            security=_make_security(address, settings),
            memory_limit=settings["memory"],
            local_directory=str(folder / "dask"),
            dashboard=False,
            dashboard_address="127.0.0.1:0",
            death_timeout=LEASE_SECONDS,
        )
        stopped = asyncio.ensure_future(ended.wait())
        started = asyncio.ensure_future(_start(worker))
        await asyncio.wait({started, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            return 0
        try:
            started.result()
        except TimeoutError:
            _say({"error": f"the scheduler at {address} has not answered for {LEASE_SECONDS:.0f} s"})
            return _GONE
        _say({"address": worker.address})
        finished = asyncio.ensure_future(worker.finished())
        while not (finished.done() or stopped.done()):
            await asyncio.wait({finished, stopped}, timeout=_SWEEP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            store.sweep()
        store.close()
        if not stopped.done():
            return _LOST
        await worker.close(timeout=2, executor_wait=False, reason="stopped")
        return 0
    finally:
        store.close()
        if ended.is_set():
            shutil.rmtree(folder, ignore_errors=True)


async def _start(worker: Any) -> None:
    await worker


if __name__ == "__main__":
    _code = main(json.loads(sys.argv[1]))
    sys.stdout.flush()
    os._exit(_code)  # threads that still rank do not keep the process
