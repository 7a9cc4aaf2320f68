"""Exposure: which companies, prefectures and occupations gain or lose places in the lists."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd

from scoring.array_types import Floats, Ints
from scoring.errors import ConfigurationError, UnknownIdError
from scoring.id_index import IdIndex
from scoring.model import Inputs
from scoring.plotting import BLACK, BLUE, SMALL, VERMILION
from scoring.ranking import Ranking, list_overlap

__all__ = ["UNKNOWN", "By", "compute_exposure_changes", "plot_exposure"]

By = Literal["company", "prefecture", "occupation"]
"""Attribute of a job by which places are counted."""

COLUMN: Final = {"company": "company_id", "prefecture": "prefecture_code", "occupation": "occupation_code"}
PLURAL: Final = {"company": "companies", "prefecture": "prefectures", "occupation": "occupations"}

LONGEST: Final = 18
"""Maximum number of characters of an axis label."""

UNKNOWN: Final = "unknown"
"""Name of the row of jobs without a company, prefecture or occupation."""


def compute_exposure_changes(before: Ranking, after: Ranking, inputs: Inputs, by: By = "company") -> pd.DataFrame:
    """Return one row per company (prefecture, occupation) with a place in either ranking, the largest change first.

    Columns:

    - company_id (prefecture_code, occupation_code): missing for jobs without one
    - name: the code if the tables have no name
    - places_before, places_after, change: list entries; they add up to all entries of the lists
    - weighted_before, weighted_after, weighted_change: the same, each entry weighted by 1 / log2(1 + rank), the
      discount of DCG (Järvelin and Kekäläinen, TOIS 20(4), 2002)
    - share_before, share_after: share of all places

    Raises
    ------
    ConfigurationError: If `by` is not one of `By`.
    UnknownIdError: If a listed job is not in the inputs.
    """
    if by not in get_args(By):
        raise ConfigurationError(f"by is {by!r}. Use one of: {', '.join(get_args(By))}.", key=("by",))
    codes: Ints = getattr(inputs.jobs, by)
    n_codes = len(getattr(inputs.words, by))
    columns: dict[str, Any] = {}
    for when, ranking in (("before", before), ("after", after)):
        columns[f"places_{when}"], columns[f"weighted_{when}"] = _exposure(ranking, inputs, codes, n_codes)
    listed_codes = np.flatnonzero((columns["places_before"] > 0) | (columns["places_after"] > 0))
    listed = {name: values[listed_codes] for name, values in columns.items()}
    change = listed["places_after"] - listed["places_before"]
    frame = pd.DataFrame(
        {
            COLUMN[by]: _values(inputs, by).take(listed_codes),
            "name": _names(inputs, by).take(listed_codes),
            "places_before": listed["places_before"],
            "places_after": listed["places_after"],
            "change": change,
            "share_before": listed["places_before"] / max(int(before.count.sum()), 1),
            "share_after": listed["places_after"] / max(int(after.count.sum()), 1),
            "weighted_before": listed["weighted_before"],
            "weighted_after": listed["weighted_after"],
            "weighted_change": listed["weighted_after"] - listed["weighted_before"],
        }
    )
    order = np.lexsort((listed_codes, -np.abs(frame["weighted_change"].to_numpy()), -np.abs(change)))
    return frame.iloc[order].reset_index(drop=True)


def _exposure(ranking: Ranking, inputs: Inputs, codes: Ints, n_codes: int) -> tuple[np.ndarray, Floats]:
    """Return (n_codes + 1,) list entries, and the same discounted by rank; the last element: jobs without a code."""
    is_job = list_overlap.mask_listed(ranking.job_id.shape[1], ranking.count)
    code = codes[_job_rows(inputs, ranking.job_id[is_job])].astype(np.int64)
    code[code < 0] = n_codes
    discount = 1 / np.log2(2 + np.nonzero(is_job)[1])
    return np.bincount(code, minlength=n_codes + 1), np.bincount(code, discount, minlength=n_codes + 1).astype(
        np.float64
    )


def _job_rows(inputs: Inputs, ids: np.ndarray) -> np.ndarray:
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


def _values(inputs: Inputs, by: By) -> pd.api.extensions.ExtensionArray:
    """Return (n_codes + 1,) the id or code of the tables for each code; the last one is missing."""
    values = [*getattr(inputs.words, by).values, None]
    return pd.Series(values, dtype="Int64" if by == "occupation" else "str").array


def _names(inputs: Inputs, by: By) -> pd.api.extensions.ExtensionArray:
    """Return (n_codes + 1,) names, UNKNOWN at the end. A code without a name is its own name."""
    tables = inputs.dataset.tables
    if by == "company":
        named = inputs.jobs.frame.dropna(subset=["company_id", "company_name"]).drop_duplicates("company_id")
        names = named.set_index("company_id")["company_name"]
    else:
        names = getattr(tables, PLURAL[by]).set_index(COLUMN[by])["name"]
    values = pd.Series(_values(inputs, by))
    known_names = values.map(names).astype("str")
    return known_names.fillna(values.astype("str")).fillna(UNKNOWN).array


def plot_exposure(axes: Any, frame: pd.DataFrame, by: By, most: int = 8) -> None:
    """Draw diverging bars of the `most` largest gains and losses of `compute_exposure_changes`, gains on top."""
    gained = frame[frame["change"] > 0].nlargest(most, "change")
    lost = frame[frame["change"] < 0].nsmallest(most, "change")[::-1]
    listed = pd.concat([gained, lost])
    axes.set_title(f"{PLURAL[by].capitalize()} with the largest gains and losses", loc="left", fontsize=10)
    axes.set_xlabel("change in the number of list places")
    if not len(listed):
        axes.set_yticks([])
        axes.set_ylabel(PLURAL[by])
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
    axes.set_ylabel(by)
    axes.axvline(0, color=BLACK, linewidth=0.8)
    low, high = min(0, int(listed["change"].min())), max(0, int(listed["change"].max()))
    margin = 1.1 * max(high, -low)  # for the texts
    axes.set_xlim(low - margin * (low < 0), high + margin * (high > 0))
    axes.locator_params(axis="x", nbins=5)
