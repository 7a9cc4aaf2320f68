"""What memory this process holds."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["MemoryStatistics", "memory_statistics", "peak", "resident"]


@dataclass(frozen=True)
class MemoryStatistics:
    """Bytes that this process holds now, and the most that it has held."""

    resident_bytes: int
    peak_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """The same as a plain dictionary, which JSON can hold."""
        return asdict(self)


def memory_statistics() -> MemoryStatistics:
    """Both figures of now."""
    now = resident()
    # Linux counts pages by thread and adds them up now and then: the peak may be a little behind
    return MemoryStatistics(now, max(now, peak()))


def resident() -> int:
    """Bytes of memory that this process holds now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak() -> int:
    """The most bytes of memory that this process has held."""
    # Linux starts a new program's ru_maxrss at what its parent held when it was started: a shell's, or a notebook's
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
