"""Terms that only a function of pairs can compute, such as a network that reads inputs of both sides.

A program consists of arrays. It refers to the functions of its process by random tokens, which other processes do not
have. A function is deleted with the last program that refers to it.
"""

from __future__ import annotations

import secrets
import weakref
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Floats, Ints, Longs
from scoring.bundle.program import PAIRS, Program
from scoring.bundle.terms.term_kind import Packer, ReusableArrays, TermCheck, TermKind
from scoring.errors import ModelError

__all__ = ["PairFunction", "PairKind", "PairTerm", "find_pair_components", "find_pair_function"]

PairFunction = Callable[[NDArray[np.integer], NDArray[np.integer]], Floats]
"""(user rows (p,), job rows (p,)) → (p,) values. A pair has the same value alone and in any batch. NaN is allowed."""

_functions: dict[int, PairFunction] = {}


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
    """Packs pair terms: tokens of functions, and the rows that the functions know the users and jobs by."""

    def __init__(self, n_users: int, n_jobs: int) -> None:
        self.n_users, self.n_jobs = n_users, n_jobs
        self.terms: list[PairTerm] = []

    def add(self, term: PairTerm) -> int:
        self.terms.append(term)
        return len(self.terms) - 1

    def arrays(self) -> dict[str, NDArray]:
        tokens = np.array([secrets.randbits(62) for _ in self.terms], dtype=np.int64)
        for token, term in zip(tokens.tolist(), self.terms, strict=True):
            _functions[token] = term.evaluate
            weakref.finalize(tokens, _functions.pop, token, None)
        return {
            "pair_token": tokens,
            "pair_user": _number(self.terms, self.n_users),
            "pair_job": _number(self.terms, self.n_jobs),
        }


def _number(terms: list[PairTerm], length: int) -> Ints:
    """Return (1, length) row numbers; (0, length) without terms."""
    return np.arange(length, dtype=np.int32)[None] if terms else np.empty((0, length), dtype=np.int32)


class PairKind(TermKind[PairTerm]):
    """See `PairTerm`."""

    code, term = PAIRS, PairTerm

    def check(self, term: PairTerm, check: TermCheck) -> None:
        if not callable(term.evaluate):
            raise check.error(f"`evaluate` is a {type(term.evaluate).__name__}; it must be a function", "evaluate")

    def packer(self, n_users: int, n_jobs: int, reusable: ReusableArrays) -> Packer[PairTerm]:
        return _Pairs(n_users, n_jobs)

    def values(self, program: Program, slot: int, users: Longs, jobs: Longs) -> Floats:
        evaluate = find_pair_function(program, slot)
        rows = np.repeat(program.pair_user[0, users], len(jobs)), np.tile(program.pair_job[0, jobs], len(users))
        return evaluate(*rows).reshape(len(users), len(jobs))

    def value_of_pair(self, term: PairTerm) -> float:
        none = np.zeros(1, dtype=np.int64)
        return float(term.evaluate(none, none)[0])

    def bounds(self, program: Program, slot: int) -> tuple[Floats, Floats]:
        return np.array([-np.inf]), np.array([np.inf])


def find_pair_function(program: Program, slot: int) -> PairFunction:
    """Return the function of a pair term.

    Raises
    ------
    ModelError: If the program was made in another process.
    """
    found = _functions.get(int(program.pair_token[slot]))
    if found is None:
        raise ModelError(
            "The arrays refer to a trained model that only the process that made them can evaluate. Rank in that "
            "process, without saving the bundle.",
            key=("pair_token",),
        )
    return found


def find_pair_components(program: Program) -> list[int]:
    """Return the components with a weight whose term is a `PairTerm`."""
    if not len(program.pair_token):
        return []
    return [
        c
        for c in range(program.n_components)
        if program.term_start[c] < program.term_start[c + 1]
        and program.term_kind[program.term_start[c]] == PAIRS
        and (program.flat_weight[c] or program.group_weight[c])
    ]
