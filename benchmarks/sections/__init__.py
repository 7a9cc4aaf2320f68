"""The measurements, one file each; `SECTIONS` lists them in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.results import Section
from benchmarks.sections import (
    cluster,
    factors,
    file_import,
    frame_memory,
    growth,
    learned,
    live,
    live_service,
    load,
    own_rules,
    pairs,
    panel,
    peers,
    rank,
    requests,
    reweight,
    run,
    shared_cache,
    startup,
    worst_cases,
)
from benchmarks.workspace import Size, Workspace

__all__ = ["SECTIONS"]

SECTIONS: dict[str, Callable[[Size, Workspace], Section]] = {
    "rank": rank.measure,
    "peers": peers.measure,
    "growth": growth.measure,
    "worst": worst_cases.measure,
    "own_rules": own_rules.measure,
    "pairs": pairs.measure,
    "learned": learned.measure,
    "reweight": reweight.measure,
    "panel": panel.measure,
    "live": live.measure,
    "live_service": live_service.measure,
    "requests": requests.measure,
    "load": load.measure,
    "factors": factors.measure,
    "run": run.measure,
    "large_run": run.measure_large,
    "cluster": cluster.measure,
    "shared_cache": shared_cache.measure,
    "files": file_import.measure,
    "frames": frame_memory.measure,
    "import": startup.measure,
}
"""Name → function that measures it in a new process."""
