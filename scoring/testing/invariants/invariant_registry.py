"""The registry of invariants, and the comparisons that report the first user, job and values that differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from unittest import SkipTest

import numpy as np
from numpy.typing import NDArray

from scoring.ranking import SCORES, Ranking
from scoring.testing.check_context import CheckContext

__all__ = [
    "INVARIANTS",
    "Invariant",
    "NotTestableError",
    "invariant",
    "invariant_of_any_data",
    "require_same_lists",
    "require_same_scores",
    "require_testable",
]


class NotTestableError(SkipTest):
    """The data or the model contains nothing on which an invariant could fail. pytest skips such a test."""


@dataclass(frozen=True)
class Invariant:
    """A statement about every engine, and the function that raises AssertionError if it does not hold."""

    name: str
    statement: str
    check: Callable[[CheckContext], None]


INVARIANTS: dict[str, Invariant] = {}
"""Name → invariant, in the order in which they are checked."""


def invariant_of_any_data(check: Callable[[CheckContext], None]) -> Callable[[CheckContext], None]:
    """Register a function as an invariant of its name, for any data. Its docstring is the statement."""
    INVARIANTS[check.__name__] = Invariant(check.__name__, (check.__doc__ or "").strip(), check)
    return check


def invariant(check: Callable[[CheckContext], None]) -> Callable[[CheckContext], None]:
    """Register a function as an invariant that needs at least one user and one job."""

    @wraps(check)
    def check_if_testable(context: CheckContext) -> None:
        require_testable(len(context.users) and len(context.jobs), "no users, or no jobs")
        check(context)

    return invariant_of_any_data(check_if_testable)


def require_testable(condition: Any, what: str) -> None:
    """Raise NotTestableError unless the condition holds. `what` describes the data, such as `no actions`."""
    if not condition:
        raise NotTestableError(f"the data has {what}")


def require_same_lists(found: Ranking, wanted: Ranking, when: str) -> None:
    """Raise AssertionError at the first user and position where ids, order or any of the four scores differ."""
    assert found.user_id.tolist() == wanted.user_id.tolist(), f"{when}: the users or their order differ."
    for row, user in enumerate(found.user_id):
        actual, expected = _list(found, row), _list(wanted, row)
        for place, (entry, expected_entry) in enumerate(zip(actual, expected, strict=False)):
            if entry[0] != expected_entry[0] or not np.array_equal(_view_bits(entry[1]), _view_bits(expected_entry[1])):
                difference = f"{_describe(entry)}; it must be {_describe(expected_entry)}"
                raise AssertionError(f"user {user}, {when}: position {place + 1} is {difference}.")
        lengths = f"the list has {len(actual)} jobs, not {len(expected)}"
        assert len(actual) == len(expected), f"user {user}, {when}: {lengths}."


def _list(ranking: Ranking, row: int) -> list[tuple[int, NDArray]]:
    count = int(ranking.count[row])
    return list(zip(ranking.job_id[row, :count].tolist(), ranking.scores[row, :count], strict=True))


def _describe(entry: tuple[int, NDArray]) -> str:
    job, scores = entry
    return f"job {job} with the scores {', '.join(f'{float(score):.9g}' for score in scores)}"


def require_same_scores(
    found: NDArray, wanted: NDArray, user_id: NDArray[np.int64], job_id: NDArray[np.int64], when: str
) -> None:
    """Raise AssertionError at the first pair where two arrays differ in any bit of the float32.

    Shape (4, n, m) for all scores, or (n, m) for total scores.
    """
    assert found.shape == wanted.shape, f"{when}: scores have shape {found.shape}, not {wanted.shape}."
    differ = np.argwhere(_view_bits(found) != _view_bits(wanted))
    if len(differ):
        place = tuple(differ[0])
        pair = f"user {user_id[place[-2]]} and job {job_id[place[-1]]}"
        score = SCORES[place[0]] if found.ndim == 3 else SCORES[0]
        raise AssertionError(
            f"{pair}, {when}: {score} is {float(found[place]):.9g}; it must be {float(wanted[place]):.9g}."
        )


def _view_bits(scores: NDArray) -> NDArray[np.uint32]:
    return np.ascontiguousarray(scores, dtype=np.float32).view(np.uint32)
