"""The memory of this process."""

from __future__ import annotations

import json
import mmap

from scoring.telemetry import memory_statistics

SIZE = 128_000_000


def test_peak_includes_freed_memory() -> None:
    before = memory_statistics()
    with mmap.mmap(-1, SIZE) as room:
        for at in range(0, SIZE, mmap.PAGESIZE):  # the kernel allocates a page when it is written
            room[at] = 1
        allocated = memory_statistics()
    after = memory_statistics()
    assert allocated.resident_bytes - before.resident_bytes > 0.9 * SIZE
    assert after.resident_bytes < allocated.resident_bytes - 0.9 * SIZE
    assert after.peak_bytes >= allocated.resident_bytes - 0.01 * SIZE
    assert before.resident_bytes <= before.peak_bytes
    assert json.dumps(after.as_dict())
