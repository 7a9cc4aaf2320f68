"""Compare a graphics card with the host on bundles: `python -m benchmarks.card_lists FILE.bundle …`.

It requires NumPy, Numba and numba-cuda only, and SciPy to compare with the strategy dense. `benchmarks.card_bundles`
writes the bundles on another machine. It checks the machine first, prints whether all lists are equal and the ratio of
the times, and exits with 1 if a list differs or the card was not used.
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

from scoring.array_types import Longs
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
    parser.add_argument("--compared", type=int, default=2000, help="users that the host ranks too")
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
        found = _compare(Bundle.open(path), host, options)
        print(json.dumps({"bundle": path.name, **found}, indent=2), flush=True)
        all_equal &= found["equal"] and found["used_card"]
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


def _compare(bundle: Bundle, host: Strategy, options: argparse.Namespace) -> dict[str, Any]:
    """Return the times of both, whether the lists are equal, and what the card did."""
    of_bundle = bundle.program.n_users
    users = np.arange(options.users or of_bundle) % of_bundle
    of_card, on_card = _rank(bundle, "gpu", options, users)
    of_host, on_host = _rank(bundle, host, options, users[: options.compared])
    return {
        "pairs": len(users) * bundle.n_eligible,
        "used_card": of_card.choice is not None and of_card.choice.strategy == "gpu",
        "equal": _are_equal(of_card.take(np.arange(len(of_host.count))), of_host),
        "gpu_seconds": round(on_card, 4),
        "gpu_us_per_user": round(1e6 * on_card / len(users), 2),
        f"{host}_us_per_user": round(1e6 * on_host / len(of_host.count), 2),
        "ratio": round(on_host / len(of_host.count) / (on_card / len(users)), 2),
        "choice": str(of_card.choice),
    }


def _rank(bundle: Bundle, strategy: Strategy, options: argparse.Namespace, users: Longs) -> tuple[Ranking, float]:
    """Return the lists of these users, and the seconds without compilation."""
    backend = NumbaBackend(bundle, workers=options.workers, strategy=strategy)
    backend.top_k(options.k, users[:64])
    start = time.perf_counter()
    ranking = backend.top_k(options.k, users)
    return ranking, time.perf_counter() - start


def _are_equal(a: Ranking, b: Ranking) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("job_id", "scores", "count"))


if __name__ == "__main__":
    main()
