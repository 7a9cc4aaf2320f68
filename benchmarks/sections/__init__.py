"""The measurements, one file each; `SECTIONS` lists them in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.results import Section
from benchmarks.sections import frames, growth, imports, load, pairs, panel, peers, rank, reweight, run, worst_cases
from benchmarks.workspace import Size, Workspace

__all__ = ["SECTIONS"]

SECTIONS: dict[str, Callable[[Size, Workspace], Section]] = {
    "rank": rank.measure,
    "peers": peers.measure,
    "growth": growth.measure,
    "worst": worst_cases.measure,
    "pairs": pairs.measure,
    "reweight": reweight.measure,
    "panel": panel.measure,
    "load": load.measure,
    "run": run.measure,
    "frames": frames.measure,
    "import": imports.measure,
}
"""Name → function that measures it in a new process."""
