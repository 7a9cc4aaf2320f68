"""Results in the shapes of the legacy engine. Those that are frames in version 0.1 have a `frame()`."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, Literal, TypedDict

import numpy as np
import pandas as pd

from scoring.argument_checks import list_values
from scoring.array_types import Longs
from scoring.caching import CacheStats
from scoring.columns import ACTION_KINDS, TABLES
from scoring.columns.id_arguments import list_ids
from scoring.columns.types import NORMAL_TEXT
from scoring.components import Popularity
from scoring.components.helpers import interpolate
from scoring.dataset import Dataset
from scoring.dataset.arrays import DAY
from scoring.dataset.column_lookup import to_plain_value
from scoring.errors import ConfigurationError
from scoring.facade.classic_values import compute_match, compute_points
from scoring.facade.snapshot import Snapshot
from scoring.model import Inputs
from scoring.model_catalog import load_model
from scoring.statistics import Statistics

__all__ = [
    "ColumnNames",
    "CompanyPopularity",
    "PairScores",
    "UserHistory",
    "count_cache_entries",
    "describe_factors",
    "make_company_popularity",
    "make_recommendations",
    "make_user_history",
    "select_argument",
    "select_column_names",
    "select_scores",
]

HISTORY_DAYS: Final = 90
RECENT_DAYS: Final = (7, 30)
LOW_GROUP, LOW_TOTAL = 50, 70
"""A group below the first is recommended to be raised, while the total is below the second."""

_KEY_OF_KIND: Final = {"application": "applications", "click": "clicks", "view": "views"}

_ADVICE: Final = {
    "base_score": "Raise the fee or the wage of the job, or add a station and an address",
    "seo_score": "Offer the user jobs that are nearer, of a preferred occupation, or with the wanted conditions",
    "personal_score": "Offer the user jobs that are like those of earlier applications and clicks",
}

ColumnNames = Literal["canonical", "legacy"]


class _FramedResult:
    """A result that is a frame in version 0.1."""

    _frame: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """Return the frame of version 0.1."""
        return self._frame.copy(deep=False)


class PairScores(_FramedResult, list[float]):
    """The total score of each pair, in order. `frame()` has the ids and all scores.

    A column of the frame by name, as in version 0.1, is deprecated.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__(frame["total_score"].tolist())
        self._frame = frame

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str | list):
            return super().__getitem__(key)
        warnings.warn(
            f"The result of batch_calculate_scores is a list of total scores. Use frame()[{key!r}].",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.frame()[key]


class HistoryEntry(TypedDict):
    """Jobs of a user's actions of one kind that agree in three values. Missing values are None."""

    occupation_cd1: int | None
    min_salary: float | None
    prefecture_code: str | None
    count: int


class UserHistory(_FramedResult, dict[Any, dict[str, list[HistoryEntry]]]):
    """User id, as it was given → `applications`, `clicks` and `views` of the last 90 days, most frequent first.

    Ties: smaller occupation, then salary, then prefecture; missing values last. Users without actions in these days are
    absent. `frame()` has all actions up to the clock: user_id, job_id, action, occurred_at, by user_id, then time.
    """

    def __init__(self, content: Mapping[Any, dict[str, list[HistoryEntry]]], frame: pd.DataFrame) -> None:
        super().__init__(content)
        self._frame = frame


class PopularityEntry(TypedDict):
    """Popularity of a company. Views do not include clicks."""

    application_rate: float
    applications_7d: int
    applications_30d: int
    views_7d: int
    views_30d: int
    popularity_score: float


class CompanyPopularity(_FramedResult, dict[Any, PopularityEntry]):
    """Company code, as it was given → its popularity. Companies that no job names are absent.

    `application_rate` and `popularity_score` (0 to 100) are those of the component `popularity` of `standard`.
    `frame()` has a row for each different code: company_id, applications, looks (views and clicks), application_rate.
    """

    def __init__(self, content: Mapping[Any, PopularityEntry], frame: pd.DataFrame) -> None:
        super().__init__(content)
        self._frame = frame


# Actions of users


def make_user_history(dataset: Dataset, user_ids: Any) -> UserHistory:
    """Return the history of these users. Unknown ids are omitted. Raises ConfigurationError if an id is invalid."""
    rows, is_known = dataset.user_lookup.resolve(user_ids)
    users = np.unique(rows[is_known])
    actions = dataset.actions  # by user, then time, job and kind
    first, last = (np.searchsorted(actions.user, users, side) for side in ("left", "right"))
    places = np.concatenate([np.empty(0, np.int64), *map(np.arange, first, last)])
    entries = _count_entries(dataset, places[actions.at[places] >= dataset.clock.now - HISTORY_DAYS * DAY])
    content = {
        user_id.item() if isinstance(user_id, np.generic) else user_id: _copy(entries[row])  # it may be given twice
        for user_id, row in zip(user_ids, rows.tolist(), strict=True)
        if row in entries
    }
    return UserHistory(content, _make_action_frame(dataset, places))


def _copy(history: Mapping[str, list[HistoryEntry]]) -> dict[str, list[HistoryEntry]]:
    return {key: [entry.copy() for entry in entries] for key, entries in history.items()}


def _count_entries(dataset: Dataset, places: Longs) -> dict[int, dict[str, list[HistoryEntry]]]:
    """Return row of a user → key of an action kind → entries, for the actions at these places."""
    actions = dataset.actions
    jobs, job = np.unique(actions.job[places], return_inverse=True)
    rows = dataset.tables.jobs.iloc[jobs]
    columns = (rows[name] for name in ("occupation_code", "min_salary", "prefecture_code"))
    values = list(zip(*([to_plain_value(value) for value in column] for column in columns), strict=True))
    seen = zip(actions.user[places].tolist(), actions.kind[places].tolist(), map(values.__getitem__, job), strict=True)
    entries: dict[int, dict[str, list[HistoryEntry]]] = {}
    for (user, kind, (occupation, salary, prefecture)), count in sorted(Counter(seen).items(), key=_make_sort_key):
        of_user = entries.setdefault(user, {key: [] for key in _KEY_OF_KIND.values()})
        of_user[_KEY_OF_KIND[ACTION_KINDS[kind]]].append(
            HistoryEntry(occupation_cd1=occupation, min_salary=salary, prefecture_code=prefecture, count=count)
        )
    return entries


def _make_sort_key(item: tuple[tuple[int, int, tuple[Any, ...]], int]) -> tuple[Any, ...]:
    """Return a key that orders counts: most frequent first, then smaller values, missing values last."""
    (_, _, values), count = item
    return (-count, *((value is None, 0 if value is None else value) for value in values))


def _make_action_frame(dataset: Dataset, places: Longs) -> pd.DataFrame:
    """Return actions as a canonical frame."""
    actions = dataset.actions
    columns: dict[str, Any] = {
        "user_id": dataset.users.user_id[actions.user[places]],
        "job_id": dataset.jobs.job_id[actions.job[places]],
        "action": np.array(ACTION_KINDS, dtype=object)[actions.kind[places]],
        "occurred_at": pd.to_datetime(actions.at[places], unit="us", utc=True),
    }
    frame = pd.DataFrame(columns).astype({column.name: column.type.dtype for column in TABLES["actions"].columns})
    return frame if actions.own is None else frame.join(actions.own.iloc[places].reset_index(drop=True))


# Popularity of companies


def make_company_popularity(snapshot: Snapshot, codes: Iterable[Any]) -> CompanyPopularity:
    """Return the popularity of these companies.

    The cache saves the counting over 360 days, 1.1 ms for 100,000 actions (50 companies take 2.1 ms without it and
    0.55 ms with it). The rest is the construction of the frame and two changes of thread, so a small market gains
    nothing.
    """
    given = list_ids(codes)
    names = list(dict.fromkeys(map(str, given)))
    companies = snapshot.dataset.words.company.values
    known = NORMAL_TEXT.coerce(pd.Series(names, dtype="str")).values
    at = companies.get_indexer(pd.Index(known)).astype(np.int32)
    component = _load_popularity()
    applications, looks = snapshot.statistics.company_actions(component.days).of(at)
    rate = (applications + component.prior_applications) / (looks + component.prior_looks)
    recent = snapshot.compute_once(_count_recent_actions)
    entries = {
        name: PopularityEntry(
            application_rate=float(rate[n]),
            **{key: int(counts[at[n]]) for key, counts in recent.items()},  # type: ignore[typeddict-item]
            popularity_score=float(interpolate(float(rate[n]), component.curve)),
        )
        for n, name in enumerate(names)
        if at[n] >= 0
    }
    frame = pd.DataFrame(
        {
            "company_id": pd.Series(names, dtype="str"),
            "applications": applications,
            "looks": looks,
            "application_rate": rate,
        }
    )
    return CompanyPopularity({code: entries[str(code)] for code in given if str(code) in entries}, frame)


@cache
def _load_popularity() -> Popularity:
    """Return the component `popularity` of `standard`."""
    component = next(part.component for part in load_model("standard").parts if part.name == "popularity")
    assert isinstance(component, Popularity)
    return component


def _count_recent_actions(statistics: Statistics) -> dict[str, Longs]:
    """Return key of `PopularityEntry` → (n_companies,) number of actions of the last days."""
    dataset = statistics.dataset
    actions, n_companies = dataset.actions, len(dataset.words.company.values)
    company = dataset.jobs.company[actions.job]
    counts = {}
    for kind in ("application", "view"):
        for days in RECENT_DAYS:
            chosen = (actions.kind == ACTION_KINDS.index(kind)) & (actions.at >= dataset.clock.now - days * DAY)
            chosen &= company >= 0
            counts[f"{kind}s_{days}d"] = np.bincount(company[chosen], minlength=n_companies)
    return counts


# Explanations


def describe_factors(inputs: Inputs) -> dict[str, float]:
    """Return the legacy `score_factors` of the first user and the first job: formulas of `classic`, and the raw fee."""
    return {
        "fee_boost": float(np.nan_to_num(inputs.jobs.fee[0])),
        "salary_attractiveness": float(compute_points(inputs, "wage")[0]),
        "location_match": compute_match(inputs, "location"),
        "category_match": compute_match(inputs, "category"),
    }


def make_recommendations(total: float, groups: Mapping[str, float], *, with_profile: bool) -> list[str]:
    """Return one sentence for each group score below 50, while the total is below 70.

    The personal group has one only for a user with a profile: a user without one has no history to agree with.
    """
    if total >= LOW_TOTAL:
        return []
    low = [name for name, value in groups.items() if value < LOW_GROUP]
    return [
        f"{_ADVICE[name]}: {name} is {groups[name]:.1f} of 100."
        for name in low
        if name != "personal_score" or with_profile
    ]


# Counts


def count_cache_entries(caches: Mapping[str, CacheStats]) -> dict[str, int]:
    """Return the legacy `memory_usage`: numbers of entries."""
    names = {
        "prefecture_cache_size": "prefecture",
        "occupation_cache_size": "similarity",
        "company_popularity_cache_size": "company",
    }
    return {key: caches[name].entries for key, name in names.items()}


# Arguments and columns


def select_argument(given: Any, name: str, legacy: Any, legacy_name: str, *, is_required: bool = True) -> Any:
    """Return the argument that is given, by its name or by its legacy name.

    Raises
    ------
    ConfigurationError: If both are given, or a required one is missing.
    """
    if given is not None and legacy is not None:
        raise ConfigurationError(
            f"{name} and {legacy_name} are both given. They are two names of one argument: use only {name}.",
            key=(legacy_name,),
        )
    found = given if legacy is None else legacy
    if found is None and is_required:
        raise ConfigurationError(f"{name} is missing. Give {name}, or {legacy_name}, its legacy name.", key=(name,))
    return found


def select_scores(names: Iterable[str] | None, known: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return score columns by their names, with or without `_score`; None for all.

    Raises
    ------
    ConfigurationError: If a name is not that of a score column.
    """
    if names is None:
        return None
    columns = {name.removesuffix("_score"): name for name in known} | {name: name for name in known}
    given = list_values("score_types", names, str, "names of score columns")
    for name in given:
        if name not in columns:
            raise ConfigurationError(
                f"score_types contains {name!r}. Use names of score columns: {', '.join(known)}.", key=("score_types",)
            )
    return tuple(dict.fromkeys(columns[name] for name in given))


def select_column_names(table: str, columns: str) -> dict[str, str]:
    """Return canonical name → legacy name of the columns to rename: none for `canonical`.

    Raises
    ------
    ConfigurationError: If `columns` is neither `canonical` nor `legacy`.
    """
    if columns not in ("canonical", "legacy"):
        raise ConfigurationError(f"columns is {columns!r}. Use 'canonical' or 'legacy'.", key=("columns",))
    if columns == "canonical":
        return {}
    return {column.name: column.aliases[0] for column in TABLES[table].columns if column.aliases}
