"""Check that components of users keep the contract on the data that they rank. Those of the package are tested instead.

`scoring.testing.check_component` checks more, on data with missing values. This check is for the data of a run.
"""

from __future__ import annotations

import math
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from scoring.backends.reference import compute_component_values
from scoring.dataset import Dataset
from scoring.errors import ModelError, ScoringError
from scoring.model import Inputs, Pair, Part
from scoring.model.component import Reason
from scoring.plan import Plan
from scoring.plan.value_range_check import is_shipped

__all__ = ["EXPLAIN_TOLERANCE", "advise", "call_explain", "describe_pair", "require_contract", "require_equal"]

EXPLAIN_TOLERANCE: Final = 1e-9
"""Largest difference between a value of `terms` and that of `explain`."""

_N_USERS: Final = 20
_N_JOBS: Final = 10

_checked: WeakKeyDictionary[Dataset, dict[type, bool]] = WeakKeyDictionary()
"""Dataset → checked component class → whether pairs of all rows were checked. A file that changes has new classes."""


def require_contract(plan: Plan, inputs: Inputs) -> None:
    """Require that components of users keep the contract for 200 pairs of a plan's rows.

    `explain` must return the values of `terms`. A value must not depend on other rows of the inputs. Each class is
    checked once per dataset, because the calls of `explain` take up to 100 ms, and again if only rows of a request
    were checked before.

    Raises
    ------
    ModelError: If a component does not keep the contract. The message names the component, the user and the job.
    """
    is_whole = inputs.users is inputs.dataset.users and inputs.jobs is inputs.dataset.jobs
    checked = _checked.setdefault(inputs.dataset, {})
    own = [
        number
        for number, part in enumerate(plan.model.parts)
        if not is_shipped(part) and not _is_checked(checked, part, is_whole)
    ]
    if not own or not len(inputs.users) or not len(inputs.jobs):
        return
    draw = np.random.default_rng(0)
    users = draw.choice(len(inputs.users), min(_N_USERS, len(inputs.users)), replace=False)
    jobs = draw.choice(len(inputs.jobs), min(_N_JOBS, len(inputs.jobs)), replace=False)
    sample = inputs.take_users(users).take_jobs(jobs)
    of_sample = Plan.build(plan.model, sample).program
    rows = np.arange(len(users)), np.arange(len(jobs))
    for number in own:
        part = plan.model.parts[number]
        values = compute_component_values(plan.program, users, jobs, [number])[0]
        alone = compute_component_values(of_sample, *rows, [number])[0]
        differs = np.argwhere(values != alone)
        for user, job in differs[:1]:
            raise ModelError(
                f"component {part.name}: {describe_pair(sample, user, job)} has the value {values[user, job]:.9g} "
                f"among all rows and {alone[user, job]:.9g} among {len(users)} users and {len(jobs)} jobs. It must not "
                f"depend on the other rows of the inputs. {advise(values[user, job], alone[user, job])}",
                key=(part.name, "rows"),
            )
        for user, job in np.ndindex(values.shape):
            reason = call_explain(part, Pair(sample, user, job))
            require_equal(part, reason, float(values[user, job]), describe_pair(sample, user, job))
    checked |= {type(plan.model.parts[number].component): is_whole for number in own}


def advise(value: float, other: float) -> str:
    """Return what to do if the value of a pair is different when other rows are scored with it."""
    if abs(value - other) <= EXPLAIN_TOLERANCE:
        return (
            "The difference is a rounding error: matrix products round by the shape of the matrices. Add the products "
            "in a fixed order, or round the values, as in `np.round(values, 6)`."
        )
    return "Read what is common to all rows from `inputs.basis` or `inputs.dataset`."


def _is_checked(checked: dict[type, bool], part: Part, is_whole: bool) -> bool:
    kind = type(part.component)
    return kind in checked and (checked[kind] or not is_whole)


def call_explain(part: Part, pair: Pair) -> Reason:
    """Return the explanation of a component.

    Raises
    ------
    ModelError: If `explain` raises an error or returns something else. The message names the component.
    """
    try:
        reason = part.component.explain(pair)
    except ScoringError:
        raise
    except (Exception, SystemExit) as error:  # components of users may raise any exception
        raise ModelError(
            f"component {part.name}: `explain` raised {type(error).__name__}: {error}", key=(part.name, "explain")
        ) from error
    if not isinstance(reason, Reason):
        raise ModelError(
            f"component {part.name}: `explain` returned a {type(reason).__name__}; it must return a Reason.",
            key=(part.name, "explain"),
        )
    return reason


def require_equal(part: Part, reason: Reason, value: float, pair: str) -> None:
    """Require that the value of a user's component is the same in `explain` and in `terms`.

    Raises
    ------
    ModelError: If it is not. The message names the component and the pair.
    """
    if is_shipped(part):
        return
    plain: Any = reason.value
    is_number = isinstance(plain, int | float) and not isinstance(plain, bool) and math.isfinite(plain)
    if not is_number or abs(plain - value) > EXPLAIN_TOLERANCE:
        raise ModelError(
            f"component {part.name}: for {pair}, `terms` gives {value!r} and `explain` returns {plain!r}. Correct the "
            "one that is wrong: they must agree.",
            key=(part.name, "explain"),
        )


def describe_pair(inputs: Inputs, user: int, job: int) -> str:
    """Return the ids of a user row and a job row, as text."""
    external = inputs.external_ids
    return (
        f"user {external.name_user(int(inputs.users.user_id[user]))} and job "
        f"{external.name_job(int(inputs.jobs.job_id[job]))}"
    )
