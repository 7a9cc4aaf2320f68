"""Compare a graphics card with the host on bundles: `python -m benchmarks.card_lists FILE.bundle …`.

It requires NumPy, Numba and numba-cuda only, and SciPy to compare with the strategy dense. `benchmarks.card_bundles`
writes the bundles on another machine. It checks the machine first, prints whether all lists are equal and the ratio of
the times, and exits with 1 if a list differs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from scoring.backends.cuda.device import Device, find_objection
from scoring.backends.numba.backend import NumbaBackend
from scoring.backends.numba.strategies import Strategy
from scoring.bundle.bundle import Bundle
from scoring.bundle.ranked_lists import Ranking
from scoring.threads.pool import available_cpus

__all__ = ["main"]


def main() -> None:
    """Rank each bundle with the card and with the host."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", type=Path, nargs="+", metavar="FILE.bundle")
    parser.add_argument("--k", type=int, default=40)
    parser.add_argument("--users", type=int, help="rank this number of users; those of the bundle are repeated")
    parser.add_argument("--workers", type=int, default=available_cpus())
    options = parser.parse_args()
    objection = find_objection()
    if objection is not None:
        sys.exit(f"error: {objection}")
    host: Strategy = (
        "dense" if importlib.util.find_spec("scipy") and importlib.util.find_spec("threadpoolctl") else "pruned"
    )
    print(json.dumps(_describe_machine(options.workers), indent=2), flush=True)
    all_equal = True
    for path in options.bundles:
        found = _compare(Bundle.open(path), host, options.k, options.users, options.workers)
        print(json.dumps({"bundle": path.name, **found}, indent=2), flush=True)
        all_equal &= found["equal"]
    sys.exit(0 if all_equal else 1)


def _describe_machine(workers: int) -> dict[str, Any]:
    device = Device.open()
    return {
        "card": device.name,
        "free_memory_gb": round(min(device.count_free_bytes(), 1e15) / 1e9, 1),
        "workers": workers,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _compare(bundle: Bundle, host: Strategy, k: int, n_users: int | None, workers: int) -> dict[str, Any]:
    """Return the times of both, whether the lists are equal, and what the card did."""
    of_bundle = bundle.program.n_users
    users = np.arange(of_bundle if n_users is None else n_users) % of_bundle
    backends = {name: NumbaBackend(bundle, workers=workers, strategy=name) for name in ("gpu", host)}
    seconds, rankings = {}, {}
    for name, backend in backends.items():
        backend.top_k(k, users[:64])  # compiles the kernels
        start = time.perf_counter()
        rankings[name] = backend.top_k(k, users)
        seconds[name] = time.perf_counter() - start
    return {
        "pairs": len(users) * bundle.n_eligible,
        "equal": _are_equal(*rankings.values()),
        "gpu_seconds": round(seconds["gpu"], 4),
        f"{host}_seconds": round(seconds[host], 4),
        "ratio": round(seconds[host] / seconds["gpu"], 2),
        "choice": str(rankings["gpu"].choice),
    }


def _are_equal(a: Ranking, b: Ranking) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("job_id", "scores", "count"))


if __name__ == "__main__":
    main()
