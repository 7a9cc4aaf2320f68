"""Synthetic job advertisements: company, place, occupation, pay, fee and dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.columns import SALARY_TYPES
from scoring.synthetic import column_helpers, job_texts
from scoring.synthetic.companies import Companies
from scoring.synthetic.reference_arrays import DAY, N_SCENES, ReferenceArrays, draw_cities, draw_scene_vectors
from scoring.synthetic.sampling import Flags, Floats, Ints, Strata, draw_flags, draw_weighted

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
_DAYS_OPEN = np.array([14, 21, 28, 30, 42, 45, 60, 75, 90])
_DAYS_OPEN_SHARES = np.array([14, 8, 18, 16, 10, 8, 14, 4, 8])
_LONG_AGO, _NEVER = -(2**60), 2**60


@dataclass(frozen=True)
class Pay:
    """Salaries of n jobs, in yen."""

    kind: Ints  # position in SALARY_TYPES
    minimum: Floats
    maximum: Floats
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


def make_jobs(rng: np.random.Generator, reference: ReferenceArrays, companies: Companies, n: int, now: int) -> Jobs:
    """Return `n` jobs. `now` is the clock in seconds."""
    company = draw_weighted(rng, companies.weight, n)
    place, trade = (
        _draw_places(rng, reference, companies, company),
        _draw_occupations(rng, reference, companies, company),
    )
    town = draw_cities(rng, reference, place)
    posted, expires = _draw_dates(rng, n, now)
    employment = draw_weighted(rng, _EMPLOYMENT, n)
    pay = _draw_pay(rng, reference, companies.pay[company], place, trade, posted, employment)
    level = reference.occupations.wage_level[trade]
    fee = _draw_fees(rng, companies.generosity[company] + 1.5 * (level - 1.2))
    odds = np.minimum(reference.occupations.flag_shares[trade] * _FLAG_FACTOR[employment], 0.97)
    flags = rng.random((n, 4)) < odds
    scene = np.where(draw_flags(rng, 0.8, n), companies.scene[company], rng.integers(0, N_SCENES, n))
    promoted = np.where(fee >= 3000, 1.4, 1.0)
    exposure = rng.lognormal(0, 1.2, n) * promoted * np.exp(0.3 * companies.quality[company])
    station = job_texts.draw_stations(rng, reference, town)
    station[draw_flags(rng, 0.17, n)] = None
    columns: Columns = {
        "title": column_helpers.make_text_column(
            job_texts.make_titles(rng, reference, town, station, trade, flags), draw_flags(rng, 0.01, n)
        ),
        "station_name": column_helpers.make_text_column(station),
        "address": column_helpers.make_text_column(
            job_texts.make_addresses(rng, reference, town), draw_flags(rng, 0.12, n)
        ),
        "max_salary": np.where(draw_flags(rng, 0.4, n), np.nan, pay.maximum),
        "employment_type_code": column_helpers.make_integer_column(employment + 1, draw_flags(rng, 0.03, n)),
        "is_active": ~draw_flags(rng, 0.02, n),
    }
    known = _TrueValues(company, place, town, trade, pay, fee, flags, posted, expires)
    return _hide_values(rng, reference, companies, known, columns, (scene, draw_scene_vectors(rng, scene), exposure))


@dataclass(frozen=True)
class _TrueValues:
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


def _draw_places(rng: np.random.Generator, reference: ReferenceArrays, companies: Companies, company: Ints) -> Ints:
    n = len(company)
    home = companies.prefecture[company]
    nearby = np.where(draw_flags(rng, 0.15, n), reference.prefectures.draw_neighbour(rng, home), home)
    anywhere = companies.national[company] & draw_flags(rng, 0.75, n)
    return np.where(anywhere, draw_weighted(rng, reference.prefectures.share**1.05, n), nearby)


def _draw_occupations(
    rng: np.random.Generator, reference: ReferenceArrays, companies: Companies, company: Ints
) -> Ints:
    n, work = len(company), reference.occupations
    strata = Strata(work.major, work.major.max() + 1, work.weight).restrict(np.ones(len(work.major), bool))
    of_company = strata.draw(rng, companies.major[company])
    return np.where(draw_flags(rng, 0.8, n), of_company, draw_weighted(rng, work.weight, n))


def _draw_dates(rng: np.random.Generator, n: int, now: int) -> tuple[Ints, Ints]:
    """Return times of posting and expiry. Most jobs are recent, a few are not posted yet; open for 14 to 90 days."""
    kind = rng.random(n)
    age = np.where(kind < 0.78, np.minimum(rng.exponential(16, n), 120), rng.uniform(0, 400, n))
    age = np.where(kind > 0.985, -rng.uniform(0, 5, n), age)
    posted = now - (age * DAY).astype(np.int64)
    return posted, posted + _DAYS_OPEN[draw_weighted(rng, _DAYS_OPEN_SHARES, n)] * DAY


def _draw_pay(
    rng: np.random.Generator,
    reference: ReferenceArrays,
    factor: Floats,
    place: Ints,
    trade: Ints,
    posted: Ints,
    employment: Ints,
) -> Pay:
    """Return round salaries, at least the minimum wage at the time of posting."""
    n = len(place)
    least = reference.prefectures.get_minimum_wage(place, posted)
    level = reference.occupations.wage_level[trade] * (1 + reference.prefectures.urban[place]) * factor
    wage = np.maximum(least * level * rng.lognormal(0, 0.07, n), least)
    kind = (rng.random(n)[:, None] > _TYPE_SHARES.cumsum(1)[employment][:, :2]).sum(1)
    hours = np.array(list(SALARY_TYPES.values()))[kind]
    step = np.where(draw_flags(rng, 0.45, n), _COARSE[kind], _STEP[kind])
    low = np.ceil(wage * hours / step) * step
    # the only salary that is not round: exactly the minimum wage
    exact = (kind == 0) & (wage < least * 1.02) & draw_flags(rng, 0.5, n)
    low = np.where(exact, least, low)
    high = np.ceil(low * rng.uniform(1.03, 1.45, n) / step) * step
    return Pay(kind, low, high, low / hours)


def _draw_fees(rng: np.random.Generator, leaning: Floats) -> Floats:
    """Return fees of `_FEES` in the shares `_FEE_SHARES`; a higher `leaning` tends to get a higher fee."""
    score = leaning + rng.normal(size=len(leaning))
    quantile = np.empty(len(score))
    quantile[np.argsort(score, kind="stable")] = (np.arange(len(score)) + 0.5) / len(score)
    bounds = np.cumsum(_FEE_SHARES) / _FEE_SHARES.sum()
    return _FEES[np.searchsorted(bounds[:-1], quantile, side="right")].astype(np.float64)


_MISSING_SHARES = {
    "company": 0.015, "company_name": 0.01, "prefecture": 0.012, "city": 0.04, "kind": 0.012,
    "salary": 0.025, "fee": 0.03, "occupation": 0.02, "posted": 0.01, "expires": 0.03,
}  # fmt: skip
"""Value → share of the jobs where it is missing."""


def _hide_values(
    rng: np.random.Generator,
    reference: ReferenceArrays,
    companies: Companies,
    values: _TrueValues,
    columns: Columns,
    attraction: tuple[Ints, NDArray[np.float32], Floats],
) -> Jobs:
    """Return the jobs with a few per cent of missing values in the columns that may be missing."""
    n = len(values.company)
    is_missing = {name: draw_flags(rng, share, n) for name, share in _MISSING_SHARES.items()}
    no_flags = rng.random((n, 4)) < 0.03
    visible = _make_visible_columns(reference, companies, values, is_missing)
    visible |= {name: column_helpers.flag_column(values.flags[:, i], no_flags[:, i]) for i, name in enumerate(FLAGS)}
    frame = column_helpers.make_canonical("jobs", columns | visible, n)
    scene, vectors, exposure = attraction
    return Jobs(
        company=np.where(is_missing["company"], len(companies), values.company),
        place=values.place,
        town=values.town,
        trade=values.trade,
        prefecture=np.where(is_missing["prefecture"], len(reference.prefectures.codes), values.place),
        city=np.where(is_missing["city"], len(reference.cities.codes), values.town),
        occupation=np.where(is_missing["occupation"], len(reference.occupations.codes), values.trade),
        hourly=np.where(is_missing["kind"] | is_missing["salary"], np.nan, values.pay.hourly),
        fee=np.where(is_missing["fee"], 0.0, values.fee),
        has_station=frame["station_name"].notna().to_numpy(),
        has_address=frame["address"].notna().to_numpy(),
        flags=values.flags & ~no_flags,
        opened=values.posted,
        posted=np.where(is_missing["posted"], _LONG_AGO, values.posted),
        expires=np.where(is_missing["expires"], _NEVER, values.expires),
        scene=scene,
        vectors=vectors,
        exposure=exposure,
        frame=frame,
    )


def _make_visible_columns(
    reference: ReferenceArrays, companies: Companies, values: _TrueValues, is_missing: dict[str, Flags]
) -> Columns:
    pay = values.pay
    return {
        "job_id": np.arange(1, len(values.company) + 1),
        "company_id": column_helpers.make_text_column(companies.ids[values.company], is_missing["company"]),
        "company_name": column_helpers.make_text_column(
            companies.names[values.company], is_missing["company"] | is_missing["company_name"]
        ),
        "prefecture_code": column_helpers.make_text_column(
            reference.prefectures.codes[values.place], is_missing["prefecture"]
        ),
        "city_code": column_helpers.make_text_column(reference.cities.codes[values.town], is_missing["city"]),
        "salary_type": column_helpers.make_text_column(np.array(_TYPES, object)[pay.kind], is_missing["kind"]),
        "min_salary": np.where(is_missing["salary"], np.nan, pay.minimum),
        "fee": np.where(is_missing["fee"], np.nan, values.fee),
        "occupation_code": column_helpers.make_integer_column(
            reference.occupations.codes[values.trade], is_missing["occupation"]
        ),
        "posted_at": column_helpers.time_column(values.posted, is_missing["posted"]),
        "expires_at": column_helpers.time_column(values.expires, is_missing["expires"]),
    }
