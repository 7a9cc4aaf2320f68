"""Packing of terms into the flat arrays of a `Program`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scoring.array_types import Floats, Ints
from scoring.bundle.program import LINK_TOKEN, NONE, Program
from scoring.bundle.terms import KIND_OF_TERM, ReusableArrays
from scoring.bundle.terms.pair_term import PairTerm, register_functions
from scoring.errors import ModelError
from scoring.model.terms import Value

__all__ = ["pack"]

_NOT_FOLDED = np.empty((3, 0))


def pack(
    values: Sequence[Value],
    flat_weight: Floats,
    group_weight: Floats,
    group: Ints,
    n_users: int,
    n_jobs: int,
    reusable: ReusableArrays | None = None,
) -> Program:
    """Return a program of each component's value, its weights and its group (0, 1, 2).

    Raises
    ------
    ModelError: If a term is of an unknown type or its arrays do not have a row per user or job.
    """
    packers = {
        term: (kind.code, kind.packer(n_users, n_jobs, reusable or ReusableArrays()))
        for term, kind in KIND_OF_TERM.items()
    }

    def place(term: object) -> tuple[int, int]:
        if type(term) not in packers:
            raise ModelError(
                f"`terms` of a component returned a Value that contains a {type(term).__name__}, which is not a term. "
                "Use a class of scoring.model.terms."
            )
        kind, packer = packers[type(term)]
        return kind, packer.add(term)

    placed = [[place(term) for term in value.terms] for value in values]
    divisors = [(NONE, 0) if value.divisor is None else place(value.divisor) for value in values]
    arrays: dict[str, Any] = {}
    for _, packer in packers.values():
        arrays |= packer.arrays()
    return Program(
        flat_weight=flat_weight,
        group_weight=group_weight,
        group=group.astype(np.int32),
        term_start=np.cumsum([0, *(len(terms) for terms in placed)]).astype(np.int32),
        divisor_kind=np.array([kind for kind, _ in divisors], dtype=np.int8),
        divisor_slot=np.array([slot for _, slot in divisors], dtype=np.int32),
        term_kind=np.array([kind for terms in placed for kind, _ in terms], dtype=np.int8),
        term_slot=np.array([slot for terms in placed for _, slot in terms], dtype=np.int32),
        link=_pack_links(values),
        n_folded=0,
        folded_total=_NOT_FOLDED[0],  # `fold` replaces both
        folded_group=_NOT_FOLDED,
        **arrays,
    )


def _pack_links(values: Sequence[Value]) -> Floats:
    """Return (c, 5) links. Functions of pairs are registered until the array is deleted."""
    links = np.zeros((len(values), 5))
    for row, value in zip(links, values, strict=True):
        if value.link is not None:
            row[:] = (value.link.code, *value.link.parameters, 0.0)
    functions = {
        c: term.evaluate for c, value in enumerate(values) for term in value.terms if isinstance(term, PairTerm)
    }
    for c, token in register_functions(functions, links).items():
        links[c, LINK_TOKEN] = token
    return links
