"""Synthetic users: places, stated preferences and hidden interests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.synthetic import column_helpers
from scoring.synthetic.reference_arrays import DAY, N_SCENES, ReferenceArrays, draw_cities, draw_scene_vectors
from scoring.synthetic.sampling import Flags, Floats, Ints, draw_flags, draw_weighted

__all__ = ["MAX_PREFERRED", "STYLES", "Users", "make_users"]

MAX_PREFERRED = 5
STYLES = ("part_time", "full_time", "flexible", "remote")
_STYLE_SHARES = np.array([0.45, 0.25, 0.18, 0.12])
_AGES = np.array(["18-24", "25-34", "35-44", "45-54", "55-64", "65+"], object)
_AGE_SHARES = np.array([0.28, 0.24, 0.18, 0.16, 0.10, 0.04])
_GENDERS = np.array(["female", "male", "other"], object)
_PREFERRED_SHARES = np.array([0.14, 0.26, 0.25, 0.18, 0.11, 0.06])


@dataclass(frozen=True)
class Users:
    """n users as arrays of positions in the reference tables.

    Unknown values are the position after the last (prefecture, city, occupation) or NaN (floor).
    """

    home: Ints  # true prefecture; `prefecture` and `city` are the recorded values
    home_city: Ints
    prefecture: Ints
    city: Ints
    interests: Ints  # (n, 5) liked occupations, best first
    preferred: Ints  # (n, 5) stated occupations, padded with the unknown occupation
    floor: Floats  # yen per hour
    style: Ints  # position in STYLES, −1 none
    scene: Ints
    vectors: NDArray[np.float32]
    activity: Floats
    registered: Ints
    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.home)


def make_users(rng: np.random.Generator, reference: ReferenceArrays, n: int, now: int) -> Users:
    """Return `n` users. `now` is the clock in seconds."""
    home = draw_weighted(rng, reference.prefectures.share, n)
    home_city = draw_cities(rng, reference, home)
    prefecture = np.where(draw_flags(rng, 0.03, n), len(reference.prefectures.codes), home)
    city = np.where(draw_flags(rng, 0.10, n), len(reference.cities.codes), home_city)
    interests = _draw_interests(rng, reference, n)
    n_stated = draw_weighted(rng, _PREFERRED_SHARES, n)
    preferred = np.where(np.arange(MAX_PREFERRED) < n_stated[:, None], interests, len(reference.occupations.codes))
    minimum = reference.prefectures.get_minimum_wage(home, np.full(n, now))
    floor = np.round(minimum * rng.lognormal(0.08, 0.12, n) / 50) * 50
    floor = np.where(draw_flags(rng, 0.04, n), 0.0, np.where(draw_flags(rng, 0.42, n), np.nan, floor))
    style = np.where(draw_flags(rng, 0.28, n), -1, draw_weighted(rng, _STYLE_SHARES, n))
    # a growing market: half of the users registered in the last 14 months
    registered = now - 3600 - (rng.beta(0.9, 1.8, n) * 1500 * DAY).astype(np.int64)
    scene = rng.integers(0, N_SCENES, n)
    # most users are active a few times, some never, a few very often
    activity = np.where(draw_flags(rng, 0.07, n), 0.0, rng.lognormal(0, 1.25, n))
    if not activity.any():
        activity[0] = 1.0
    vectors = draw_scene_vectors(rng, scene)
    frame = _to_frame(rng, reference, prefecture, city, (preferred, n_stated), floor, style, registered)
    return Users(
        home, home_city, prefecture, city, interests, preferred, floor, style, scene, vectors,
        activity, registered, frame,
    )  # fmt: skip


def _draw_interests(rng: np.random.Generator, reference: ReferenceArrays, n: int) -> Ints:
    """Return (n, 5) distinct occupations: the first by weight, the other four similar to it."""
    jobs = reference.occupations
    interests = np.empty((n, MAX_PREFERRED), np.int64)
    interests[:, 0] = draw_weighted(rng, jobs.weight, n)
    similar = jobs.weight * np.exp(5.0 * jobs.similarity[:-1, :-1].astype(np.float64))
    np.fill_diagonal(similar, 0.0)
    # Gumbel top-k draws without replacement, one first occupation at a time to bound the memory
    for first in np.unique(interests[:, 0]):
        rows = np.flatnonzero(interests[:, 0] == first)
        with np.errstate(divide="ignore"):
            keys = np.log(similar[first]) + rng.gumbel(size=(len(rows), len(similar)))
        top = np.argpartition(-keys, MAX_PREFERRED - 1, axis=1)[:, : MAX_PREFERRED - 1]
        interests[rows, 1:] = np.take_along_axis(
            top, np.argsort(-np.take_along_axis(keys, top, 1), 1, kind="stable"), 1
        )
    return interests


def _to_frame(
    rng: np.random.Generator,
    reference: ReferenceArrays,
    prefecture: Ints,
    city: Ints,
    preferred: tuple[Ints, Ints],
    floor: Floats,
    style: Ints,
    registered: Ints,
) -> pd.DataFrame:
    n = len(prefecture)
    codes = reference.occupations.codes
    n_stated = [codes[row[:count]].tolist() for row, count in zip(*preferred, strict=True)]
    lists = np.empty(n, object)
    lists[:] = n_stated
    none: Flags = style < 0
    columns = {
        "user_id": np.arange(1, n + 1),
        "prefecture_code": column_helpers.make_text_column(
            column_helpers.append_unknown(reference.prefectures.codes)[prefecture]
        ),
        "city_code": column_helpers.make_text_column(column_helpers.append_unknown(reference.cities.codes)[city]),
        "age_group": column_helpers.make_text_column(
            _AGES[draw_weighted(rng, _AGE_SHARES, n)], draw_flags(rng, 0.05, n)
        ),
        "gender": column_helpers.make_text_column(
            _GENDERS[draw_weighted(rng, np.array([0.52, 0.46, 0.02]), n)], draw_flags(rng, 0.07, n)
        ),
        "preferred_occupations": pd.Series(lists, dtype=object),
        "preferred_salary_min": floor,
        "preferred_work_style": column_helpers.make_text_column(np.array(STYLES, object)[style], none),
        "registered_at": column_helpers.time_column(registered, draw_flags(rng, 0.02, n)),
        "is_active": ~draw_flags(rng, 0.03, n),
    }
    return column_helpers.make_canonical("users", columns, n)
