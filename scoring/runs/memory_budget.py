"""How much memory there is, and how much a run will take: predicted before work, compared, refused if too much.

The figures of bytes were fitted to synthetic markets of 2,000 to 10,000 users, 20,000 to 100,000 jobs and 200,000
to 1,000,000 actions (CPython 3.11, pandas 3); `tests/engine/test_memory.py` holds a prediction to a measured peak.
"""

from __future__ import annotations

import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scoring.errors import NotEnoughMemoryError
from scoring.telemetry.memory import peak, resident

__all__ = [
    "BYTES_PER_RANKED",
    "BYTES_PER_RESULT",
    "available",
    "peak",
    "predict_codes",
    "predict_data",
    "predict_run",
    "readable",
    "require",
    "resident",
]

BYTES_PER_RESULT = 36
"""A ranked job in a frame: two int64 ids, an int32 rank, four float32 scores."""

BYTES_PER_RANKED = 34
"""A ranked job in a chunk: its id, row and four scores."""

_BYTES_KEPT = 41
_MOST_KEPT = 80_000_000
"""What the C library keeps of blocks that a chunk gave back: in all at most (fitted to chunks of 40,000 to 6.5 million
ranked jobs); larger blocks are returned to the system."""

_NO_LIMIT = 1 << 60
"""cgroup v1 says "no limit" with a number near 2^63."""


def available(root: Path = Path("/")) -> int:
    """Bytes that this process can still take: of the machine, its cgroups (v1 and v2), its own limits."""
    import psutil

    return max(0, min([psutil.virtual_memory().available, *_cgroup_rooms(root), *_rlimit_rooms()]))


@dataclass(frozen=True)
class _Controller:
    """Where a version of cgroups says what."""

    folder: str
    limit: str
    usage: str
    reclaimable: str  # a line of memory.stat: file pages that the kernel gives back before it kills


_V1 = _Controller("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Controller("", "memory.max", "memory.current", "inactive_file")


def _cgroup_rooms(root: Path) -> list[int]:
    """What is left under every limit on the way from this process's group up to the top."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    rooms = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            kind = _V2
        elif "memory" in controllers.split(","):
            kind = _V1
        else:
            continue
        top = root / "sys/fs/cgroup" / kind.folder
        group = top / path.lstrip("/")
        # a container may see its own group mounted as the top
        for folder in [group, *group.parents] if group.is_dir() else [top]:
            room = _room(folder, kind)
            if room is not None:
                rooms.append(room)
            if folder == top:
                break
    return rooms


def _room(folder: Path, kind: _Controller) -> int | None:
    """Bytes left under one group's limit; None where it has none."""
    try:
        limit = (folder / kind.limit).read_text().strip()
        if limit == "max" or int(limit) >= _NO_LIMIT:
            return None
        used = int((folder / kind.usage).read_text())
        stat = (folder / "memory.stat").read_text().split()
    except (OSError, ValueError):
        return None
    reclaimable = dict(zip(stat[::2], stat[1::2], strict=False)).get(kind.reclaimable, "0")
    return int(limit) - used + int(reclaimable)


_ADDRESSES = 256_000_000
"""Threads and libraries take addresses that they never use; a thread that gets none ends the process."""


def _rlimit_rooms() -> list[int]:
    rooms = []
    if hasattr(resource, "RLIMIT_AS"):
        import psutil

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            rooms.append(limit - int(psutil.Process().memory_info().vms) - _ADDRESSES)
    return rooms


def predict_data(n_users: int, n_jobs: int, n_actions: int) -> int:
    """Bytes at the peak of loading a dataset and preparing a plan, above what the process held before.

    Either while the tables come from the database, jobs as Python objects, or when all is encoded and libraries are
    loaded that only preparing needs.
    """
    loading = 10_000_000 + 500 * n_users + 650 * n_jobs + 160 * n_actions
    prepared = 87_000_000 + 1_500 * n_users + 1_450 * n_jobs + 130 * n_actions
    return max(loading, prepared)


def predict_codes(n_users: int, n_occupations: int) -> int:
    """Bytes of what grows with the number of occupations: who wants what, twice, and five tables of all pairs."""
    return 8 * n_occupations * (2 * n_users + 5 * n_occupations)


def require_codes(n_users: int, n_occupations: int) -> None:
    """Raise NotEnoughMemoryError if the occupations of the data cannot be compared for `n_users` prepared users."""
    require(
        predict_codes(n_users, n_occupations),
        f"Comparing {n_occupations:,} occupations",
        ["bring them to fewer codes when they are imported"],
    )


def predict_run(*, program_bytes: int, n_users: int, k: int, chunk_size: int, workers: int, held_bytes: int = 0) -> int:
    """Bytes at the peak of ranking, above what the process held before; `held_bytes` is what the sinks keep.

    The scorer lays out the eligible jobs anew (at most `program_bytes`); a chunk has ids, rows and scores of k
    jobs per user; a worker has rows of its lookups and a tile's sums.
    """
    chunk = min(chunk_size, n_users) * k
    kept = min(chunk * _BYTES_KEPT, _MOST_KEPT)
    return program_bytes + chunk * BYTES_PER_RANKED + kept + workers * 2_000_000 + held_bytes


def require(bytes_needed: int, what: str, ways_out: Sequence[str], *, there: int | None = None) -> None:
    """Nothing when so many bytes are there (`available()` unless told).

    Raises NotEnoughMemoryError with the bytes needed, the bytes there, and the ways out.
    """
    there = available() if there is None else there
    if bytes_needed > there:
        out = f" Ways out: {'; '.join(ways_out)}." if ways_out else ""
        raise NotEnoughMemoryError(
            f"{what} needs {readable(bytes_needed)} of memory ({bytes_needed:,} bytes), and {readable(there)} "
            f"({there:,} bytes) are there.{out}"
        )


def readable(count: float) -> str:
    """12.3 GB; decimal units."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
