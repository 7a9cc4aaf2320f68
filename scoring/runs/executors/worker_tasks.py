"""Functions that the driver of a run calls in its workers. Arguments and results are numbers, texts and arrays."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np

from scoring.array_types import Longs
from scoring.bundle import bundle_file
from scoring.bundle.bundle_file import BundleFileError
from scoring.errors import ModelError
from scoring.learning.bundled_evaluator import PROBES_KEY
from scoring.runs.code_digest import find_imported_modules
from scoring.runs.executors.bundle_store import BundleStore, StoppedRunError, WorkerError
from scoring.runs.shards import digest_lists
from scoring.storage.os_errors import describe_os_error

__all__ = [
    "Facts",
    "accept_bundle",
    "cancel_run",
    "compute_worker_code_digest",
    "configure",
    "describe_worker",
    "end_run",
    "preflight",
    "rank_part",
    "read_scheduler_settings",
    "receive_chunk",
    "renew_run",
]

Facts = dict[str, Any]

_PACKAGES: Final = ("numpy", "numba", "llvmlite", "distributed", "onnxruntime", "ai-edge-litert")

_LONG_SECONDS: Final = 2.0
_FEW_USERS: Final = 8

_store: BundleStore | None = None
_code: str = ""


def configure(store: BundleStore | None) -> None:
    """Set the store of this process."""
    global _store, _code
    _store, _code = store, compute_worker_code_digest()


def get_store() -> BundleStore:
    if _store is None:
        raise WorkerError("The worker was not started by `scoring cluster worker`.")
    return _store


def compute_worker_code_digest() -> str:
    """Return a digest of the modules that rank in a worker, as they are on disk."""
    import hashlib

    digest = hashlib.blake2b(digest_size=16)
    for name, source in sorted(find_imported_modules((__name__,)).items()):
        digest.update(f"{name} {len(source)} ".encode() + source)
    return digest.hexdigest()


def read_versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that lists depend on."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def describe_worker(dask_worker: Any = None) -> Facts:
    """Return what the driver checks before it sends a bundle."""
    memory = getattr(dask_worker, "memory_manager", None)
    fractions = {name: getattr(memory, f"memory_{name}_fraction", False) for name in ("target", "spill", "pause")}
    facts: Facts = {
        "versions": read_versions(),
        "spilling": sorted(name for name, value in fractions.items() if value),
        "code": "",
    }
    if _store is None:
        return facts
    return facts | {
        "code": _code,
        "format": bundle_file.FORMAT,
        "threads": _store.threads,
        "memory": _store.memory,
        "bundles": _store.list_digests(),
        "process": os.getpid(),
        "host": platform.node(),
    }


def _describe_error(error: Exception) -> Facts:
    """Return an error as texts and numbers, because objects of this package are not pickled."""
    facts: Facts = {"error": str(error) or type(error).__name__, "kind": "other"}
    if isinstance(error, BundleFileError):
        facts["kind"] = "bundle"
    elif isinstance(error, MemoryError):
        facts["kind"] = "memory"
    elif isinstance(error, ModelError) and error.key == PROBES_KEY:
        facts["kind"] = "outputs"
    elif isinstance(error, OSError):
        facts |= {"kind": "system", "error": describe_os_error(error)}
    return facts


def receive_chunk(token: str, digest: str, offset: int, content: bytes) -> Facts:
    """See `BundleStore.receive`."""
    try:
        return {"length": get_store().receive(token, digest, offset, content)}
    except Exception as error:  # noqa: BLE001 - the driver decides
        return _describe_error(error)


async def accept_bundle(token: str, digest: str) -> Facts:
    """See `BundleStore.accept`. The worker answers the scheduler meanwhile."""
    try:
        await asyncio.to_thread(get_store().accept, token, digest)
    except Exception as error:  # noqa: BLE001 - the driver decides
        return _describe_error(error)
    return {}


async def preflight(token: str, digest: str, k: int, rows: Longs) -> Facts:
    """Rank users, and return the digest of their lists and the seconds of a second call. The first call compiles.

    The second call ranks fewer users if the first one took long.
    """

    def rank() -> Facts:
        store = get_store()
        store.begin(token, digest)
        began = time.perf_counter()
        lists = store.rank(token, k, rows)
        compiled = time.perf_counter()
        some = rows if compiled - began < _LONG_SECONDS else rows[:_FEW_USERS]
        store.rank(token, k, some)
        seconds_per_user = (time.perf_counter() - compiled) / max(1, len(some))
        return {
            "digest": digest_lists(lists).hex(),
            "seconds_per_user": seconds_per_user,
            "compile_seconds": max(0.0, compiled - began - seconds_per_user * len(rows)),
        }

    try:
        return await asyncio.to_thread(rank)
    except Exception as error:  # noqa: BLE001 - the driver decides
        return _describe_error(error)


def rank_part(token: str, k: int, rows: Longs) -> Facts:
    """Return the lists of users as arrays, or the reason why the worker could not rank them."""
    began = time.perf_counter()
    try:
        lists = get_store().rank(token, k, rows)
    except StoppedRunError:
        return {"stopped": True}
    except Exception as error:  # noqa: BLE001 - the driver decides
        return _describe_error(error)
    return {
        "job_row": lists.job_row.astype(np.int32),
        "scores": lists.scores,
        "count": lists.count,
        "n_scored": int(lists.n_scored),
        "choice": None if lists.choice is None else (lists.choice.strategy, lists.choice.reason),
        "digest": digest_lists(lists).hex(),
        "seconds": time.perf_counter() - began,
    }


def renew_run(token: str) -> None:
    """See `BundleStore.renew`."""
    get_store().renew(token)


def cancel_run(token: str) -> None:
    """See `BundleStore.cancel`."""
    get_store().cancel(token)


def end_run(token: str) -> None:
    """See `BundleStore.end`."""
    get_store().end(token)


def read_scheduler_settings(dask_scheduler: Any = None) -> Facts:
    """Return the settings of a scheduler that runs depend on."""
    import dask

    return {
        "worker-ttl": dask_scheduler.worker_ttl,
        "allowed-failures": dask_scheduler.allowed_failures,
        "work-stealing": bool(dask.config.get("distributed.scheduler.work-stealing")),
        "versions": read_versions(),
    }
