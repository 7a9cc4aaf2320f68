"""Number of users in one task of a thread."""

from __future__ import annotations

import pytest

from scoring.threads.pool import count_users_per_task


@pytest.mark.parametrize(
    ("n_users", "workers", "tile", "size"),
    [
        (0, 2, 1, 16),
        (500, 2, 1, 31),
        (500, 2, 128, 125),
        (300, 2, 128, 75),
        (100, 2, 128, 50),
        (10, 2, 128, 16),
        (100_000, 2, 128, 256),
    ],
)
def test_users_per_task(n_users: int, workers: int, tile: int, size: int) -> None:
    """Task sizes are close to whole tiles, and small enough for a quick cancellation."""
    assert count_users_per_task(n_users, workers, tile) == size
