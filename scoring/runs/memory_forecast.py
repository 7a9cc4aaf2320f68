"""The available memory and the predicted memory of a run. A run that does not fit is rejected before any work.

The byte counts were fitted to synthetic markets of 2,000 to 10,000 users, 20,000 to 100,000 jobs and 200,000
to 1,000,000 actions (CPython 3.11, pandas 3). `tests/runs/test_memory_forecast.py` compares a prediction with a
measured peak.
"""

from __future__ import annotations

import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scoring.errors import NotEnoughMemoryError
from scoring.telemetry.process_memory import measure_peak, measure_resident

__all__ = [
    "BYTES_PER_RANKED",
    "BYTES_PER_RESULT",
    "format_bytes",
    "measure_available",
    "measure_peak",
    "measure_resident",
    "predict_codes",
    "predict_data",
    "predict_run",
    "require",
]

BYTES_PER_RESULT = 36
"""Bytes of a ranked job in a frame: two int64 ids, an int32 rank, four float32 scores."""

BYTES_PER_RANKED = 34
"""Bytes of a ranked job in a chunk: its id, row and four scores."""

_RETAINED_BYTES = 41
_MAX_RETAINED_BYTES = 80_000_000
"""Bytes per ranked job, and at most in total, that the C library keeps after a chunk is freed (fitted to chunks of
40,000 to 6.5 million ranked jobs). Larger blocks are returned to the system."""

_NO_LIMIT = 1 << 60
"""cgroup v1 represents "no limit" by a number near 2^63."""


def measure_available(root: Path = Path("/")) -> int:
    """Return the bytes that this process can still allocate under the machine, its cgroups (v1, v2) and its limits."""
    import psutil

    return max(0, min([psutil.virtual_memory().available, *_read_cgroup_limits(root), *_read_rlimits()]))


@dataclass(frozen=True)
class _Controller:
    """The files of one version of cgroups."""

    folder: str
    limit: str
    usage: str
    reclaimable: str  # a line of memory.stat: file pages that the kernel reclaims before it kills a process


_V1 = _Controller("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Controller("", "memory.max", "memory.current", "inactive_file")


def _read_cgroup_limits(root: Path) -> list[int]:
    """Return the bytes left under each limit, from the group of this process up to the top."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    free = []
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
            n_bytes = _read_free_bytes(folder, kind)
            if n_bytes is not None:
                free.append(n_bytes)
            if folder == top:
                break
    return free


def _read_free_bytes(folder: Path, kind: _Controller) -> int | None:
    """Return the bytes left under the limit of one group; None if it has no limit."""
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
"""Bytes of address space reserved for threads and libraries, which reserve more than they use. A thread that cannot
reserve any ends the process."""


def _read_rlimits() -> list[int]:
    free = []
    if hasattr(resource, "RLIMIT_AS"):
        import psutil

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            free.append(limit - int(psutil.Process().memory_info().vms) - _ADDRESSES)
    return free


def predict_data(n_users: int, n_jobs: int, n_actions: int) -> int:
    """Return the peak bytes of loading a dataset and preparing a plan, above the memory of the process before.

    The peak occurs while the tables are read from the database, the actions by a second thread, or after encoding, with
    the libraries loaded that preparation needs.
    """
    loading = 10_000_000 + 500 * n_users + 650 * n_jobs + 160 * n_actions
    prepared = 87_000_000 + 1_500 * n_users + 1_450 * n_jobs + 130 * n_actions
    return max(loading, prepared)


def predict_codes(n_users: int, n_occupations: int) -> int:
    """Return the bytes that grow with the number of occupations.

    These are two tables of users and the occupations they want, and five tables of all pairs of occupations.
    """
    return 8 * n_occupations * (2 * n_users + 5 * n_occupations)


def require_codes(n_users: int, n_occupations: int) -> None:
    """Raise NotEnoughMemoryError if the tables of `predict_codes` do not fit in memory."""
    require(
        predict_codes(n_users, n_occupations),
        f"Comparing {n_occupations:,} occupations",
        ["map occupations to fewer codes before the import"],
    )


def predict_run(
    *,
    program_bytes: int,
    n_users: int,
    k: int,
    chunk_size: int,
    workers: int,
    search_bytes: int = 0,
    held_bytes: int = 0,
) -> int:
    """Return the peak bytes of ranking, above the memory of the process before.

    The scorer copies the eligible jobs (at most `program_bytes`). `search_bytes`: `Plan.search_bytes`. A chunk has
    ids, rows and scores of k jobs per user. A worker has rows of its lookups and the sums of a tile. `held_bytes` is
    the memory that the caller keeps besides, such as that of the publishers.
    """
    chunk = min(chunk_size, n_users) * k
    retained = min(chunk * _RETAINED_BYTES, _MAX_RETAINED_BYTES)
    ranked = chunk * BYTES_PER_RANKED + retained
    return program_bytes + search_bytes + ranked + workers * 2_000_000 + held_bytes


def require(bytes_needed: int, operation: str, alternatives: Sequence[str], *, available: int | None = None) -> None:
    """Check that `bytes_needed` bytes are available. `available`: the available bytes; None: `measure_available()`.

    Raises
    ------
    NotEnoughMemoryError: If they are not; the message has both numbers and the `alternatives`.
    """
    available = measure_available() if available is None else available
    if bytes_needed > available:
        advice = f" Alternatives: {'; '.join(alternatives)}." if alternatives else ""
        raise NotEnoughMemoryError(
            f"{operation} needs {format_bytes(bytes_needed)} of memory ({bytes_needed:,} bytes), but only "
            f"{format_bytes(available)} ({available:,} bytes) are available.{advice}",
            bytes_needed=bytes_needed,
            bytes_available=available,
            alternatives=tuple(alternatives),
        )


def format_bytes(count: float) -> str:
    """Return a number of bytes in decimal units, such as 12.3 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
