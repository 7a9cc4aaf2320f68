"""Exposure: which companies, prefectures, occupations or values of an own column gain or lose places in the lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from scoring.array_types import Floats, Longs
from scoring.columns.board_definition import Board
from scoring.errors import ConfigurationError, UnknownIdError, suggest
from scoring.evaluation.slices import UNKNOWN, group_rows
from scoring.id_index import IdIndex
from scoring.model import Inputs
from scoring.plotting import BLACK, BLUE, SMALL, VERMILION
from scoring.ranking import Ranking, list_overlap

__all__ = [
    "ATTRIBUTES",
    "UNKNOWN",
    "JobAttribute",
    "JobPlaces",
    "check_attribute",
    "compare_places",
    "compute_exposure_changes",
    "name_attribute",
    "plot_exposure",
]

ATTRIBUTES: Final = ("company", "prefecture", "occupation")
"""Attributes of the jobs of every board by which places are counted. A board may add own columns."""

COLUMN: Final = {"company": "company_id", "prefecture": "prefecture_code", "occupation": "occupation_code"}
TABLE: Final = {"prefecture": "prefectures", "occupation": "occupations"}

LONGEST: Final = 18
"""Maximum number of characters of an axis label."""


def check_attribute(by: str, board: Board) -> None:
    """Raise ConfigurationError if places cannot be counted by an attribute of the jobs of a board."""
    known = [*ATTRIBUTES, *(column.name for column in board.get_own("jobs"))]
    if by not in known:
        raise ConfigurationError(f"by is {by!r}. {suggest(by, known)}", key=("by",))


def name_attribute(by: str, board: Board) -> tuple[str, str]:
    """Return the label of an attribute of jobs, and the label of its values: `company`, `companies`."""
    labels = {
        "company": ("company", "companies"),
        "prefecture": (board.region, board.regions),
        "occupation": ("occupation", "occupations"),
    }
    return labels.get(by, (by, f"values of {by}"))


@dataclass(frozen=True)
class JobAttribute:
    """The values of an attribute of jobs, and the values of each job as pairs of a job and a value."""

    column: str
    job: Longs  # (pairs,) rows of jobs
    codes: Longs  # (pairs,) index in `values`
    values: pd.api.extensions.ExtensionArray  # (n_codes + 1,); the last one is missing
    names: pd.api.extensions.ExtensionArray  # (n_codes + 1,); the last one is UNKNOWN

    @classmethod
    def of(cls, inputs: Inputs, by: str) -> Self:
        """Return an attribute of the jobs of these inputs.

        Raises
        ------
        ConfigurationError: If `by` is neither one of `ATTRIBUTES` nor an own column of jobs.
        """
        check_attribute(by, inputs.board)
        if by not in ATTRIBUTES:
            return cls._of_own_column(inputs, by)
        values = [*getattr(inputs.words, by).values, None]
        series = pd.Series(values, dtype="Int64" if by == "occupation" else "str")
        if by == "company":
            named = inputs.jobs.frame.dropna(subset=["company_id", "company_name"]).drop_duplicates("company_id")
            names = named.set_index("company_id")["company_name"]
        else:
            names = getattr(inputs.dataset.tables, TABLE[by]).set_index(COLUMN[by])["name"]
        known_names = series.map(names).astype("str").fillna(series.astype("str")).fillna(UNKNOWN)
        codes = getattr(inputs.jobs, by).astype(np.int64)
        codes[codes < 0] = len(values) - 1
        return cls(COLUMN[by], np.arange(len(codes)), codes, series.array, known_names.array)

    @classmethod
    def _of_own_column(cls, inputs: Inputs, name: str) -> Self:
        """Return the groups of an own column: ranges of numbers and times, the most frequent other values."""
        groups = group_rows(inputs.jobs.read_column(name).rename(name), "jobs")
        names = pd.Series([*(label for label in groups.labels if label != UNKNOWN), None], dtype="str")
        return cls(name, groups.row, groups.code, names.array, names.fillna(UNKNOWN).array)


@dataclass(frozen=True, repr=False)
class JobPlaces:
    """How often each job is listed."""

    places: Floats  # (m,) list entries
    weighted: Floats  # (m,) the same, discounted by rank
    n_places: int

    @classmethod
    def of(cls, ranking: Ranking, inputs: Inputs) -> Self:
        """Return the places of the jobs of these inputs in a ranking.

        Raises
        ------
        UnknownIdError: If a listed job is not in the inputs.
        """
        is_job = list_overlap.mask_listed(ranking.job_id.shape[1], ranking.count)
        row = _find_job_rows(inputs, ranking.job_id[is_job])
        discount = 1 / np.log2(2 + np.nonzero(is_job)[1])
        places, weighted = (
            np.bincount(row, weights, minlength=len(inputs.jobs)).astype(np.float64) for weights in (None, discount)
        )
        return cls(places, weighted, int(ranking.count.sum()))

    def count(self, attribute: JobAttribute) -> tuple[Longs, Floats]:
        """Return (n_codes + 1,) list entries, and the same discounted by rank; the last: jobs without a value."""
        places, weighted = (
            np.bincount(attribute.codes, of_job[attribute.job], minlength=len(attribute.values))
            for of_job in (self.places, self.weighted)
        )
        return places.astype(np.int64), weighted.astype(np.float64)


def compute_exposure_changes(before: Ranking, after: Ranking, inputs: Inputs, by: str = "company") -> pd.DataFrame:
    """Return one row per company (prefecture, occupation) with a place in either ranking, the largest change first.

    `by` is one of `ATTRIBUTES`, or an own column of jobs, whose values are grouped as in `slice_by`.

    Columns:

    - company_id (prefecture_code, occupation_code, the own column): missing for jobs without one
    - name: the code if the tables have no name
    - places_before, places_after, change: list entries; they add up to all entries of the lists, except that an entry
      counts for each value of a column of lists
    - weighted_before, weighted_after, weighted_change: the same, each entry weighted by 1 / log2(1 + rank), the
      discount of DCG (Järvelin and Kekäläinen, TOIS 20(4), 2002)
    - share_before, share_after: share of all places

    Raises
    ------
    ConfigurationError: If `by` is another value.
    UnknownIdError: If a listed job is not in the inputs.
    """
    attribute = JobAttribute.of(inputs, by)
    return compare_places(JobPlaces.of(before, inputs), JobPlaces.of(after, inputs), attribute)


def compare_places(before: JobPlaces, after: JobPlaces, attribute: JobAttribute) -> pd.DataFrame:
    """Return the frame of `compute_exposure_changes`."""
    columns: dict[str, Any] = {}
    for when, places in (("before", before), ("after", after)):
        columns[f"places_{when}"], columns[f"weighted_{when}"] = places.count(attribute)
    listed_codes = np.flatnonzero((columns["places_before"] > 0) | (columns["places_after"] > 0))
    listed = {name: values[listed_codes] for name, values in columns.items()}
    change = listed["places_after"] - listed["places_before"]
    frame = pd.DataFrame(
        {
            attribute.column: attribute.values.take(listed_codes),
            "name": attribute.names.take(listed_codes),
            "places_before": listed["places_before"],
            "places_after": listed["places_after"],
            "change": change,
            "share_before": listed["places_before"] / max(before.n_places, 1),
            "share_after": listed["places_after"] / max(after.n_places, 1),
            "weighted_before": listed["weighted_before"],
            "weighted_after": listed["weighted_after"],
            "weighted_change": listed["weighted_after"] - listed["weighted_before"],
        }
    )
    order = np.lexsort((listed_codes, -np.abs(frame["weighted_change"].to_numpy()), -np.abs(change)))
    return frame.iloc[order].reset_index(drop=True)


def _find_job_rows(inputs: Inputs, ids: np.ndarray) -> np.ndarray:
    known = inputs.jobs.job_id
    rows, present = IdIndex(known).find(ids)
    if not present.all():
        raise UnknownIdError(
            f"The lists contain job {ids[~present][0]}, which is not among the {len(known):,} jobs of these inputs. "
            "Use the inputs from which the lists were computed.",
            kind="job",
            unknown_id=int(ids[~present][0]),
        )
    return rows


def plot_exposure(axes: Any, frame: pd.DataFrame, labels: tuple[str, str], most: int = 8) -> None:
    """Draw diverging bars of the `most` largest gains and losses of `compute_exposure_changes`, gains on top.

    `labels` are those of `name_attribute`.
    """
    label, plural = labels
    gained = frame[frame["change"] > 0].nlargest(most, "change")
    lost = frame[frame["change"] < 0].nsmallest(most, "change")[::-1]
    listed = pd.concat([gained, lost])
    axes.set_title(f"{plural.capitalize()} with the largest gains and losses", loc="left", fontsize=10)
    axes.set_xlabel("change in the number of list places")
    if not len(listed):
        axes.set_yticks([])
        axes.set_ylabel(plural)
        axes.text(0.5, 0.5, "no gains or losses", ha="center", va="center", transform=axes.transAxes)
        return
    places = np.arange(len(listed))
    colours = [BLUE if change > 0 else VERMILION for change in listed["change"]]
    drawn = axes.barh(places, listed["change"], color=colours, height=0.7)
    texts = [
        f"{change:+,} ({before:,} → {after:,})"
        for change, before, after in listed[["change", "places_before", "places_after"]].itertuples(index=False)
    ]
    axes.bar_label(drawn, texts, padding=3, fontsize=7)
    names = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in listed["name"]]
    axes.set_yticks(places, names, fontsize=SMALL)
    axes.invert_yaxis()
    axes.set_ylabel(label)
    axes.axvline(0, color=BLACK, linewidth=0.8)
    low, high = min(0, int(listed["change"].min())), max(0, int(listed["change"].max()))
    margin = 1.5 * max(high, -low)  # for the texts
    axes.set_xlim(low - margin * (low < 0), high + margin * (high > 0))
    axes.locator_params(axis="x", nbins=5)
