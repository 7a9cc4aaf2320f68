"""The reference data of the market as arrays: prefectures, cities, and occupations with their similarity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.dataset import reference as reference_tables
from scoring.synthetic.sampling import Floats, Ints, Strata

__all__ = [
    "DAY",
    "N_SCENES",
    "Cities",
    "Occupations",
    "Prefectures",
    "ReferenceArrays",
    "draw_cities",
    "draw_scene_vectors",
    "to_seconds",
]

DAY: Final = 86_400
N_SCENES: Final = 24
"""Number of scenes: hidden groups of similar users and jobs, which collaborative filtering can detect."""

_URBAN = {"13": 0.09, "14": 0.06, "27": 0.06, "23": 0.05, "11": 0.03, "12": 0.03, "26": 0.03, "28": 0.02, "40": 0.03}


def to_seconds(times: pd.Series | pd.DatetimeIndex) -> Ints:
    """Return whole seconds since 1970 of times. No time may be missing."""
    return pd.DatetimeIndex(times).as_unit("s").asi8.astype(np.int64)


@dataclass(frozen=True)
class Prefectures:
    """47 prefectures by position. Position 47 stands for an unknown prefecture."""

    codes: NDArray[np.object_]
    names: NDArray[np.object_]
    share: Floats
    urban: Floats  # relative wage surcharge of big cities
    location: NDArray[np.float32]  # (48, 48) 85 same, 60 neighbours, 20 otherwise or unknown
    neighbours: tuple[Ints, ...]
    wages: tuple[tuple[Ints, Floats], ...]  # per prefecture: times of the changes in seconds, new wage in yen

    @classmethod
    def load(cls) -> Prefectures:
        table = reference_tables.load_prefecture_traits()
        codes = table["prefecture_code"].to_numpy(object)
        place = {code: i for i, code in enumerate(codes)}
        pairs = reference_tables.load_prefecture_adjacency().map(place.__getitem__).to_numpy(np.int64)
        location = np.full((len(codes) + 1, len(codes) + 1), 20, np.float32)
        location[pairs[:, 0], pairs[:, 1]] = location[pairs[:, 1], pairs[:, 0]] = 60
        inner = np.arange(len(codes))
        location[inner, inner] = 85
        wages = reference_tables.load_minimum_wages().sort_values("effective_date").groupby("prefecture_code")
        return cls(
            codes,
            table["name"].to_numpy(object),
            (table["population"] / table["population"].sum()).to_numpy(np.float64),
            np.array([_URBAN.get(code, 0.0) for code in codes]),
            location,
            tuple(np.flatnonzero(row == 60) for row in location[: len(codes)]),
            tuple(
                (to_seconds(g["effective_date"]), g["hourly_wage"].to_numpy(np.float64))
                for g in (wages.get_group(code) for code in codes)
            ),
        )

    def get_minimum_wage(self, prefecture: Ints, at: Ints) -> Floats:
        """Return the minimum wage in yen per hour at the given times; before the first record, that of the first."""
        result = np.empty(len(prefecture))
        for i, (since, yen) in enumerate(self.wages):
            rows = prefecture == i
            result[rows] = yen[np.maximum(np.searchsorted(since, at[rows], side="right") - 1, 0)]
        return result

    def draw_neighbour(self, rng: np.random.Generator, prefecture: Ints) -> Ints:
        """Return a random neighbour of each prefecture, in the same shape."""
        counts = np.array([len(n) for n in self.neighbours])
        flat, first = np.concatenate(self.neighbours), np.cumsum(counts) - counts
        return flat[first[prefecture] + rng.integers(0, counts[prefecture])]


@dataclass(frozen=True)
class Cities:
    """Cities by position, ordered by prefecture."""

    codes: NDArray[np.object_]
    names: NDArray[np.object_]
    prefecture: Ints
    share: Floats
    stations: tuple[list[str], ...]

    @classmethod
    def load(cls, prefectures: Prefectures) -> Cities:
        table = reference_tables.load_cities()
        place = {code: i for i, code in enumerate(prefectures.codes)}
        return cls(
            table["city_code"].to_numpy(object),
            table["name"].to_numpy(object),
            table["prefecture_code"].map(place).to_numpy(np.int64),
            table["population_share"].to_numpy(np.float64),
            tuple(table["stations"]),
        )


@dataclass(frozen=True)
class Occupations:
    """172 occupations by position, ordered by major group. Position 172 stands for an unknown occupation."""

    codes: Ints
    names: NDArray[np.object_]
    major: Ints
    weight: Floats
    wage_level: Floats
    flag_shares: Floats  # (172, 4) shares of daily payment, no experience, student welcome, remote work
    similarity: NDArray[np.float32]  # (173, 173) 1 same, at least 0.5 within a major group, 0 for unknown

    @classmethod
    def load(cls, rng: np.random.Generator) -> Occupations:
        table = reference_tables.load_occupation_traits()
        major = np.unique(table["major_code"], return_inverse=True)[1].astype(np.int64)
        # vectors of a major group share a component, so a user who likes one occupation tends to like the rest
        vectors = rng.normal(size=(major.max() + 1, 4))[major] + 0.8 * rng.normal(size=(len(major), 4))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        similarity = np.zeros((len(major) + 1, len(major) + 1), np.float32)
        same = np.where(major[:, None] == major, 0.5, 0.0)
        similarity[:-1, :-1] = np.maximum(same, 0.5 * (vectors @ vectors.T))
        np.fill_diagonal(similarity[:-1, :-1], 1.0)
        flags = table[["daily_payment", "no_experience", "student_welcome", "remote_work"]]
        return cls(
            table["occupation_code"].to_numpy(np.int64),
            table["name"].to_numpy(object),
            major,
            table["weight"].to_numpy(np.float64),
            table["wage_level"].to_numpy(np.float64),
            flags.to_numpy(np.float64),
            similarity,
        )


@dataclass(frozen=True)
class ReferenceArrays:
    """The reference data of the market."""

    prefectures: Prefectures
    cities: Cities
    occupations: Occupations

    @classmethod
    def load(cls, rng: np.random.Generator) -> ReferenceArrays:
        return cls(*_load_places(), Occupations.load(rng))


@cache  # half of the time of a small market; no caller changes the arrays
def _load_places() -> tuple[Prefectures, Cities]:
    prefectures = Prefectures.load()
    return prefectures, Cities.load(prefectures)


def draw_cities(rng: np.random.Generator, reference: ReferenceArrays, prefecture: Ints) -> Ints:
    """Return a random city of each prefecture, in proportion to population."""
    cities = reference.cities
    strata = Strata(cities.prefecture, len(reference.prefectures.codes), cities.share)
    return strata.restrict(np.ones(len(cities.codes), bool)).draw(rng, prefecture)


def draw_scene_vectors(rng: np.random.Generator, scene: Ints) -> NDArray[np.float32]:
    """Return (n, 6) unit vectors around the centres of the scenes."""
    # a fixed seed: users and jobs must have the same centres
    centres = np.random.default_rng(24).normal(size=(N_SCENES, 6))
    vectors = centres[scene] + 0.6 * rng.normal(size=(len(scene), 6))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
