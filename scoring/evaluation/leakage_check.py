"""Check of held-out jobs: whether they agree with rows of users and jobs more than earlier jobs do.

A holdout removes later actions. It cannot restore rows of users and jobs: they are as of now. If a row was changed
because of a held-out action, such as a preferred occupation that was learnt from it, metrics are too high. Held-out
jobs then agree with the row more than the jobs on which the user acted before.

Agreement also changes with time, for example because more jobs are open than before. The check subtracts the change
that is expected from time. The expected change depends on the holdout:

- last jobs of each user: known actions of all users at the same times (`KnownPairs` without a trend)
- by time: known actions until the cut, and their linear trend after it (`KnownPairs` with a trend). Fees and wages of
  jobs are compared with the same holdout at earlier cuts.
- newcomers: no change is expected, because users drawn at random are compared with all other users
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from scoring.array_types import Bools, Floats, Ints, Longs
from scoring.dataset import Dataset
from scoring.evaluation.action_log import ActionLog

__all__ = [
    "COMPARED_JOBS",
    "MIN_UNITS",
    "REPEATS",
    "HeldOutJobs",
    "KnownPairs",
    "compare_agreement",
    "describe_agreement",
]

COMPARED_JOBS: Final = 5
"""Number of the newest earlier jobs of each user to compare with. Older ones may date from another home or job."""
REPEATS: Final = 3
"""Number of earlier cuts with which a holdout by time is repeated."""
MIN_UNITS: Final = 30
"""Minimum number of users, or of jobs, for a comparison."""
FALSE_ALARMS: Final = 0.01
"""Nominal probability of a false alarm in one holdout, over all traits."""
MARGIN: Final = 0.05
"""Excess of a trait of users that the check attributes to time, because changes with time are not exactly linear."""
MAX_PERIODS: Final = 20
PAIRS_PER_PERIOD: Final = 50
"""Periods of known actions with equal numbers of pairs: at most `MAX_PERIODS`, with this many pairs on average."""


@dataclass(frozen=True)
class HeldOutJobs:
    """Held-out pairs of user and job, and earlier pairs to compare them with."""

    held: ActionLog
    earlier: ActionLog
    is_open: Bools  # (len(earlier),) whether the job of each earlier pair was open when the held-out pairs began
    open_jobs: Bools  # (n_jobs,) jobs among which fees and wages are ranked


@dataclass(frozen=True)
class KnownPairs:
    """Known pairs of user and job, from which the usual change of agreement with time is computed."""

    pairs: ActionLog
    trend_start: int | None = None
    """If all pairs are before the holdout: the time from which a linear trend is fitted. Microseconds."""


def compare_agreement(
    data: Dataset, now: HeldOutJobs, known: KnownPairs | None = None, before: Sequence[HeldOutJobs] = ()
) -> pd.DataFrame:
    """Return how much held-out and earlier jobs agree with rows, one row per trait.

    Traits of a user's row are shares of jobs: of a preferred occupation, in the user's prefecture or city, meeting the
    salary floor, with remote work if the user wants it. Traits of a job's row are the rank of its fee and of its wage
    among the open jobs, from 0 to 1, and whether it has an attractive feature. Only earlier jobs that are still open
    count for them, because closed jobs may have fees and wages of another time.

    The excess is the difference between held-out and earlier jobs, minus the change that is expected from time. Its
    interval is that of the normal distribution, with users and jobs as independent units. Its level is corrected for
    the number of traits, for a false alarm in `FALSE_ALARMS` of the holdouts. A trait is suspicious if its interval
    lies above 0, or above `MARGIN` for a trait of users.

    Parameters
    ----------
    data: The known data of the holdout.
    now: The pairs of the holdout.
    known: Known pairs. Held-out jobs are then compared with earlier jobs of the same user. None: the earlier jobs are
        those of other users, drawn at random, and no change is expected.
    before: The same holdout at earlier times. If given, traits of jobs are compared with it. Each job counts once.

    Returns
    -------
    Columns: trait · units (users, or jobs) · earlier · held_out · expected (change) · excess · low · high · suspicious.
    Numbers are NaN if fewer than `MIN_UNITS` can be compared.
    """
    level = 1 - 2 * FALSE_ALARMS / len(_TRAITS)
    rows = []
    for name, trait in _TRAITS.items():
        if trait.is_of_job and before:
            comparison = _compare_jobs(trait, data, now, before)
        else:
            comparison = _compare_users(trait, data, now, known)
        rows.append({"trait": name, **comparison.summarize(level)})
    frame = pd.DataFrame(rows)
    margin = np.array([0.0 if trait.is_of_job else MARGIN for trait in _TRAITS.values()])
    frame["suspicious"] = frame["low"] > margin
    return frame


def describe_agreement(agreement: pd.DataFrame, region: str) -> tuple[str, ...]:
    """Return one sentence per suspicious trait of `compare_agreement`. `region` is the word for a prefecture."""
    rows = agreement[agreement["suspicious"]].to_dict("records")
    return tuple(_describe(_TRAITS[row["trait"]], row, region) for row in rows)


def _describe(trait: _Trait, row: Mapping[Any, Any], region: str) -> str:
    held, earlier = (
        f"{row[column]:.0%}" if trait.is_share else f"{row[column]:.2f}" for column in ("held_out", "earlier")
    )
    return (
        f"{trait.sentence.format(held, earlier, region=region)}. This exceeds the usual change by {row['excess']:.2f} "
        f"({row['low']:.2f} to {row['high']:.2f}; {row['units']:,} {'jobs' if trait.is_of_job else 'users'}). If rows "
        "changed because of held-out actions, metrics are too high. The check reports a leak in up to "
        f"{FALSE_ALARMS:.0%} of the holdouts without one."
    )


# --- Traits --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trait:
    """A property of pairs of user and job."""

    values: Callable[[Dataset, ActionLog, Bools], Floats]
    """Function of the data, pairs and open jobs that returns (n,) values of the pairs; NaN if unknown."""
    sentence: str
    is_of_job: bool = False
    is_share: bool = True


def _compare_occupations(data: Dataset, log: ActionLog, open_jobs: Bools) -> Floats:
    preferred, occupation = data.users.preferred, data.jobs.occupation[log.job]
    chosen = preferred.take(log.user)
    pair = np.repeat(np.arange(len(log)), chosen.lengths)
    is_preferred = np.bincount(pair, chosen.values == occupation[pair], minlength=len(log)) > 0
    return np.where((chosen.lengths > 0) & (occupation >= 0), is_preferred, np.nan)


def _compare_prefectures(data: Dataset, log: ActionLog, open_jobs: Bools) -> Floats:
    return _compare_codes(data.users.prefecture[log.user], data.jobs.prefecture[log.job])


def _compare_cities(data: Dataset, log: ActionLog, open_jobs: Bools) -> Floats:
    return _compare_codes(data.users.place[log.user], data.jobs.place[log.job])


def _compare_codes(of_user: Ints, of_job: Ints) -> Floats:
    return np.where((of_user >= 0) & (of_job >= 0), of_user == of_job, np.nan)


def _compare_wages(data: Dataset, log: ActionLog, open_jobs: Bools) -> Floats:
    floor, wage = data.users.salary_floor[log.user], data.jobs.hourly[log.job]
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(floor) | np.isnan(wage), np.nan, wage >= floor)


def _is_remote(data: Dataset, log: ActionLog, open_jobs: Bools) -> Floats:
    remote = data.jobs.remote_work[log.job]
    return np.where(data.users.wants_remote[log.user] & (remote >= 0), remote > 0, np.nan)


def _rank_fee(data: Dataset, log: ActionLog, open_jobs: Bools) -> Floats:
    return _rank(np.nan_to_num(data.jobs.fee, nan=0.0), log.job, open_jobs)


def _rank_wage(data: Dataset, log: ActionLog, open_jobs: Bools) -> Floats:
    return _rank(data.jobs.hourly, log.job, open_jobs)


def _rank(values: Floats, job: Ints, open_jobs: Bools) -> Floats:
    """Return the share of open jobs with a smaller value, plus half of those with an equal one."""
    known = np.sort(values[open_jobs & ~np.isnan(values)])
    if not len(known) or known[0] == known[-1]:
        return np.full(len(job), np.nan)
    values = values[job]
    below, up_to = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
    return np.where(np.isnan(values), np.nan, (below + up_to) / (2 * len(known)))


def _is_attractive(data: Dataset, log: ActionLog, open_jobs: Bools) -> Floats:
    jobs = data.jobs
    attractive = (jobs.daily_payment > 0) | (jobs.no_experience > 0) | (jobs.student_welcome > 0)
    if attractive.all() or not attractive.any():
        return np.full(len(log), np.nan)
    return attractive[log.job].astype(np.float64)


_TRAITS: Final = {
    "preferred occupation": _Trait(
        _compare_occupations, "{} of the held-out jobs are of an occupation that the user prefers, {} of earlier jobs"
    ),
    "prefecture": _Trait(
        _compare_prefectures, "{} of the held-out jobs are in the user's {region}, {} of earlier jobs"
    ),
    "city": _Trait(_compare_cities, "{} of the held-out jobs are in the user's city, {} of earlier jobs"),
    "salary floor": _Trait(_compare_wages, "{} of the held-out jobs meet the user's salary floor, {} of earlier jobs"),
    "remote work": _Trait(
        _is_remote, "{} of the held-out jobs have the remote work that the user wants, {} of earlier jobs"
    ),
    "fee": _Trait(
        _rank_fee,
        "The fees of held-out jobs have the mean rank {} among jobs (0 lowest, 1 highest), those of earlier jobs {}",
        is_of_job=True,
        is_share=False,
    ),
    "wage": _Trait(
        _rank_wage,
        "The wages of held-out jobs have the mean rank {} among jobs (0 lowest, 1 highest), those of earlier jobs {}",
        is_of_job=True,
        is_share=False,
    ),
    "attractive feature": _Trait(
        _is_attractive, "{} of the held-out jobs have an attractive feature, {} of earlier jobs", is_of_job=True
    ),
}


# --- Comparison ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mean:
    """A weighted mean over pairs with a known value. Weights sum to 1."""

    log: ActionLog
    value: Floats
    weight: Floats

    @classmethod
    def over_users(cls, log: ActionLog, value: Floats, users: Bools) -> Self:
        """Return the mean over these users, (n_users,) bool, of each user's mean."""
        kept = ~np.isnan(value) & users[log.user]
        log, value = log.take(kept), value[kept]
        per_user = np.bincount(log.user, minlength=len(users))
        n_users = max(int(np.count_nonzero(per_user)), 1)
        return cls(log, value, 1 / (per_user[log.user] * n_users))

    @classmethod
    def over_jobs(cls, log: ActionLog, value: Floats) -> Self:
        """Return the mean over different jobs."""
        kept = ~np.isnan(value)
        kept[kept] = _is_first(log.job[kept])
        return cls(log.take(kept), value[kept], np.full(int(kept.sum()), 1 / max(int(kept.sum()), 1)))

    @property
    def total(self) -> float:
        return float(self.weight @ self.value)

    @property
    def deviations(self) -> Floats:
        return self.weight * (self.value - self.total)


@dataclass(frozen=True)
class _Comparison:
    """The means of held-out and earlier jobs, the expected change, and the contributions of pairs to the excess."""

    units: int
    is_enough: bool
    held: _Mean
    earlier: _Mean
    expected: float
    contributions: Sequence[tuple[Ints, Ints, Floats]]
    """User, job and deviation of each pair."""

    def summarize(self, level: float) -> dict[str, object]:
        """Return the columns of one trait."""
        if not self.is_enough:
            return {"units": self.units} | dict.fromkeys(
                ("earlier", "held_out", "expected", "excess", "low", "high"), np.nan
            )
        excess = self.held.total - self.earlier.total - self.expected
        half = float(ndtri((1 + level) / 2)) * self._standard_error
        means = {"earlier": self.earlier.total, "held_out": self.held.total, "expected": self.expected}
        return {"units": self.units, **means, "excess": excess, "low": excess - half, "high": excess + half}

    @property
    def _standard_error(self) -> float:
        """The standard error of the excess, with users and jobs as independent units.

        Two-way clusters: Cameron, Gelbach & Miller, Robust inference with multiway clustering, Journal of Business &
        Economic Statistics 29(2), 2011.
        """
        user, job, deviation = (np.concatenate(column) for column in zip(*self.contributions, strict=True))
        _, pair = np.unique((user.astype(np.int64) << 32) | job, return_inverse=True)
        by_user, by_job, by_pair = (np.square(np.bincount(unit, deviation)).sum() for unit in (user, job, pair))
        return float(np.sqrt(max(by_user + by_job - by_pair, by_user, by_job)))


def _compare_users(trait: _Trait, data: Dataset, now: HeldOutJobs, known: KnownPairs | None) -> _Comparison:
    """Compare the mean over users of held-out jobs with that of earlier jobs."""
    logs = now.held, now.earlier.take(now.is_open) if trait.is_of_job else now.earlier
    values = [trait.values(data, log, now.open_jobs) for log in logs]
    users = np.zeros((2, len(data.users)), dtype=bool)
    for row, log, value in zip(users, logs, values, strict=True):
        row[log.user[~np.isnan(value)]] = True
    if known is not None:
        users[:] = users[0] & users[1]
    held, earlier = (_Mean.over_users(log, value, row) for log, value, row in zip(logs, values, users, strict=True))
    is_enough = bool(users.sum(axis=1).min() >= MIN_UNITS)
    contributions = [
        (held.log.user, held.log.job, held.deviations), (earlier.log.user, earlier.log.job, -earlier.deviations)
    ]  # fmt: skip
    expected = 0.0
    if known is not None and is_enough:
        usual = _UsualAgreement.of(known, trait.values(data, known.pairs, now.open_jobs))
        for sign, mean in ((1, held), (-1, earlier)):
            part, deviations = usual.expect(mean)
            expected += sign * part
            contributions.append((usual.log.user, usual.log.job, -sign * deviations))
    return _Comparison(int(users[0].sum()), is_enough, held, earlier, expected, contributions)


def _compare_jobs(trait: _Trait, data: Dataset, now: HeldOutJobs, before: Sequence[HeldOutJobs]) -> _Comparison:
    """Compare the mean over held-out jobs with that over open earlier jobs that are not held out."""
    (held, earlier), *repeats = (_take_jobs(trait, data, jobs) for jobs in (now, *before))
    repeats = [means for means in repeats if min(len(mean.value) for mean in means) >= MIN_UNITS]
    is_enough = min(len(held.value), len(earlier.value)) >= MIN_UNITS and len(repeats) > 0
    signed = [(1.0, held), (-1.0, earlier)]
    for old_held, old_earlier in repeats:
        signed += [(-1 / len(repeats), old_held), (1 / len(repeats), old_earlier)]
    expected = -sum(sign * mean.total for sign, mean in signed[2:])
    contributions = [(mean.log.job, mean.log.job, sign * mean.deviations) for sign, mean in signed]
    return _Comparison(len(held.value), is_enough, held, earlier, expected, contributions)


def _take_jobs(trait: _Trait, data: Dataset, jobs: HeldOutJobs) -> tuple[_Mean, _Mean]:
    earlier = jobs.earlier.take(jobs.is_open & ~np.isin(jobs.earlier.job, jobs.held.job))
    held, other = (_Mean.over_jobs(log, trait.values(data, log, jobs.open_jobs)) for log in (jobs.held, earlier))
    return held, other


def _is_first(values: NDArray[Any]) -> Bools:
    """Return (n,) whether each value occurs for the first time."""
    first = np.zeros(len(values), dtype=bool)
    first[np.unique(values, return_index=True)[1]] = True
    return first


@dataclass(frozen=True)
class _UsualAgreement:
    """The mean of a trait over known pairs by time: in periods with equal numbers of pairs, and a linear trend."""

    log: ActionLog
    value: Floats
    start: Longs  # (n_periods - 1,) times at which the periods after the first begin
    recent: Bools | None  # (n,) pairs of the trend, which continues after the last pair; None: without a trend

    @classmethod
    def of(cls, known: KnownPairs, value: Floats) -> Self:
        """Return the pairs whose value is known."""
        kept = ~np.isnan(value)
        log = known.pairs.take(kept)
        n_periods = int(np.clip(len(log) // PAIRS_PER_PERIOD, 1, MAX_PERIODS))
        start = np.sort(log.at)[np.arange(1, n_periods) * len(log) // n_periods]
        recent = None if known.trend_start is None else log.at > known.trend_start
        return cls(log, value[kept], start, recent)

    def expect(self, mean: _Mean) -> tuple[float, Floats]:
        """Return the expected mean of pairs at these times, and (n,) its deviation caused by each known pair."""
        if self.recent is not None and mean.log.at.min() > self.log.at.max(initial=mean.log.at.min()):
            return self._extrapolate(float(mean.weight @ mean.log.at))
        period, wanted = (np.searchsorted(self.start, at, side="right") for at in (self.log.at, mean.log.at))
        n_periods = len(self.start) + 1
        n = np.maximum(np.bincount(period, minlength=n_periods), 1)
        usual = np.bincount(period, self.value, minlength=n_periods) / n
        share = np.bincount(wanted, mean.weight, minlength=n_periods)
        return float(share @ usual), (share / n)[period] * (self.value - usual[period])

    def _extrapolate(self, at: float) -> tuple[float, Floats]:
        """Return the linear trend of the recent pairs at a time, and the deviations."""
        recent = np.flatnonzero(np.ones(len(self.log)) if self.recent is None else self.recent)
        if len(recent) < PAIRS_PER_PERIOD:  # the trend is not known: use all pairs
            recent = np.arange(len(self.log))
        time, value = self.log.at[recent].astype(np.float64), self.value[recent]
        centred = time - time.mean()
        spread = float(centred @ centred)
        weight = 1 / len(recent) + (centred * (at - time.mean()) / spread if spread else 0.0)
        slope = float(centred @ value) / spread if spread else 0.0
        deviations = np.zeros(len(self.log))
        deviations[recent] = weight * (value - value.mean() - slope * centred)
        return float(weight @ value), deviations
