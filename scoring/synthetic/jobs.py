"""Synthetic job advertisements: company, place, occupation, pay, fee and dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import SALARY_TYPES
from scoring.synthetic import frames, titles
from scoring.synthetic.companies import Companies
from scoring.synthetic.generator import DAY, N_SCENES, World, cities_of, scene_vectors
from scoring.synthetic.sampling import Flags, Floats, Ints, Strata, chance, pick

__all__ = ["FLAGS", "Jobs", "Pay", "make_jobs"]

FLAGS = ("has_daily_payment", "has_no_experience", "has_student_welcome", "has_remote_work")
Columns = dict[str, pd.Series | Floats | Ints | Flags]

_TYPES = tuple(SALARY_TYPES)
_STEP = np.array([10.0, 500.0, 10_000.0])  # advertised figures are multiples of these
_COARSE = np.array([50.0, 1000.0, 10_000.0])
_EMPLOYMENT = np.array([0.46, 0.22, 0.07, 0.12, 0.11, 0.02])
"""Shares of employment type 1 casual, 2 part-time, 3 contract, 4 agency, 5 permanent, 6 freelance."""
_TYPE_SHARES = np.array(
    [[.88, .10, .02], [.96, .02, .02], [.30, .05, .65], [.85, .10, .05], [.06, .02, .92], [.30, .40, .30]]
)  # fmt: skip
_FLAG_FACTOR = np.array(
    [[1.2, 1.1, 1.2, .9], [.6, 1.1, .9, .9], [.4, .8, .1, 1.2], [1.4, 1, .5, 1.1], [.1, .7, .05, 1.2], [1, .6, .5, 2]]
)  # fmt: skip
_FEES = np.array([0, 300, 500, 700, 800, 1000, 1200, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 8000, 10_000])
_FEE_SHARES = np.array([10, 6, 11, 6, 8, 14, 7, 10, 9, 4, 6, 3, 3, 1.2, 1, 0.8])
_LIVES = np.array([14, 21, 28, 30, 42, 45, 60, 75, 90])
_LIFE_SHARES = np.array([14, 8, 18, 16, 10, 8, 14, 4, 8])
_LONG_AGO, _NEVER = -(2**60), 2**60


@dataclass(frozen=True)
class Pay:
    """Salaries of n jobs, in yen."""

    kind: Ints  # position in SALARY_TYPES
    least: Floats
    most: Floats
    hourly: Floats  # lowest salary per hour


@dataclass(frozen=True)
class Jobs:
    """n jobs as arrays of positions in the reference tables.

    Unknown values are the position after the last, NaN, long ago or never. `place`, `town` and `trade` are the true
    prefecture, city and occupation. The simulated search uses them, even if the columns are missing.
    """

    company: Ints
    place: Ints
    town: Ints
    trade: Ints
    prefecture: Ints
    city: Ints
    occupation: Ints
    hourly: Floats
    fee: Floats
    has_station: Flags
    has_address: Flags
    flags: Flags  # (n, 4) in the order of FLAGS; missing flags are false
    opened: Ints  # true time of posting
    posted: Ints
    expires: Ints
    scene: Ints
    vectors: NDArray[np.float32]
    exposure: Floats
    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.company)


def make_jobs(rng: np.random.Generator, world: World, companies: Companies, n: int, now: int) -> Jobs:
    """Return `n` jobs. `now` is the clock in seconds."""
    company = pick(rng, companies.weight, n)
    place, trade = _place(rng, world, companies, company), _trade(rng, world, companies, company)
    town = cities_of(rng, world, place)
    posted, expires = _dates(rng, n, now)
    employment = pick(rng, _EMPLOYMENT, n)
    pay = _pay(rng, world, companies.pay[company], place, trade, posted, employment)
    level = world.occupations.wage_level[trade]
    fee = _fees(rng, companies.generosity[company] + 1.5 * (level - 1.2))
    odds = np.minimum(world.occupations.flag_shares[trade] * _FLAG_FACTOR[employment], 0.97)
    flags = rng.random((n, 4)) < odds
    scene = np.where(chance(rng, 0.8, n), companies.scene[company], rng.integers(0, N_SCENES, n))
    promoted = np.where(fee >= 3000, 1.4, 1.0)
    exposure = rng.lognormal(0, 1.2, n) * promoted * np.exp(0.3 * companies.quality[company])
    station = titles.stations(rng, world, town)
    station[chance(rng, 0.17, n)] = None
    columns: Columns = {
        "title": frames.text(titles.titles(rng, world, town, station, trade, flags), chance(rng, 0.01, n)),
        "station_name": frames.text(station),
        "address": frames.text(titles.addresses(rng, world, town), chance(rng, 0.12, n)),
        "max_salary": np.where(chance(rng, 0.4, n), np.nan, pay.most),
        "employment_type_code": frames.integer(employment + 1, chance(rng, 0.03, n)),
        "is_active": ~chance(rng, 0.02, n),
    }
    known = _Known(company, place, town, trade, pay, fee, flags, posted, expires)
    return _hide(rng, world, companies, known, columns, (scene, scene_vectors(rng, scene), exposure))


@dataclass(frozen=True)
class _Known:
    """True values of the jobs, before values are hidden."""

    company: Ints
    place: Ints
    town: Ints
    trade: Ints
    pay: Pay
    fee: Floats
    flags: Flags
    posted: Ints
    expires: Ints


def _place(rng: np.random.Generator, world: World, companies: Companies, company: Ints) -> Ints:
    n = len(company)
    home = companies.prefecture[company]
    near = np.where(chance(rng, 0.15, n), world.prefectures.neighbour(rng, home), home)
    anywhere = companies.national[company] & chance(rng, 0.75, n)
    return np.where(anywhere, pick(rng, world.prefectures.share**1.05, n), near)


def _trade(rng: np.random.Generator, world: World, companies: Companies, company: Ints) -> Ints:
    n, work = len(company), world.occupations
    strata = Strata(work.major, work.major.max() + 1, work.weight).at(np.ones(len(work.major), bool))
    own = strata.draw(rng, companies.major[company])
    return np.where(chance(rng, 0.8, n), own, pick(rng, work.weight, n))


def _dates(rng: np.random.Generator, n: int, now: int) -> tuple[Ints, Ints]:
    """Return times of posting and expiry. Most jobs are recent, a few are not posted yet; open for 14 to 90 days."""
    kind = rng.random(n)
    age = np.where(kind < 0.78, np.minimum(rng.exponential(16, n), 120), rng.uniform(0, 400, n))
    age = np.where(kind > 0.985, -rng.uniform(0, 5, n), age)
    posted = now - (age * DAY).astype(np.int64)
    return posted, posted + _LIVES[pick(rng, _LIFE_SHARES, n)] * DAY


def _pay(
    rng: np.random.Generator,
    world: World,
    factor: Floats,
    place: Ints,
    trade: Ints,
    posted: Ints,
    employment: Ints,
) -> Pay:
    """Return round salaries, at least the minimum wage at the time of posting."""
    n = len(place)
    least = world.prefectures.minimum_wage(place, posted)
    level = world.occupations.wage_level[trade] * (1 + world.prefectures.urban[place]) * factor
    wish = np.maximum(least * level * rng.lognormal(0, 0.07, n), least)
    kind = (rng.random(n)[:, None] > _TYPE_SHARES.cumsum(1)[employment][:, :2]).sum(1)
    hours = np.array(list(SALARY_TYPES.values()))[kind]
    step = np.where(chance(rng, 0.45, n), _COARSE[kind], _STEP[kind])
    low = np.ceil(wish * hours / step) * step
    # the only salary that is not round: exactly the minimum wage
    exact = (kind == 0) & (wish < least * 1.02) & chance(rng, 0.5, n)
    low = np.where(exact, least, low)
    high = np.ceil(low * rng.uniform(1.03, 1.45, n) / step) * step
    return Pay(kind, low, high, low / hours)


def _fees(rng: np.random.Generator, leaning: Floats) -> Floats:
    """Return fees of `_FEES` in the shares `_FEE_SHARES`; a higher `leaning` tends to get a higher fee."""
    score = leaning + rng.normal(size=len(leaning))
    quantile = np.empty(len(score))
    quantile[np.argsort(score, kind="stable")] = (np.arange(len(score)) + 0.5) / len(score)
    bounds = np.cumsum(_FEE_SHARES) / _FEE_SHARES.sum()
    return _FEES[np.searchsorted(bounds[:-1], quantile, side="right")].astype(np.float64)


_LOST = {
    "company": 0.015, "company_name": 0.01, "prefecture": 0.012, "city": 0.04, "kind": 0.012,
    "salary": 0.025, "fee": 0.03, "occupation": 0.02, "posted": 0.01, "expires": 0.03,
}  # fmt: skip
"""Value → share of the jobs where it is missing."""


def _hide(
    rng: np.random.Generator,
    world: World,
    companies: Companies,
    true: _Known,
    columns: Columns,
    taste: tuple[Ints, NDArray[np.float32], Floats],
) -> Jobs:
    """Return the jobs with a few per cent of missing values in the columns that may be missing."""
    n = len(true.company)
    lost = {name: chance(rng, share, n) for name, share in _LOST.items()}
    no_flags = rng.random((n, 4)) < 0.03
    visible = _visible(world, companies, true, lost)
    visible |= {name: frames.flag(true.flags[:, i], no_flags[:, i]) for i, name in enumerate(FLAGS)}
    frame = frames.canonical("jobs", columns | visible, n)
    scene, vectors, exposure = taste
    return Jobs(
        company=np.where(lost["company"], len(companies), true.company),
        place=true.place,
        town=true.town,
        trade=true.trade,
        prefecture=np.where(lost["prefecture"], len(world.prefectures.codes), true.place),
        city=np.where(lost["city"], len(world.cities.codes), true.town),
        occupation=np.where(lost["occupation"], len(world.occupations.codes), true.trade),
        hourly=np.where(lost["kind"] | lost["salary"], np.nan, true.pay.hourly),
        fee=np.where(lost["fee"], 0.0, true.fee),
        has_station=frame["station_name"].notna().to_numpy(),
        has_address=frame["address"].notna().to_numpy(),
        flags=true.flags & ~no_flags,
        opened=true.posted,
        posted=np.where(lost["posted"], _LONG_AGO, true.posted),
        expires=np.where(lost["expires"], _NEVER, true.expires),
        scene=scene,
        vectors=vectors,
        exposure=exposure,
        frame=frame,
    )


def _visible(world: World, companies: Companies, true: _Known, lost: dict[str, Flags]) -> Columns:
    pay = true.pay
    return {
        "job_id": np.arange(1, len(true.company) + 1),
        "company_id": frames.text(companies.ids[true.company], lost["company"]),
        "company_name": frames.text(companies.names[true.company], lost["company"] | lost["company_name"]),
        "prefecture_code": frames.text(world.prefectures.codes[true.place], lost["prefecture"]),
        "city_code": frames.text(world.cities.codes[true.town], lost["city"]),
        "salary_type": frames.text(np.array(_TYPES, object)[pay.kind], lost["kind"]),
        "min_salary": np.where(lost["salary"], np.nan, pay.least),
        "fee": np.where(lost["fee"], np.nan, true.fee),
        "occupation_code": frames.integer(world.occupations.codes[true.trade], lost["occupation"]),
        "posted_at": frames.time(true.posted, lost["posted"]),
        "expires_at": frames.time(true.expires, lost["expires"]),
    }
