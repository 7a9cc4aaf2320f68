"""The registry of invariants, and how one that does not hold says so: the first user, job and values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from unittest import SkipTest

import numpy as np
from numpy.typing import NDArray

from scoring.ranking import Ranking
from scoring.testing.check_context import Case

__all__ = ["INVARIANTS", "Invariant", "NotShownError", "invariant", "of_any_data", "same_lists", "same_scores", "show"]


class NotShownError(SkipTest):
    """The data or the model holds nothing on which an invariant could fail. pytest skips such a test."""


@dataclass(frozen=True)
class Invariant:
    """A sentence about every engine, and the function that raises AssertionError where it does not hold."""

    name: str
    sentence: str
    check: Callable[[Case], None]


INVARIANTS: dict[str, Invariant] = {}
"""Name → invariant, in the order in which they are checked."""


def of_any_data(check: Callable[[Case], None]) -> Callable[[Case], None]:
    """Registers a function of that name; its docstring is the sentence."""
    INVARIANTS[check.__name__] = Invariant(check.__name__, (check.__doc__ or "").strip(), check)
    return check


def invariant(check: Callable[[Case], None]) -> Callable[[Case], None]:
    """The same for what takes a user and a job to be shown."""

    @wraps(check)
    def shown(case: Case) -> None:
        show(len(case.users) and len(case.jobs), "no users, or no jobs")
        check(case)

    return of_any_data(shown)


def show(there: Any, what: str) -> None:
    """Raises NotShownError where there is nothing to show an invariant on."""
    if not there:
        raise NotShownError(f"the data has {what}")


def same_lists(found: Ranking, wanted: Ranking, when: str) -> None:
    """Ids, order and all four scores bit for bit; names the first user and place that differ."""
    assert found.user_id.tolist() == wanted.user_id.tolist(), f"{when}: the users are others, or in another order."
    for row, user in enumerate(found.user_id):
        mine, theirs = _list(found, row), _list(wanted, row)
        for place, (got, due) in enumerate(zip(mine, theirs, strict=False)):
            if got[0] != due[0] or not np.array_equal(_bits(got[1]), _bits(due[1])):
                raise AssertionError(f"user {user}, {when}: place {place + 1} is {_said(got)}, not {_said(due)}.")
        lengths = f"the list has {len(mine)} jobs, not {len(theirs)}"
        assert len(mine) == len(theirs), f"user {user}, {when}: {lengths}."


def _list(ranking: Ranking, row: int) -> list[tuple[int, NDArray]]:
    count = int(ranking.count[row])
    return list(zip(ranking.job_id[row, :count].tolist(), ranking.scores[row, :count], strict=True))


def _said(entry: tuple[int, NDArray]) -> str:
    job, scores = entry
    return f"job {job} with {', '.join(f'{float(score):.9g}' for score in scores)}"


def same_scores(
    found: NDArray, wanted: NDArray, user_id: NDArray[np.int64], job_id: NDArray[np.int64], when: str
) -> None:
    """(…, n, m) arrays, bit for bit as float32; names the first pair that differs."""
    assert found.shape == wanted.shape, f"{when}: scores are of shape {found.shape}, not {wanted.shape}."
    differ = np.argwhere(_bits(found) != _bits(wanted))
    if len(differ):
        place = tuple(differ[0])
        pair = f"user {user_id[place[-2]]} and job {job_id[place[-1]]}"
        raise AssertionError(f"{pair}, {when}: {float(found[place]):.9g}, not {float(wanted[place]):.9g}.")


def _bits(scores: NDArray) -> NDArray[np.uint32]:
    return np.ascontiguousarray(scores, dtype=np.float32).view(np.uint32)
