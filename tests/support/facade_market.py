"""Helpers: markets in databases, legacy objects built from rows, and the oracle's scores under the facade's names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.database.database import Database
from scoring.database.writers import save_tables, write_frame
from scoring.dataset import Dataset, Tables
from scoring.facade import ScoringEngine
from scoring.model import ScoringModel
from tests.support.oracle import Oracle, Score
from tests.support.random_markets import CLOCK, RawMarket, random_market

SCORES: Final = ["total_score", "base_score", "seo_score", "personal_score"]
LEGACY_NAMES: Final = {
    "prefecture_code": "pref_cd",
    "city_code": "city_cd",
    "station_name": "station_name_eki",
    "occupation_code": "occupation_cd1",
    "employment_type_code": "employment_type_cd",
    "company_id": "endcl_cd",
    "posted_at": "posting_date",
    "expires_at": "end_at",
    "preferred_occupations": "preferred_categories",
}

Row = dict[str, Any]


def market_of(seed: int, n_users: int = 12, n_jobs: int = 40) -> RawMarket:
    """Return a synthetic market with given factors; the oracle does not train any."""
    return random_market(seed, n_users=n_users, n_jobs=n_jobs, n_actions=150, factors=True)


def dataset_of(market: RawMarket) -> Dataset:
    return Dataset(Tables(**market.frames()), as_of=market.as_of)


def engine_of(market: RawMarket, model: str = "classic", **settings: Any) -> ScoringEngine:
    """Return an engine on the dataset itself. Databases have their own tests."""
    return ScoringEngine(dataset_of(market), model, keep_factors=False, **settings)


def store(market: RawMarket, url: str) -> str:
    """Save the market to a new database at this URL and return the URL."""
    with Database.open(url) as database:
        save_tables(database, Tables(**market.frames()))
    return url


def company_of(market: RawMarket) -> tuple[str, int]:
    """Return a company and the ID of one of its jobs."""
    return next((job["company_id"], job["job_id"]) for job in market.jobs if job["company_id"])


def reweight(model: ScoringModel) -> ScoringModel:
    """Return the model with the weights 1, 2, 3, … in the order of its components."""
    return model.with_weights({part.name: 1.0 + place for place, part in enumerate(model.parts)})


def act(url: str, market: RawMarket, *, kind: str = "application", place: int = 0) -> None:
    """Add an action on the job of `company_of`, slightly older than the newest action."""
    row = {
        "user_id": market.users[place]["user_id"],
        "job_id": company_of(market)[1],
        "action": kind,
        "occurred_at": CLOCK - timedelta(seconds=17 + place),
    }
    frame = market.frames()["actions"]
    with Database.open(url) as database, database.begin() as connection:
        write_frame(connection, "actions", pd.DataFrame([row])[list(frame.columns)].astype(frame.dtypes.to_dict()))


def legacy_job(row: Row) -> SimpleNamespace:
    """Return the job as a legacy object with nested parts."""
    return SimpleNamespace(
        job_id=row["job_id"],
        endcl_cd=row["company_id"],
        application_name=row["title"],
        employment_type_cd=row["employment_type_code"],
        salary=SimpleNamespace(
            salary_type=row["salary_type"],
            min_salary=row["min_salary"],
            max_salary=row["max_salary"],
            fee=row["fee"],
        ),
        location=SimpleNamespace(
            prefecture_code=row["prefecture_code"],
            city_code=row["city_code"],
            station_name_eki=row["station_name"],
            address=row["address"],
        ),
        category=SimpleNamespace(occupation_cd1=row["occupation_code"]),
        features=SimpleNamespace(**{name: row[name] for name in row if name.startswith("has_")}),
        posting_date=row["posted_at"],
        end_at=row["expires_at"],
        is_active=row["is_active"],
    )


def legacy_user(row: Row) -> SimpleNamespace:
    return SimpleNamespace(
        user_id=row["user_id"],
        estimated_pref_cd=row["prefecture_code"],
        estimated_city_cd=row["city_code"],
        preferred_categories=row["preferred_occupations"],
        preferred_salary_min=row["preferred_salary_min"],
        preferred_work_style=row["preferred_work_style"],
    )


def by_id(rows: Sequence[Row], key: str) -> dict[int, Row]:
    return {row[key]: row for row in rows}


def named(score: Score) -> list[float]:
    """Return the values in the order of SCORES, rounded to float32."""
    values = [score.total, score.groups["base"], score.groups["match"], score.groups["personal"]]
    return [float(np.float32(value)) for value in values]


def expected_pairs(
    oracle: Oracle, users: Sequence[Row], jobs: Sequence[Row], score: Callable[[Row, Row], Score] | None = None
) -> pd.DataFrame:
    """Return the oracle's frame of all pairs, ordered by user, then job."""
    score = score or oracle.classic
    rows = [
        [user["user_id"], job["job_id"], *named(score(user, job)), oracle.is_open(job)]
        for user in users
        for job in jobs
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "job_id", *SCORES, "eligible"])
    return frame.astype(dict.fromkeys(SCORES, "float32"))
