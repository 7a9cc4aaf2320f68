"""Terms that only a function of pairs can compute, such as a network that reads inputs of both sides.

A program consists of arrays. It refers to the functions of its process by random tokens, which other processes do not
have. A function is deleted with the last program that refers to it.
"""

from __future__ import annotations

import secrets
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Longs
from scoring.bundle.program import LINK_TOKEN, PAIRS, Program
from scoring.bundle.terms.term_kind import Packer, ReusableArrays, TermCheck, TermKind
from scoring.errors import ModelError

__all__ = ["PairFunction", "PairKind", "PairTerm", "find_pair_components", "find_pair_function", "register_functions"]

PairFunction = Callable[[NDArray[np.integer], NDArray[np.integer]], Floats]
"""(user rows (p,), job rows (p,)) → (p,) values. A pair has the same value alone and in any batch. NaN is allowed."""

_functions: dict[float, PairFunction] = {}


@dataclass(frozen=True, eq=False)
class PairTerm:
    """`evaluate(users, jobs)`, the values of pairs of rows. It is the only term of a value, which must have a link.

    Example
    -------
    >>> PairTerm(lambda users, jobs: (users - jobs).astype(float)).evaluate(np.array([3]), np.array([1])).tolist()
    [2.0]
    """

    evaluate: PairFunction


class _Pairs:
    """Packs pair terms: the rows that the functions know the jobs by. Users keep their rows."""

    def __init__(self, n_jobs: int) -> None:
        self.n_jobs, self.n_terms = n_jobs, 0

    def add(self, term: PairTerm) -> int:
        self.n_terms += 1
        return self.n_terms - 1

    def arrays(self) -> dict[str, NDArray]:
        rows = np.arange(self.n_jobs, dtype=np.int32)[None]
        return {"pair_job": rows[: min(self.n_terms, 1)]}


class PairKind(TermKind[PairTerm]):
    """See `PairTerm`."""

    code, term = PAIRS, PairTerm

    def check(self, term: PairTerm, check: TermCheck) -> None:
        if not callable(term.evaluate):
            raise check.error(f"`evaluate` is a {type(term.evaluate).__name__}; it must be a function", "evaluate")

    def packer(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> Packer[PairTerm]:
        return _Pairs(n_jobs)

    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        starts = program.term_start[:-1]
        owner = next(c for c in find_pair_components(program) if program.term_slot[starts[c]] == slot)
        rows = np.repeat(users, len(jobs)), np.tile(program.pair_job[0, jobs], len(users))
        return find_pair_function(program, owner)(*rows).reshape(len(users), len(jobs))

    def value_of_pair(self, term: PairTerm) -> float:
        none = np.zeros(1, dtype=np.int64)
        return float(term.evaluate(none, none)[0])

    def bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        return np.array([-np.inf]), np.array([np.inf])


def register_functions(functions: Mapping[int, PairFunction], owner: NDArray) -> dict[int, float]:
    """Return a token for each function, by its component. The functions are deleted with the array `owner`."""
    tokens = {c: float(secrets.randbits(53)) for c in functions}
    for c, function in functions.items():
        _functions[tokens[c]] = function
        weakref.finalize(owner, _functions.pop, tokens[c], None)
    return tokens


def find_pair_function(program: Program, component: int) -> PairFunction:
    """Return the function of a component whose term is a `PairTerm`.

    Raises
    ------
    ModelError: If the arrays were copied from another process without a bundle's file.
    """
    found = _functions.get(float(program.link[component, LINK_TOKEN]))
    if found is None:
        raise ModelError(
            "The arrays refer to a trained model that only the process that made them can evaluate. Use "
            "`Bundle.save` and `Bundle.open`.",
            key=("pairs",),
        )
    return found


def find_pair_components(program: Program, *, weighted: bool = False) -> list[int]:
    """Return the components whose term is a `PairTerm`; with `weighted`, only those that have a weight."""
    if not len(program.pair_job):
        return []
    return [
        c
        for c in range(program.n_components)
        if program.term_start[c] < program.term_start[c + 1]
        and program.term_kind[program.term_start[c]] == PAIRS
        and (not weighted or program.flat_weight[c] or program.group_weight[c])
    ]
