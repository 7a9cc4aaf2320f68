"""Markets in which rows or actions were changed because of held-out applications."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pandas as pd

from scoring.dataset import Dataset, Tables

__all__ = ["PLANTS", "plant"]


def plant(data: Dataset, *names: str, days: float = 14.0) -> Dataset:
    """Return the data with these leaks: changes because of the applications of the last days."""
    cut = data.as_of - pd.Timedelta(days=days)
    actions = data.tables.actions
    held = actions[(actions["action"] == "application") & (actions["occurred_at"] > cut)].sort_values("occurred_at")
    tables = data.tables
    for name in names:
        tables = PLANTS[name](tables, held, cut)
    return Dataset(tables, as_of=data.as_of)


def _learn_occupations(tables: Tables, held: pd.DataFrame, cut: pd.Timestamp) -> Tables:
    """Preferred occupations are those of the held-out jobs."""
    occupation = tables.jobs.set_index("job_id")["occupation_code"].reindex(held["job_id"]).to_numpy(dtype=float)
    known = held.assign(code=occupation).dropna(subset="code")
    learnt = known.groupby("user_id")["code"].agg(lambda codes: sorted({int(code) for code in codes}))
    users = tables.users
    rows = [learnt.get(user, old) for user, old in zip(users["user_id"], users["preferred_occupations"], strict=True)]
    return tables.with_tables(users=users.assign(preferred_occupations=pd.Series(rows, dtype=object)))


def _move_users(tables: Tables, held: pd.DataFrame, cut: pd.Timestamp) -> Tables:
    """The user lives in the city of the first held-out job."""
    users, first = tables.users.copy(), held.groupby("user_id")["job_id"].first()
    moved = users["user_id"].isin(first.index)
    jobs = tables.jobs.set_index("job_id").reindex(first.reindex(users.loc[moved, "user_id"]))
    for column in ("prefecture_code", "city_code"):
        users.loc[moved, column] = jobs[column].to_numpy()
    return tables.with_tables(users=users)


def _raise_fees(tables: Tables, held: pd.DataFrame, cut: pd.Timestamp) -> Tables:
    """The fee of a held-out job is three times the earlier one."""
    jobs = tables.jobs
    fee = jobs["fee"].where(~jobs["job_id"].isin(held["job_id"]), jobs["fee"] * 3)
    return tables.with_tables(jobs=jobs.assign(fee=fee))


def _add_clicks(tables: Tables, held: pd.DataFrame, cut: pd.Timestamp) -> Tables:
    """A click on each held-out job is a minute before the cut."""
    clicks = held.assign(action="click", occurred_at=cut - pd.Timedelta(minutes=1)).astype(tables.actions.dtypes)
    return tables.with_tables(actions=pd.concat([tables.actions, clicks], ignore_index=True))


PLANTS: Final[dict[str, Callable[[Tables, pd.DataFrame, pd.Timestamp], Tables]]] = {
    "occupations": _learn_occupations,
    "city": _move_users,
    "fee": _raise_fees,
    "click": _add_clicks,
}
