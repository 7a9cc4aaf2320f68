"""Break a running worker of a cluster: code of this module is sent to the worker and replaces functions there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scoring.runs.executors.certificates import make_security
from scoring.runs.executors.cluster_address import ClusterAddress

__all__ = [
    "break_preflight",
    "break_results",
    "call_worker",
    "change_outputs",
    "hang",
    "hide_package",
    "repair",
    "slow_down",
    "use_memory",
    "wait_for_file",
    "worker_client",
]


@contextmanager
def worker_client(address: ClusterAddress, certificates: Any, n_workers: int = 1) -> Iterator[Any]:
    """Yield a client of Dask, as a driver has. It waits for workers."""
    from distributed import Client

    with Client(
        str(address), security=make_security(address, certificates), set_as_default=False, timeout=10
    ) as client:
        client.wait_for_workers(n_workers, timeout=30)
        yield client


def call_worker(client: Any, name: str, function: Any, *arguments: Any) -> Any:
    """Call a function of this module in the worker with this name."""
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        workers = client.scheduler_info(n_workers=-1)["workers"]
        address = next(address for address, facts in workers.items() if facts["name"] == name)
        return client.run(function, *arguments, workers=[address])[address]
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def _replace(owner: Any, name: str, function: Any) -> Any:
    """Replace a function in the worker until `repair`. Return the original."""
    from scoring.runs.executors import worker_tasks

    originals = worker_tasks.__dict__.setdefault("originals", {})
    original = originals.setdefault((owner, name), getattr(owner, name))
    setattr(owner, name, function)
    return original


def repair() -> None:
    """Undo all that functions of this module have replaced. Hanging functions return."""
    from scoring.runs.executors import worker_tasks

    originals = worker_tasks.__dict__.pop("originals", {})
    for (owner, name), original in originals.items():
        setattr(owner, name, original)


def break_results(kind: str) -> None:
    """Let the worker return wrong results of parts. It passes the preflight."""
    import numpy as np

    from scoring.runs.executors import bundle_store, worker_tasks

    rank_part, rank = worker_tasks.rank_part, bundle_store.BundleStore.rank

    calls: list[str] = []

    def rank_wrongly(self: Any, token: str, k: int, rows: Any) -> Any:
        """Return lists with a valid digest and a wrong score."""
        lists = rank(self, token, k, rows)
        calls.append(token)
        if calls.count(token) <= 2:  # the preflight
            return lists
        if kind == "no memory":
            raise MemoryError
        lists.scores[:, 0, 0] = np.nextafter(lists.scores[:, 0, 0], np.float32(1e9))
        return lists

    def replace_result(token: str, k: int, rows: Any) -> Any:
        result = rank_part(token, k, rows)
        if kind == "text":
            return "garbage"
        if kind == "other shape":
            return result | {"scores": result["scores"][:1]}
        if kind == "other type":
            return result | {"count": list(result["count"])}
        if kind == "unknown job":
            return result | {"job_row": result["job_row"] + np.int32(1_000_000)}
        if kind == "changed on the way":
            result["scores"][-1, 0, 0] += np.float32(1)
            return result
        if kind == "error":
            raise ZeroDivisionError
        raise ValueError(kind)

    if kind in ("wrong score", "no memory"):
        _replace(bundle_store.BundleStore, "rank", rank_wrongly)
    else:
        _replace(worker_tasks, "rank_part", replace_result)


def break_preflight() -> None:
    """Let the worker rank other lists than the driver from the beginning."""
    from scoring.runs.executors import bundle_store

    rank = bundle_store.BundleStore.rank
    _replace(bundle_store.BundleStore, "rank", lambda self, token, k, rows: rank(self, token, k, rows[::-1]))


def slow_down(seconds: float) -> None:
    """Let the worker take this long for each part, until it is repaired."""
    import time

    from scoring.runs.executors import worker_tasks

    rank_part = worker_tasks.rank_part

    def rank_slowly(token: str, k: int, rows: Any) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end and "originals" in vars(worker_tasks):
            time.sleep(min(seconds, 0.05))
        return rank_part(token, k, rows)

    _replace(worker_tasks, "rank_part", rank_slowly)


def wait_for_file(path: str) -> None:
    """Let the worker return its parts after a file exists, or after it is repaired."""
    import os
    import time

    from scoring.runs.executors import worker_tasks

    rank_part = worker_tasks.rank_part

    def rank_late(token: str, k: int, rows: Any) -> Any:
        result = rank_part(token, k, rows)
        while not os.path.exists(path) and "originals" in vars(worker_tasks):
            time.sleep(0.01)
        return result

    _replace(worker_tasks, "rank_part", rank_late)


def hide_package(name: str) -> None:
    """Let the worker not find a package."""
    import importlib.util

    find_spec = importlib.util.find_spec
    _replace(
        importlib.util, "find_spec", lambda wanted, *package: None if wanted == name else find_spec(wanted, *package)
    )


def change_outputs() -> None:
    """Let the worker's runtime of ONNX models return the next float32."""
    import numpy as np

    from scoring.learning import bundled_evaluator

    make = bundled_evaluator.make_onnx_evaluator

    def make_other(path: Any, content: bytes, probes: Any) -> Any:
        evaluator = make(path, content, probes)
        run = evaluator.run
        evaluator.run = lambda rows: np.nextafter(run(rows), np.float32(np.inf))
        return evaluator

    _replace(bundled_evaluator, "make_onnx_evaluator", make_other)


def hang(where: str = "rank_part") -> None:
    """Let the worker never return a part, or never pass the preflight. It answers the scheduler."""
    import time

    from scoring.runs.executors import bundle_store, worker_tasks

    def wait(*arguments: Any) -> None:
        while "originals" in vars(worker_tasks):
            time.sleep(0.05)

    if where == "preflight":
        _replace(bundle_store.BundleStore, "rank", wait)
    else:
        _replace(worker_tasks, "rank_part", wait)


def use_memory(number: int, n_bytes: int) -> None:
    """Let the worker use memory in its part with this number."""
    from scoring.runs.executors import worker_tasks

    rank_part, calls = worker_tasks.rank_part, [0]

    def rank_with_memory(token: str, k: int, rows: Any) -> Any:
        calls[0] += 1
        used = (
            [b"x" * 1_000_000 + str(place).encode() for place in range(n_bytes // 1_000_000)]
            if calls[0] == number
            else []
        )
        return rank_part(token, k, rows) | {"used": len(used)}

    _replace(worker_tasks, "rank_part", rank_with_memory)
