"""Three users of a comparison, chosen by a fixed rule and described without names, ids, age and gender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from scoring.evaluation import Comparison
from scoring.id_index import IdIndex
from scoring.model import Inputs
from scoring.ranking import Ranking

__all__ = ["ExampleJob", "ExampleUser", "select_examples"]

SHOWN: Final = 5
"""Number of jobs of each list that the page shows."""

_OCCUPATIONS: Final = 3
"""Maximum number of preferred occupations in a description."""


@dataclass(frozen=True)
class ExampleJob:
    """A job at a rank of a list, and its rank in the other list (None: not in it)."""

    rank: int
    title: str
    company: str
    place: str
    other_rank: int | None


@dataclass(frozen=True)
class ExampleUser:
    """A user, the reason for the choice, and the first jobs of both lists."""

    reason: str
    facts: tuple[str, ...]
    overlap: float
    before: tuple[ExampleJob, ...]
    after: tuple[ExampleJob, ...]


def select_examples(comparison: Comparison) -> tuple[ExampleUser, ...]:
    """Return the users at the middle, at the 10 % and at the 90 % of the shares of kept jobs.

    Users with an empty list are left out, as are the most extreme ones: their wishes are rare, so that a description
    could identify them. Users with equal shares are ordered by a fixed mix of their ids.
    """
    users = comparison.frame()
    known = users[(users["jobs_before"] > 0) & (users["jobs_after"] > 0)]
    if known.empty:
        return ()
    mixed = pd.util.hash_array(known["user_id"].to_numpy())
    order = known.index.to_numpy()[np.lexsort((mixed, known["overlap"].to_numpy()))]
    chosen: dict[int, str] = {}
    for share, reason in _RULES:
        row = int(order[round(share * (len(order) - 1))])
        chosen.setdefault(row, reason)
    return tuple(_describe(comparison, row, reason, float(users["overlap"][row])) for row, reason in chosen.items())


_RULES: Final = (
    (0.5, "A typical change: the user in the middle of the order."),
    (0.1, "A large change: at least 10% of the users have an equal or larger one."),
    (0.9, "A small change: at least 10% of the users have an equal or smaller one."),
)
"""Share of the users with a smaller overlap → the reason for the choice."""


def _describe(comparison: Comparison, row: int, reason: str, overlap: float) -> ExampleUser:
    before, after, inputs = comparison.before, comparison.after, comparison.inputs
    first, second = (ranking.job_id[row, : ranking.count[row]] for ranking in (before, after))
    return ExampleUser(
        reason=reason,
        facts=_collect_facts(inputs, int(before.user_id[row])),
        overlap=overlap,
        before=_collect_jobs(inputs, before, row, second),
        after=_collect_jobs(inputs, after, row, first),
    )


def _collect_facts(inputs: Inputs, user_id: int) -> tuple[str, ...]:
    """Return region, wishes and number of actions of a user."""
    (row,), _ = IdIndex(inputs.users.user_id).find(np.array([user_id]))
    user = inputs.users.frame.iloc[row]
    tables, board = inputs.dataset.tables, inputs.board
    places = _map_names(tables.prefectures, "prefecture_code")
    occupations = _map_names(tables.occupations, "occupation_code")
    place = user["prefecture_code"]
    wishes = [occupations.get(code, str(code)) for code in list(user["preferred_occupations"])[:_OCCUPATIONS]]
    more = len(user["preferred_occupations"]) - len(wishes)
    occupation_text = ", ".join(wishes) + (f" and {more} more" if more else "")
    n_actions = int(inputs.history.counts[row])
    return (
        f"{board.region.capitalize()}: {'unknown' if pd.isna(place) else places.get(place, place)}",
        f"Preferred occupations: {occupation_text or 'none stated'}",
        f"Views, clicks and applications so far: {_round_count(n_actions)}",
    )


def _round_count(count: int) -> str:
    """Return a number of actions as a range, because an exact one could identify a user."""
    if not count:
        return "none"
    low = 1
    for high in (5, 20, 50, 100, 500):
        if count <= high:
            return f"{low} to {high}"
        low = high + 1
    return "more than 500"


def _collect_jobs(inputs: Inputs, ranking: Ranking, row: int, other: np.ndarray) -> tuple[ExampleJob, ...]:
    shown = ranking.job_row[row, : min(SHOWN, int(ranking.count[row]))]
    frame = inputs.jobs.frame[["title", "company_name", "prefecture_code"]].iloc[shown]
    places = _map_names(inputs.dataset.tables.prefectures, "prefecture_code")
    jobs = []
    for rank, (title, company, code) in enumerate(frame.itertuples(index=False), 1):
        found = np.flatnonzero(other == ranking.job_id[row, rank - 1])
        jobs.append(
            ExampleJob(
                rank=rank,
                title=title if isinstance(title, str) else "no title",
                company=company if isinstance(company, str) else "no company name",
                place=places.get(code, code) if isinstance(code, str) else "",
                other_rank=int(found[0]) + 1 if len(found) else None,
            )
        )
    return tuple(jobs)


def _map_names(table: pd.DataFrame, column: str) -> Mapping[Any, str]:
    return table.dropna(subset="name").set_index(column)["name"].to_dict()
