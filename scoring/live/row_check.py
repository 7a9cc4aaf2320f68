"""Check that a component reads only the rows of a pair, the user's actions, and the basis."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from scoring.array_types import Floats, Longs
from scoring.backends.reference import compute_component_values
from scoring.columns.dataset_frames import Tables
from scoring.dataset import Dataset
from scoring.errors import ModelError
from scoring.id_index import IdIndex
from scoring.model import Inputs, Part, ScoringModel, WeightProfile
from scoring.plan.plan import build_program
from scoring.statistics import Basis

__all__ = ["require_row_component"]

_SUBSETS: Final = 20
_MAX_USERS, _MAX_JOBS = 8, 12
_WHOLE_USERS, _WHOLE_JOBS = 200, 500


def require_row_component(part: Part, dataset: Dataset, basis: Basis, *, seed: int = 0) -> None:
    """Require that a component's values are the same in 20 random subsets of the data as in the whole.

    A subset contains some users with their actions, some jobs, and the jobs of these actions. A component that reads
    other users, other jobs, or the actions of other users has other values there. Such state belongs to the basis.

    Raises
    ------
    ModelError: If a value differs. The message names the component, what it reads, the user and the job.
    """
    draw = np.random.default_rng(seed)
    users = _draw(draw, len(dataset.users), _WHOLE_USERS)
    jobs = _draw(draw, len(dataset.jobs), _WHOLE_JOBS)
    whole = _find_values(part, dataset, basis, dataset.users.user_id[users], dataset.jobs.job_id[jobs])
    for _ in range(_SUBSETS):
        some_users, some_jobs = _draw(draw, len(users), _MAX_USERS), _draw(draw, len(jobs), _MAX_JOBS)
        user_id, job_id = dataset.users.user_id[users[some_users]], dataset.jobs.job_id[jobs[some_jobs]]
        found = _find_values(part, _take_rows(dataset, user_id, job_id), basis, user_id, job_id)
        wanted = whole[np.ix_(some_users, some_jobs)]
        for user, job in np.argwhere(found != wanted)[:1]:
            read = _find_read_rows(part, dataset, basis, user_id[user : user + 1], job_id[job : job + 1])
            raise ModelError(
                f"component {part.name} reads {' and '.join(read)}: user {user_id[user]} and job {job_id[job]} have "
                f"the value {wanted[user, job]:.9g} in the whole data and {found[user, job]:.9g} in a subset. Live "
                "lists need components that read only the two rows, the user's actions and the basis.",
                key=(part.name, *read),
            )


def _find_read_rows(part: Part, dataset: Dataset, basis: Basis, user_id: Longs, job_id: Longs) -> list[str]:
    """Return which other rows the value of a pair depends on, by removing one kind of them after another."""
    all_rows = dataset.tables
    actions = all_rows.actions[all_rows.actions["user_id"].isin(user_id)]
    used = all_rows.jobs["job_id"].isin(job_id) | all_rows.jobs["job_id"].isin(actions["job_id"])
    removed: dict[str, dict[str, pd.DataFrame]] = {
        "the actions of other users": {"actions": actions},
        "other users": {"users": all_rows.users[all_rows.users["user_id"].isin(user_id)]},
        "other jobs": {"jobs": all_rows.jobs[used]},
    }
    tables, before, read = all_rows, _find_values(part, dataset, basis, user_id, job_id), []
    for name, rest in removed.items():
        tables = tables.with_tables(**rest)
        after = _find_values(part, _make_dataset(tables, dataset), basis, user_id, job_id)
        if (after != before).any():
            read.append(name)
        before = after
    return read or ["other rows"]


def _draw(draw: np.random.Generator, n: int, at_most: int) -> Longs:
    return np.sort(draw.choice(n, min(n, at_most), replace=False)).astype(np.int64)


def _take_rows(dataset: Dataset, user_id: Longs, job_id: Longs) -> Dataset:
    tables = dataset.tables
    actions = tables.actions[tables.actions["user_id"].isin(user_id)]
    used = tables.jobs["job_id"].isin(job_id) | tables.jobs["job_id"].isin(actions["job_id"])
    part = tables.with_tables(
        users=tables.users[tables.users["user_id"].isin(user_id)], jobs=tables.jobs[used], actions=actions
    )
    return _make_dataset(part, dataset)


def _make_dataset(tables: Tables, like: Dataset) -> Dataset:
    return Dataset(tables, as_of=like.as_of, set_back=like.clock.set_back)


def _find_values(part: Part, dataset: Dataset, basis: Basis, user_id: Longs, job_id: Longs) -> Floats:
    """Return the values (len(user_id), len(job_id)) of a component on all rows of a dataset."""
    weights = WeightProfile({part.group: 1.0}, {part.group: {part.name: 1.0}})
    inputs = Inputs.of(dataset, basis=basis)
    program = build_program(ScoringModel("check", (part,), weights), inputs)
    users, jobs = IdIndex(inputs.users.user_id).find(user_id)[0], IdIndex(inputs.jobs.job_id).find(job_id)[0]
    return compute_component_values(program, users, jobs)[0]
