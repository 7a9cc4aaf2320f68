"""Published lists are those of the last `renew`."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from scoring.errors import UnknownIdError
from scoring.live import LiveLists
from scoring.live.events import Event
from scoring.live.published_lists import PublishedLists
from tests.support.live_sequences import LiveSequence, basis_of, market_of, tables_of
from tests.support.random_markets import CLOCK


def make_lists() -> LiveLists:
    tables = tables_of(market_of(1))
    lists = LiveLists(tables, "standard", basis_of(tables), k=10)
    lists.builds_in_place = False
    return lists


def delete(lists: LiveLists, kind: str, key: int) -> None:
    assert lists.apply(Event(lists.seq + 1, kind, key, None, CLOCK + timedelta(seconds=1)))  # type: ignore[arg-type]


def require_equal(published: PublishedLists, lists: LiveLists) -> None:
    lists.refill()
    published.renew()
    found, expected = published.copy(), lists.ranking()
    for name in ("user_id", "job_id", "scores", "count"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_readers_see_an_event_after_renew() -> None:
    lists = make_lists()
    published = lists.publish()
    user = int(lists.ranking().user_id[0])
    before = published.get(user)
    assert before is not None
    job = int(before.job_id[0])
    delete(lists, "job", job)
    found = published.get(user)
    assert found is not None
    assert job in found.job_id
    published.renew()
    found = published.get(user)
    assert found is not None
    assert job not in found.job_id
    assert job in before.job_id  # an answer never changes
    require_equal(published, lists)


def test_deleted_user_is_known_until_renew() -> None:
    lists = make_lists()
    published = lists.publish()
    user = int(lists.ranking().user_id[0])
    delete(lists, "user", user)
    assert published.get(user) is not None
    published.renew()
    with pytest.raises(UnknownIdError):
        published.get(user)
    with pytest.raises(UnknownIdError):
        published.get(10**12)


def test_list_with_too_few_exact_places_is_short() -> None:
    lists = make_lists()
    published = lists.publish()
    users = lists.ranking().user_id.tolist()
    lists._lists.valid[0], lists._lists.complete[0], lists._lists.is_changed[0] = 9, False, True
    published.renew()
    place_of = {place: user for user, place in lists._user_of.items()}
    assert [user for user in users if published.is_short(user)] == [place_of[0]]


@pytest.mark.parametrize("seed", range(3))
def test_published_lists_equal_lists_after_random_events(seed: int) -> None:
    sequence = LiveSequence(seed, is_compared=False)
    sequence.run(40)
    sequence.lists.builds_in_place = False
    require_equal(sequence.lists.publish(), sequence.lists)
    published, n_rebuilds = sequence.lists.publish(), sequence.lists.n_rebuilds
    sequence.lists.builds_in_place = True
    for _ in range(40):
        sequence.run(1)
        if sequence.lists.n_rebuilds != n_rebuilds:  # other arrays
            published, n_rebuilds = sequence.lists.publish(), sequence.lists.n_rebuilds
        require_equal(published, sequence.lists)
