"""Findings about what is open and who acts: jobs by state, users, actions over time, brought factors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from scoring.columns import ACTION_KINDS
from scoring.data_check.finding import Finding
from scoring.dataset import Dataset
from scoring.dataset.arrays import DAY
from scoring.errors import make_printable, pluralize
from scoring.id_index import IdIndex

__all__ = [
    "find_actions_without_factors",
    "find_areas_without_jobs",
    "find_job_states",
    "find_quiet_weeks",
    "find_users",
]

N_WEEKS: Final = 8
QUIET: Final = 0.2
"""A week with less than this share of the median of the weeks is reported."""
AREA_DAYS: Final = 90
AREA_SHARE: Final = 0.005
WITHOUT_FACTORS: Final = 0.01


def find_job_states(data: Dataset) -> Iterator[Finding]:
    """Return the number of jobs per state, and a problem if none is open."""
    closed = data.jobs.find_closed(data.clock.now, check_active=not data.clock.set_back)
    counts, left = {"open": int(data.open_jobs.sum())}, ~data.open_jobs
    for reason, jobs in closed.items():
        counts[reason] = int((left & jobs).sum())
        left &= ~jobs
    text = f"{pluralize(len(data.jobs), 'job')}: " + ", ".join(f"{count:,} {state}" for state, count in counts.items())
    if counts["open"]:
        yield Finding("jobs", "info", f"{text} at {data.as_of:%Y-%m-%d %H:%M} UTC")
        return
    yield Finding(
        "jobs",
        "problem",
        f"no job is open at {data.as_of:%Y-%m-%d %H:%M} UTC ({text})",
        "Import current jobs, or set the clock back with --as-of.",
    )


def find_users(data: Dataset) -> Iterator[Finding]:
    """Return how many active users have wishes and a history, and a problem if no user is active."""
    users = data.users
    n_active = int(users.active.sum())
    if not n_active:
        yield Finding(
            "users",
            "problem",
            f"none of {pluralize(len(users), 'user')} is active",
            "Runs rank jobs for active users: import users, or correct `is_active`.",
        )
        return
    has_wish = ~np.isnan(users.salary_floor) | users.has_style | (np.diff(users.preferred.start) > 0)
    has_history = np.zeros(len(users), dtype=bool)
    has_history[data.actions.user] = True
    wishes, histories = int((has_wish & users.active).sum()), int((has_history & users.active).sum())
    neither = int((users.active & ~has_wish & ~has_history).sum())
    text = (
        f"{n_active:,} of {pluralize(len(users), 'user')} are active: {wishes:,} with wishes, {histories:,} with "
        f"actions, {neither:,} with neither"
    )
    if neither == n_active:
        yield Finding(
            "users",
            "warning",
            text,
            "All users get nearly the same list: import wishes (`preferred_occupations`, …) or actions.",
        )
    else:
        yield Finding("users", "info", text)


def find_quiet_weeks(data: Dataset) -> Iterator[Finding]:
    """Return the number of actions by kind and week, and a warning for missing applications and for quiet weeks."""
    actions = data.actions
    counts = np.bincount(actions.kind, minlength=len(ACTION_KINDS))
    kinds = ", ".join(pluralize(int(count), kind) for kind, count in zip(ACTION_KINDS, counts, strict=True))
    yield Finding("actions", "info", f"actions: {kinds}")
    if not counts[0]:
        yield Finding(
            "actions",
            "warning",
            "the data contains no applications",
            "Factors, history and measures are based on applications: import them as `action: application`.",
        )
    if not len(actions):
        return
    age = (data.clock.now - actions.at) // (7 * DAY)
    n_weeks = min(N_WEEKS, int(age.max()) + 1)
    weeks = np.bincount(age[age < n_weeks], minlength=n_weeks)
    text = " ".join(f"{count:,}" for count in weeks[::-1])
    yield Finding("actions", "info", f"actions in each of the last {pluralize(n_weeks, 'week')}: {text}")
    quiet = np.flatnonzero(weeks < QUIET * np.median(weeks))
    if len(quiet):
        start = data.as_of - (int(quiet[0]) + 1) * np.timedelta64(7, "D")
        yield Finding(
            "actions",
            "warning",
            f"the week from {start:%Y-%m-%d} has {pluralize(int(weeks[quiet[0]]), 'action')}; the median of "
            f"{n_weeks} weeks is {int(np.median(weeks)):,}",
            "Check that the log is complete: rates and measures read these weeks.",
        )


def find_areas_without_jobs(data: Dataset) -> Iterator[Finding]:
    """Return a warning for each prefecture that users act on and that has no open job."""
    actions, prefecture = data.actions, data.jobs.prefecture
    recent = prefecture[actions.job[actions.at >= data.clock.now - AREA_DAYS * DAY]]
    recent = recent[recent >= 0]
    if not len(recent) or not data.open_jobs.any():
        return
    acted = np.bincount(recent, minlength=len(data.words.prefecture))
    n_open = np.bincount(prefecture[data.open_jobs & (prefecture >= 0)], minlength=len(data.words.prefecture))
    lacking = np.flatnonzero((n_open == 0) & (acted >= max(1, AREA_SHARE * len(recent))))
    if len(lacking):
        most = lacking[np.argsort(-acted[lacking], kind="stable")][:5]
        codes = [make_printable(str(data.words.prefecture.value(code)), 20) for code in most]
        names = ", ".join(f"{name} ({acted[code]:,})" for name, code in zip(codes, most, strict=True))
        area = data.board.region if len(lacking) == 1 else data.board.regions
        yield Finding(
            "areas without jobs",
            "warning",
            f"no open job is in {len(lacking):,} {area} with actions in the last {AREA_DAYS} days: {names}",
            "Check that the file of jobs is complete, and that both files use the same codes.",
        )


def find_actions_without_factors(data: Dataset) -> Iterator[Finding]:
    """Return a warning for brought factors that lack more than 1 % of the users or jobs with actions."""
    for name, key, rows, ids in (
        ("user_factors", "user_id", data.actions.user, data.users.user_id),
        ("job_factors", "job_id", data.actions.job, data.jobs.job_id),
    ):
        factors = getattr(data.tables, name)
        if factors is None or not len(rows):
            continue
        acting = ids[np.unique(rows)]
        _, present = IdIndex(np.sort(factors[key].to_numpy(np.int64))).find(acting)
        lacking = int((~present).sum())
        what = key.removesuffix("_id")
        text = f"{name} lacks {lacking:,} of {pluralize(len(acting), what)} with actions"
        if lacking > WITHOUT_FACTORS * len(acting):
            example = int(acting[~present][0])
            yield Finding(
                "factors",
                "warning",
                f"{text}, such as {example}",
                "Check that the factors have the same ids. Without a vector, `collaborative` gives `unknown` points.",
            )
        else:
            yield Finding("factors", "info", text)
