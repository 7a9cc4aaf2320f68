"""Memory of this process."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["MemoryStatistics", "measure_peak", "measure_resident", "memory_statistics"]


@dataclass(frozen=True)
class MemoryStatistics:
    """Resident bytes of this process: current, and at its peak."""

    resident_bytes: int
    peak_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Return the values as a dictionary that JSON can hold."""
        return asdict(self)


def memory_statistics() -> MemoryStatistics:
    """Return the current and the peak memory."""
    now = measure_resident()
    # Linux counts pages per thread and adds them up only sometimes, so the peak may be slightly too low
    return MemoryStatistics(now, max(now, measure_peak()))


def measure_resident() -> int:
    """Return the bytes of memory that are resident now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def measure_peak() -> int:
    """Return the largest number of bytes that were resident."""
    # on Linux a new program's ru_maxrss starts at the memory of its parent, such as a shell or a notebook
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
