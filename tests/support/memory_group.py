"""A group of processes with a memory limit: the kernel kills a process that exceeds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

__all__ = ["MemoryGroup", "memory_group"]

_ROOT = Path("/sys/fs/cgroup")


class MemoryGroup:
    """A control group of version 1 or 2."""

    def __init__(self) -> None:
        self._is_old = (_ROOT / "memory").is_dir()
        self.path = (_ROOT / "memory" if self._is_old else _ROOT) / f"scoring-test-{os.getpid()}"
        self.path.mkdir()

    def add(self, pid: int, *, limit: int) -> None:
        """Add a process. The limit is of what the group uses from now on."""
        (self.path / ("memory.limit_in_bytes" if self._is_old else "memory.max")).write_text(str(limit))
        (self.path / "cgroup.procs").write_text(str(pid))

    def count_kills(self) -> int:
        """Return how many processes the kernel killed for their memory."""
        text = (self.path / ("memory.oom_control" if self._is_old else "memory.events")).read_text()
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    def close(self) -> None:
        with suppress(OSError):
            self.path.rmdir()


@pytest.fixture
def memory_group() -> Iterator[MemoryGroup]:
    """Return an empty group, if this process may create one."""
    try:
        group = MemoryGroup()
    except OSError:
        pytest.skip("control groups of memory are not available")
    yield group
    group.close()
