"""Tests of `scoring.live.leader_lease`: one holder at a time, and fences."""

from __future__ import annotations

import pytest

from scoring.database.database import Database
from scoring.live.leader_lease import LeaderLease, LeaseLostError, live_leases, read_clock


@pytest.fixture
def leases(database: Database) -> tuple[LeaderLease, LeaderLease]:
    """Return the leases of two processes."""
    found = LeaderLease("first", 600), LeaderLease("second", 600)
    database.write(found[0].create)
    return found


def end_lease(database: Database) -> None:
    """Let the lease expire now."""
    database.write(lambda connection: connection.execute(live_leases.update(), {"expires_at": read_clock(connection)}))


def test_one_process_holds_the_lease(database: Database, leases: tuple[LeaderLease, LeaderLease]) -> None:
    first, second = leases
    assert database.write(first.renew)
    assert not database.write(second.renew)
    assert (first.fence, second.fence) == (1, None)
    assert database.write(first.renew)
    assert first.fence == 1


def test_expired_lease_is_taken_with_a_higher_fence(
    database: Database, leases: tuple[LeaderLease, LeaderLease]
) -> None:
    first, second = leases
    database.write(first.renew)
    database.write(first.require)
    end_lease(database)
    assert database.write(second.renew)
    assert second.fence == 2
    database.write(second.require)
    with pytest.raises(LeaseLostError) as caught:
        database.write(first.require)
    assert caught.value.fence == 1


def test_lease_that_expired_but_was_not_taken_is_kept(
    database: Database, leases: tuple[LeaderLease, LeaderLease]
) -> None:
    first, _ = leases
    database.write(first.renew)
    end_lease(database)
    database.write(first.require)
    assert database.write(first.renew)
    assert first.fence == 1


def test_released_lease_is_free_at_once(database: Database, leases: tuple[LeaderLease, LeaderLease]) -> None:
    first, second = leases
    database.write(first.renew)
    database.write(first.release)
    assert first.fence is None
    assert database.write(second.renew)
    assert second.fence == 2
