"""The shipped reference tables: Japan's prefectures, their borders, cities and minimum wages, and 172 occupations.

Codes are text as in JIS X 0401 and 0402. Populations of prefectures are those of the 2020 census. Only larger cities
are listed. Their shares are relative to the listed cities of the prefecture, from figures rounded to thousands. They
suffice for a synthetic market, not for statistics.

Each file is read once per process. Each function returns a new frame that the caller may change.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

import pandas as pd

from scoring.columns import TABLES

__all__ = [
    "load_cities",
    "load_minimum_wages",
    "load_occupation_traits",
    "load_occupations",
    "load_prefecture_adjacency",
    "load_prefecture_traits",
    "load_prefectures",
]

_CODES: Final = ("prefecture_code", "adjacent_code", "city_code")


def load_occupations() -> pd.DataFrame:
    """Return the canonical table: occupation_code, name, major_code; 172 rows in 18 major groups."""
    return _load_canonical("occupations").copy()


def load_prefectures() -> pd.DataFrame:
    """Return the canonical table: prefecture_code, name, region; 47 rows."""
    return _load_canonical("prefectures").copy()


def load_prefecture_adjacency() -> pd.DataFrame:
    """Return the canonical table: prefecture_code, adjacent_code; one row for each of the 93 pairs.

    Pairs that are connected only across water (bridge, tunnel, ferry) are included; the column `kind` of the file
    marks them.
    """
    return _load_canonical("prefecture_adjacency").copy()


def load_occupation_traits() -> pd.DataFrame:
    """Return the occupations with traits for synthetic data.

    Columns: those of `load_occupations`, major_name, weight (per cent of the jobs), wage_level (times the minimum
    wage), and the shares of jobs with daily_payment, no_experience, student_welcome and remote_work.
    """
    return _read("occupations.csv")


def load_prefecture_traits() -> pd.DataFrame:
    """Return the prefectures with name_en, population, and latitude and longitude of the capital in degrees."""
    return _read("prefectures.csv")


def load_cities() -> pd.DataFrame:
    """Return the larger cities.

    Columns: prefecture_code, city_code, name, population_share (sums to 1 in a prefecture), stations (lists of str).
    """
    frame = _read("cities.csv")
    frame["stations"] = [text.split("|") if isinstance(text, str) else [] for text in frame["stations"]]
    return frame


def load_minimum_wages() -> pd.DataFrame:
    """Return the minimum wages of fiscal years 2023 to 2025.

    Columns: prefecture_code, hourly_wage (yen), effective_date (UTC midnight).
    """
    frame = _read("minimum_wage.csv")
    frame["effective_date"] = pd.to_datetime(frame["effective_date"], utc=True).astype("datetime64[us, UTC]")
    return frame


def _read(name: str) -> pd.DataFrame:
    return _read_once(name).copy()


@cache
def _read_once(name: str) -> pd.DataFrame:
    with (files(__package__) / name).open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=dict.fromkeys(_CODES, "str"))


@cache
def _load_canonical(table: str) -> pd.DataFrame:
    columns = {column.name: column.type.dtype for column in TABLES[table].columns}
    return _read_once(f"{table}.csv").astype(columns)[list(columns)]
