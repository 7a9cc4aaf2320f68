"""Holdouts: by time, the last jobs of each user, or all actions of newcomers.

`by_time` ranks on the data of a past date and evaluates on the actions after it. `last_n` and `cold_start` split the
actions per user: all actions of an evaluated user from the first held-out one on are removed. The log is read at the
data's clock. It may therefore contain later actions of *other* users; the holdout's notes state this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.argument_checks import check_days, check_integer, check_positive_integer, check_seed, check_share
from scoring.array_types import Bools, Longs
from scoring.dataset import Dataset
from scoring.dataset.arrays import DAY, NO_TIME, to_microseconds
from scoring.dataset.dataset import parse_clock
from scoring.dataset.row_lookup import IdList
from scoring.errors import pluralize
from scoring.evaluation.action_log import ActionLog
from scoring.evaluation.holdout import APPLICATIONS, EarlierActions, Holdout, list_caveats, select_relevant
from scoring.evaluation.leakage_check import COMPARED_JOBS, REPEATS, HeldOutJobs, KnownPairs, compare_agreement
from scoring.evaluation.relevance_judgements import Relevance
from scoring.id_index import IdIndex
from scoring.plan import Candidates
from scoring.validation.frame_library_conversion import is_frame, require_columns, to_pandas_frame

__all__ = ["CandidateJobs", "by_time", "cold_start", "last_n"]

CandidateJobs = IdList | pd.DataFrame
"""Candidates given by the caller: job ids for all users, or a frame with the columns user_id and job_id."""

_LATER_ACTIONS: Final = (
    "The known actions of other users may be later than a user's holdout: they end at the data's clock."
)


def by_time(
    data: Dataset,
    cut: Any = None,
    *,
    days: int | timedelta = 14,
    gains: Mapping[str, float] = APPLICATIONS,
    after: datetime | str | None = None,
) -> Holdout:
    """Return a holdout of the actions in the `days` days after the cut.

    The data is what was known at the cut. Later actions are removed, jobs posted later are not open yet, and the
    current active flag of a job is ignored. Candidates are the jobs that were open at the cut. Pairs are left out,
    and counted, if the user was not registered or the job was not open at the cut.

    Parameters
    ----------
    data: The dataset to split.
    cut: Timestamp of the split; None: `days` days before the dataset's clock.
    days: Length of the held-out period, in whole days.
    gains: Kind of action → gain of a job with such an action. Other kinds are not evaluated.
    after: Only actions later than this time are relevant, such as the time of lists of another system; None: those
        after the cut.

    Raises
    ------
    ConfigurationError: If a time or `days` is invalid, no pair is held out, or a kind or gain is invalid.

    Example
    -------
    >>> holdout = by_time(data, days=14)
    >>> (data.as_of - holdout.data.as_of).days
    14
    """
    days = check_days("days", days, 1)
    log = ActionLog.of(data, gains)
    tables = data.tables
    known = Dataset(tables, as_of=data.as_of - pd.Timedelta(days=days) if cut is None else cut, set_back=True)
    before = tables.actions["occurred_at"] <= known.as_of
    known = Dataset(tables.with_tables(actions=tables.actions[before]), as_of=known.as_of, set_back=True)
    now, length = known.clock.now, int(days * DAY)
    held = log.take((log.at > now) & (log.at <= now + length)).pairs()
    registered = to_microseconds(known.tables.users["registered_at"])[held.user]
    reasons = {
        "user not registered at the start of the holdout": registered > now,
        "job not open at the start of the holdout": ~known.open_jobs[held.job],
        **_find_too_early(held, after),
    }
    name = f"{days:g} days from {known.as_of:%Y-%m-%d %H:%M} UTC"
    relevant, left_out = select_relevant(data, held, reasons, name, gains)
    repeats = [_hold_out_jobs_after(known, log, now - n * length, length) for n in range(1, REPEATS + 1)]
    earlier = KnownPairs(log.take(log.at <= now).pairs(), trend_start=now - 2 * length)
    jobs = replace(_hold_out_jobs_after(known, log, now, length), held=relevant)
    agreement = compare_agreement(known, jobs, earlier, repeats)
    holdout = _make_holdout(name, known, relevant, left_out, np.full(len(known.users), now), agreement)
    return replace(holdout, starts=max(known.as_of, parse_clock(after, "after") or known.as_of))


def _hold_out_jobs_after(known: Dataset, log: ActionLog, cut: int, length: int) -> HeldOutJobs:
    """Return the pairs that a holdout with this cut holds out, and the newest earlier ones of each user."""
    open_jobs = known.jobs.find_open(cut, check_active=False)
    held = log.take((log.at > cut) & (log.at <= cut + length)).pairs()
    registered = to_microseconds(known.tables.users["registered_at"])[held.user]
    held = held.take((registered <= cut) & open_jobs[held.job])
    earlier = log.take(log.at <= cut).pairs()
    earlier = earlier.take(earlier.from_the_end(len(known.users)) < COMPARED_JOBS)
    return HeldOutJobs(held, earlier, open_jobs[earlier.job], open_jobs)


def _make_holdout(
    name: str,
    known: Dataset,
    relevant: ActionLog,
    left_out: Mapping[str, int],
    start: Longs,
    agreement: pd.DataFrame,
) -> Holdout:
    """Return the holdout of the relevant pairs, with its checks and caveats."""
    relevance = Relevance.of(
        known.users.user_id[relevant.user], known.jobs.job_id[relevant.job], relevant.gain, data=known
    )
    earlier = EarlierActions.of(known, relevant, start)
    notes = list_caveats(known, earlier, agreement)
    return Holdout(name, known, relevance, left_out, notes=notes, earlier_actions=earlier, agreement=agreement)


def last_n(
    data: Dataset,
    n: int = 1,
    *,
    gains: Mapping[str, float] = APPLICATIONS,
    at_least: int = 1,
    window_days: int | timedelta = 0,
    candidates: CandidateJobs | None = None,
    after: datetime | str | None = None,
) -> Holdout:
    """Return a holdout of each user's last n jobs, ordered by the newest counted action on each job.

    All actions of the user on these jobs are removed, and all actions from the first held-out one on.

    Parameters
    ----------
    data: The dataset to split.
    n: Jobs to hold out per user.
    gains: Kind of action → gain of a job with such an action. Other kinds are not evaluated.
    at_least: Jobs with earlier actions that a user must keep. Users with fewer are left out, and counted.
    window_days: Days added to the end of the candidate period.
    candidates: Jobs to rank. None: jobs open at any time from the user's first held-out action until `window_days`
        after the last.
    after: Only actions later than this time are relevant; None: all held-out actions.

    Raises
    ------
    ConfigurationError: If n is below 1, a kind of action, its gain or `after` is invalid, or no pair remains.
    UnknownIdError: If a candidate is not in the data.
    DataError: If a frame of candidates lacks a column.
    """
    n, at_least = check_positive_integer("n", n), check_integer("at_least", at_least, 0)
    window_days = check_days("window_days", window_days)
    log, n_users = ActionLog.of(data, gains), len(data.users)
    pairs = log.pairs()
    from_the_end = pairs.from_the_end(n_users)
    last = pairs.take(from_the_end < n)
    too_short = {
        f"user with fewer than {pluralize(n + at_least, 'job')}": pairs.counts(n_users)[last.user] < n + at_least,
        f"user with fewer than {pluralize(at_least, 'job')} before the holdout": _count_earlier_jobs(
            log, last, n_users
        )[last.user]
        < at_least,
    }
    name = "the last job of each user" if n == 1 else f"the last {n} jobs of each user"

    def compare(known: Dataset, relevant: ActionLog, start: Longs) -> pd.DataFrame:
        earlier = ActionLog.of(known, gains).pairs()
        newest = earlier.take(earlier.from_the_end(n_users) < COMPARED_JOBS)
        expires = known.jobs.expires_at[newest.job]
        is_open = (expires == NO_TIME) | (expires > start[newest.user])
        all_jobs = np.ones(len(known.jobs), dtype=bool)
        return compare_agreement(known, HeldOutJobs(relevant, newest, is_open, all_jobs), KnownPairs(earlier))

    return _hold_out_per_user(data, last, too_short, name, gains, window_days, candidates, after, compare)


def cold_start(
    data: Dataset,
    n: int = 1,
    *,
    share: float = 0.2,
    seed: int = 0,
    gains: Mapping[str, float] = APPLICATIONS,
    window_days: int | timedelta = 0,
    candidates: CandidateJobs | None = None,
    after: datetime | str | None = None,
) -> Holdout:
    """Return a holdout of a share of the users with all their actions removed; their first n jobs are relevant.

    These users are scored as newcomers: only the columns of their user row are known. The choice of users depends on
    `seed` and their ids, not on the order of rows.

    Parameters
    ----------
    data: The dataset to split.
    n: Relevant jobs per user.
    share: Share of the users with actions to hold out, above 0 and at most 1.
    seed: Seed of the choice of users.
    gains, window_days, candidates, after: As in `last_n`.

    Raises
    ------
    ConfigurationError: If n is below 1, the share, a gain or `after` is invalid, or no pair remains.
    UnknownIdError, DataError: As `last_n`.
    """
    n, seed, window_days = check_positive_integer("n", n), check_seed(seed), check_days("window_days", window_days)
    share = check_share("share", share, "a share of the users")
    pairs, n_users = ActionLog.of(data, gains).pairs(), len(data.users)
    acting = np.unique(pairs.user)
    chosen = np.zeros(n_users, dtype=bool)
    chosen[np.random.default_rng(seed).permutation(acting)[: max(1, round(share * len(acting)))]] = True
    firsts = pairs.take(chosen[pairs.user] & (np.arange(len(pairs)) - pairs.first_rows() < n))
    jobs = "first job" if n == 1 else f"first {n} jobs"
    name = f"the {jobs} of {int(chosen.sum()):,} newcomers"
    others = pairs.take(~chosen[pairs.user] & (np.arange(len(pairs)) - pairs.first_rows() < n))

    def compare(known: Dataset, relevant: ActionLog, start: Longs) -> pd.DataFrame:
        is_open, all_jobs = np.ones(len(others), dtype=bool), np.ones(len(known.jobs), dtype=bool)
        return compare_agreement(known, HeldOutJobs(relevant, others, is_open, all_jobs))

    return _hold_out_per_user(
        data, firsts, {}, name, gains, window_days, candidates, after, compare, all_actions_of=chosen
    )


def _hold_out_per_user(
    data: Dataset,
    held: ActionLog,
    reasons: dict[str, Bools],
    name: str,
    gains: Mapping[str, float],
    window_days: int,
    chosen_jobs: CandidateJobs | None,
    after: datetime | str | None,
    compare: Callable[[Dataset, ActionLog, Longs], pd.DataFrame],
    all_actions_of: Bools | None = None,
) -> Holdout:
    n_users = len(data.users)
    kept = held.take(~np.any([*reasons.values(), np.zeros(len(held), dtype=bool)], axis=0))
    known = _remove_held_out(data, kept, all_actions_of)
    if chosen_jobs is None:
        first, last = kept.first_times(n_users), kept.last_times(n_users) + int(window_days * DAY)
        candidates = Candidates.open_between(data.jobs, first, np.where(last < first, first, last))
    else:
        candidates = _find_candidates(data, chosen_jobs)
    reasons = {
        **reasons,
        "job not among the candidates": ~candidates.contains(held.user, held.job),
        **_find_too_early(held, after),
    }
    relevant, left_out = select_relevant(data, held, reasons, name, gains)
    start = held.first_times(n_users)
    holdout = _make_holdout(name, known, relevant, left_out, start, compare(known, relevant, start))
    notes = (_LATER_ACTIONS, *holdout.notes)
    return replace(holdout, candidates=candidates, notes=notes, starts=parse_clock(after, "after"))


def _find_too_early(held: ActionLog, after: datetime | str | None) -> dict[str, Bools]:
    """Return the reason to leave out pairs without an action later than `after`."""
    start = parse_clock(after, "after")
    if start is None:
        return {}
    return {f"no action after {start:%Y-%m-%d %H:%M} UTC": held.at <= to_microseconds(pd.Series([start]))[0]}


def _count_earlier_jobs(log: ActionLog, held: ActionLog, n_users: int) -> Longs:
    """Return (n_users,) jobs with an action strictly before the user's first held-out one, without held-out jobs."""
    earlier = log.take(log.at < held.first_times(n_users)[log.user]).pairs()
    earlier_pair, held_pair = ((log.user.astype(np.int64) << 32) | log.job for log in (earlier, held))
    return earlier.take(~np.isin(earlier_pair, held_pair)).counts(n_users)


def _remove_held_out(data: Dataset, held: ActionLog, all_actions_of: Bools | None) -> Dataset:
    """Return the data without the held-out pairs and without later actions of their users."""
    actions = data.tables.actions
    user = IdIndex(data.users.user_id).find(actions["user_id"].to_numpy())[0]
    job = IdIndex(data.jobs.job_id).find(actions["job_id"].to_numpy())[0]
    at = to_microseconds(actions["occurred_at"])
    n_jobs = len(data.jobs)
    removed = at >= held.first_times(len(data.users))[user]
    removed |= np.isin(user * n_jobs + job, held.user.astype(np.int64) * n_jobs + held.job)
    removed |= at > data.clock.now
    if all_actions_of is not None:
        removed |= all_actions_of[user]
    tables = data.tables.with_tables(actions=actions[~removed])
    return Dataset(tables, as_of=data.as_of, set_back=data.clock.set_back)


def _find_candidates(data: Dataset, chosen_jobs: CandidateJobs) -> Candidates:
    if is_frame(chosen_jobs):
        frame = require_columns(to_pandas_frame(chosen_jobs, "candidates"), "candidates", ("user_id", "job_id"))
        users, jobs = data.user_lookup.find_rows(frame["user_id"]), data.job_lookup.find_rows(frame["job_id"])
    else:
        rows = np.unique(data.job_lookup.find_rows(chosen_jobs))
        users, jobs = np.repeat(np.arange(len(data.users)), len(rows)), np.tile(rows, len(data.users))
    return Candidates.listed(users, jobs, len(data.users), len(data.jobs))
