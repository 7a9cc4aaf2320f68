"""Synthetic actions: sessions over 360 days, a list of open jobs in each, and choices by hidden utility.

A session shows about forty jobs: near home, of preferred occupations, popular, of the user's scene, and random. The
user views a few of them, drawn without replacement from a softmax over utility (Gumbel top-k). The user clicks on some
of the viewed jobs, and applies to some of the clicked ones. Sessions are simulated in epochs of equal size. The memory
of applications and clicks is updated after each epoch, so that an epoch is computed with arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import ACTION_KINDS
from scoring.synthetic import column_helpers
from scoring.synthetic.companies import Companies
from scoring.synthetic.hidden_preferences import Preferences, Utility
from scoring.synthetic.jobs import Jobs
from scoring.synthetic.recent_action_state import RecentActions
from scoring.synthetic.reference_arrays import DAY, N_SCENES, ReferenceArrays
from scoring.synthetic.sampling import Flags, Floats, Ints, Strata, draw_weighted
from scoring.synthetic.users import Users

__all__ = ["make_actions"]

_SPAN: Final = 360 * DAY
_LONGEST: Final = 45 * 60  # seconds: longest session
_VIEWS: Final = 6.0  # mean per session
_MOST_VIEWS: Final = 20
_CLICK, _APPLY = 0.36, 0.17  # clicks per view, applications per click: 70 : 25 : 5 of all actions
_TEMPERATURE: Final = 3.5  # of the softmax over shown jobs, in points of utility
_EAGERNESS: Final = 0.06  # logits of a click or application per point of utility
_QUALITY: Final = 0.8  # logits of applying per standard deviation of the company's quality
_APPLICATION, _CLICKED, _VIEW = range(3)
_HOURS: Final = np.array([4, 2, 1, 1, 1, 1, 2, 4, 5, 5, 5, 6, 9, 7, 5, 5, 5, 6, 7, 8, 10, 11, 10, 7])
"""Relative number of sessions by hour in Japan, with peaks at lunch and in the late evening."""


@dataclass(frozen=True)
class _ActionLog:
    """Actions as arrays of equal length. Users and jobs are positions, not ids."""

    session: Ints
    user: Ints
    job: Ints
    kind: Ints
    at: Ints

    def take(self, rows: Ints | Flags) -> _ActionLog:
        return _ActionLog(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def concatenate(cls, logs: list[_ActionLog]) -> _ActionLog:
        """Return the concatenated logs; an empty log if there are none."""
        none = np.empty(0, np.int64)
        return cls(*(np.concatenate([none, *(getattr(log, f.name) for log in logs)]) for f in fields(cls)))


def make_actions(
    rng: np.random.Generator,
    reference: ReferenceArrays,
    users: Users,
    companies: Companies,
    jobs: Jobs,
    preferences: Preferences,
    n_actions: int,
    now: int,
) -> pd.DataFrame:
    """Return the canonical table of `n_actions` actions by time; fewer if too few jobs were open."""
    # simulate more than needed and thin later: in a small market many sessions show few jobs
    surplus = 1.2 + min(1.5, 600 / len(jobs))
    n_sessions = int(np.ceil(n_actions * surplus / (_VIEWS * (1 + _CLICK * (1 + _APPLY))))) + (n_actions > 0)
    user, at = _draw_sessions(rng, users, n_sessions, now)
    n_sessions = len(user)
    search = _JobSearch(reference, users, jobs)
    utility = Utility(reference, users, companies, jobs, preferences)
    recent = RecentActions(
        len(users), jobs, len(reference.occupations.codes), len(reference.prefectures.codes), now - _SPAN
    )
    quality = np.append(companies.quality, 0.0)[jobs.company]
    logs = []
    for epoch in _split_epochs(n_sessions):
        shown = search.show(rng, user[epoch], at[epoch])
        log = _choose(rng, np.arange(n_sessions)[epoch], user, at, shown, utility, recent, quality)
        for kind, remember in ((_APPLICATION, recent.record_applications), (_CLICKED, recent.record_clicks)):
            rows = log.take(log.kind == kind)
            remember(rows.user, rows.job, rows.at)
        logs.append(log)
    return _to_frame(_limit(rng, _clean(_ActionLog.concatenate(logs), now, len(jobs)), n_actions, n_sessions))


def _draw_sessions(rng: np.random.Generator, users: Users, n: int, now: int) -> tuple[Ints, Ints]:
    """Return users and times in seconds, by time: more of them recently and by day, and none before registration."""
    user = draw_weighted(rng, users.activity, n)
    age = np.where(rng.random(n) < 0.45, rng.uniform(0, 360, n), np.minimum(rng.exponential(28, n), 359))
    at = now - (age * DAY).astype(np.int64)
    # the hour in Japan, which is UTC+9
    local = at + 9 * 3600
    at = local - local % DAY - 9 * 3600 + draw_weighted(rng, _HOURS / _HOURS.sum(), n) * 3600 + rng.integers(0, 3600, n)
    at = np.where(at > now, at - DAY, at)
    registered = users.registered[user]
    since = registered + (rng.random(n) * (now - registered)).astype(np.int64)
    at = np.where(at < registered, since, at)
    if n:
        at[np.argmax(at)] = now - 90  # the newest session is shortly before the clock
    # drop sessions that may overlap the previous one of the same user, so that no two actions are equal
    order = np.lexsort((at, user))
    user, at = user[order], at[order]
    is_kept = np.ones(n, bool)
    is_kept[:-1] = (np.diff(user) != 0) | (np.diff(at) > _LONGEST)
    user, at = user[is_kept], at[is_kept]
    order = np.lexsort((user, at))
    return user[order], at[order]


def _split_epochs(n_sessions: int) -> Iterator[slice]:
    """Yield about fifty slices, so that the memory is at most days old; at most 16,000 sessions each, to bound RAM."""
    size = int(min(16_000, max(50, -(-n_sessions // 50))))
    return (slice(first, first + size) for first in range(0, n_sessions, size))


class _JobSearch:
    """Draws the jobs that a session shows, as the search and recommendations of a job board do."""

    def __init__(self, reference: ReferenceArrays, users: Users, jobs: Jobs) -> None:
        self._reference, self._users, self._jobs = reference, users, jobs
        n_prefectures, n_work = len(reference.prefectures.codes), len(reference.occupations.codes)
        zero, equal, exposure = np.zeros(len(jobs), np.int64), np.ones(len(jobs)), jobs.exposure
        self._n_prefectures = n_prefectures
        self._everywhere = Strata(zero, 1, equal)
        self._popular = Strata(zero, 1, exposure)
        self._city = Strata(jobs.town, len(reference.cities.codes), exposure)
        self._prefecture = Strata(jobs.place, n_prefectures, exposure)
        self._trade = Strata(jobs.trade, n_work, exposure)
        self._trade_here = Strata(jobs.trade * n_prefectures + jobs.place, n_work * n_prefectures, exposure)
        self._crowd_here = Strata(jobs.scene * n_prefectures + jobs.place, N_SCENES * n_prefectures, exposure)

    def show(self, rng: np.random.Generator, user: Ints, at: Ints) -> Ints:
        """Return (sessions, 50) distinct jobs that are open at the time of the session; −1 for an empty slot."""
        users, jobs, count = self._users, self._jobs, self._n_prefectures
        is_open = (jobs.opened <= at[-1]) & (jobs.expires > at[0])
        shape = (len(user), 1)
        home, city = users.home[user][:, None], users.home_city[user][:, None]
        # earlier interests are more likely
        liked = users.interests[user[:, None], (rng.random((len(user), 16)) ** 1.7 * 5).astype(np.int64)]
        near = self._reference.prefectures.draw_neighbour(rng, np.repeat(home, 5, axis=1))
        slots = [
            self._city.restrict(is_open).draw(rng, np.repeat(city, 9, axis=1)),
            self._prefecture.restrict(is_open).draw(rng, np.hstack([np.repeat(home, 7, axis=1), near])),
            self._trade_here.restrict(is_open).draw(rng, liked[:, :12] * count + home),
            self._trade.restrict(is_open).draw(rng, liked[:, 12:]),
            self._crowd_here.restrict(is_open).draw(
                rng, np.repeat(users.scene[user][:, None] * count + home, 5, axis=1)
            ),
            self._popular.restrict(is_open).draw(rng, np.zeros((shape[0], 4), np.int64)),
            self._everywhere.restrict(is_open).draw(rng, np.zeros((shape[0], 4), np.int64)),
        ]
        shown = np.sort(np.hstack(slots), axis=1)
        shown[:, 1:][shown[:, 1:] == shown[:, :-1]] = -1
        now = at[:, None]
        fits = (jobs.opened[shown] <= now) & (jobs.expires[shown] > now + _LONGEST)
        return np.where(fits, shown, -1)


def _choose(
    rng: np.random.Generator,
    sessions: Ints,
    user: Ints,
    at: Ints,
    shown: Ints,
    utility: Utility,
    recent: RecentActions,
    quality: Floats,
) -> _ActionLog:
    """Return the actions of `sessions`, by time. `who` and `at` cover all sessions, `shown` only `sessions`."""
    user, at = user[sessions], at[sessions]
    session, slot = np.nonzero(shown >= 0)
    job = shown[session, slot]
    points = utility.compute(user[session], job, at[session], recent)
    noisy_utility = np.full(shown.shape, -np.inf, np.float32)
    noisy_utility[session, slot] = points / np.float32(_TEMPERATURE) + rng.gumbel(size=len(job)).astype(np.float32)
    rank = np.empty(shown.shape, np.int64)
    np.put_along_axis(rank, np.argsort(-noisy_utility, axis=1, kind="stable"), np.arange(shown.shape[1])[None], 1)
    n_views = np.minimum(rng.geometric(1 / _VIEWS, len(user)), _MOST_VIEWS)
    viewed = rank[session, slot] < n_views[session]
    session, job, points, view_rank = session[viewed], job[viewed], points[viewed], rank[session, slot][viewed]
    start = at[session] + view_rank * 60 + np.where(view_rank > 0, rng.integers(0, 50, len(job)), 0)
    clicked = _draw_next_step(rng, points, session, _CLICK, 0.0)
    applied = np.flatnonzero(clicked)
    applied = applied[_draw_next_step(rng, points[applied], session[applied], _APPLY, _QUALITY * quality[job[applied]])]
    click_at = start + rng.integers(3, 20, len(start))
    parts = [
        (_VIEW, np.arange(len(job)), start),
        (_CLICKED, np.flatnonzero(clicked), click_at),
        (_APPLICATION, applied, click_at + rng.integers(60, 600, len(start))),
    ]
    kind = np.concatenate([np.full(len(rows), code, np.int64) for code, rows, _ in parts])
    rows = np.concatenate([rows for _, rows, _ in parts])
    times = np.concatenate([moment[rows] for _, rows, moment in parts])
    order = np.argsort(times, kind="stable")
    return _ActionLog(sessions[session][rows], user[session][rows], job[rows], kind, times).take(order)


def _draw_next_step(
    rng: np.random.Generator, points: NDArray[np.float32], session: Ints, share: float, bonus: Floats | float
) -> Flags:
    """Return (rows,) bool: the jobs that reach the next step.

    The probability is about `share`. It is higher for a job with more utility than the mean of its session.
    """
    n = int(session.max()) + 1 if len(session) else 0
    mean = np.bincount(session, points, n) / np.maximum(np.bincount(session, minlength=n), 1)
    logit = np.log(share / (1 - share)) + _EAGERNESS * (points - mean[session]) + bonus
    return rng.random(len(points)) < 1 / (1 + np.exp(-logit))


def _clean(log: _ActionLog, now: int, n_jobs: int) -> _ActionLog:
    """Return the actions up to the clock in canonical order, without repeated applications to a job."""
    log = log.take(log.at <= now)
    log = log.take(np.lexsort((log.kind, log.job, log.user, log.at)))
    pair = log.user * n_jobs + log.job
    applications = np.flatnonzero(log.kind == _APPLICATION)
    first = applications[np.unique(pair[applications], return_index=True)[1]]
    keep = log.kind != _APPLICATION
    keep[first] = True
    return log.take(keep)


def _limit(rng: np.random.Generator, log: _ActionLog, n: int, n_sessions: int) -> _ActionLog:
    """Return at most n actions. Whole sessions are removed, to keep clicks with their views; the last one stays."""
    if len(log.at) <= n:
        return log
    priority = np.empty(n_sessions, np.int64)
    priority[rng.permutation(n_sessions)] = np.arange(1, n_sessions + 1)
    priority[log.session[-1]] = 0
    # the session at the limit keeps its earliest actions
    rows = np.argsort(priority[log.session], kind="stable")[:n]
    return log.take(np.sort(rows))


def _to_frame(log: _ActionLog) -> pd.DataFrame:
    columns = {
        "user_id": log.user + 1,
        "job_id": log.job + 1,
        "action": column_helpers.make_text_column(np.array(ACTION_KINDS, object)[log.kind]),
        "occurred_at": column_helpers.time_column(log.at),
    }
    return column_helpers.make_canonical("actions", columns, len(log.user))
