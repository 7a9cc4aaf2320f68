"""Checks that terms fit the data. Kernels do not check bounds: terms that would read outside an array are rejected."""

from __future__ import annotations

from collections.abc import Container, Hashable

import numpy as np

from scoring.bundle.terms import KIND_OF_TERM, TermCheck
from scoring.bundle.terms.term_kind import LARGEST
from scoring.errors import ModelError
from scoring.model.terms import AffineLink, PairTerm, SigmoidLink, Value

__all__ = ["check_value"]


def check_value(name: str, value: Value, n_users: int, n_jobs: int, checked: Container[Hashable] = frozenset()) -> None:
    """Require that the terms of a component can be computed. `checked`: as of `KnownColumns`.

    Shapes must match the data, codes must be below their key's size, rows must exist in their table, and divisors must
    not be 0. NaN and infinity are rejected, except in an interval's bounds and numbers.

    Raises
    ------
    ModelError: If a term cannot be computed. The message names the component and the term.
    """
    if not isinstance(value, Value):
        raise ModelError(
            f"component {name}: `terms` returned a {type(value).__name__}; it must return a scoring.model.Value.",
            key=(name, "terms"),
        )
    for term in value.terms:
        if type(term) not in KIND_OF_TERM:
            raise ModelError(
                f"component {name}: `terms` returned a Value that contains a {type(term).__name__}, which is not a "
                "term. Use a class of scoring.model.terms.",
                key=(name, "terms", type(term).__name__),
            )
        KIND_OF_TERM[type(term)].check(term, TermCheck(name, term, n_users, n_jobs, checked))
    if value.link is not None:
        _check_link(name, value.link)
    if any(isinstance(term, PairTerm) for term in value.terms) and (
        len(value.terms) > 1 or value.divisor is not None or value.link is None
    ):
        raise ModelError(
            f"component {name}: `terms` returned a Value with a PairTerm. It must be the only term, without a divisor, "
            "and the value must have a link.",
            key=(name, "terms", "PairTerm"),
        )
    if value.divisor is not None:
        check, kind = TermCheck(name, value.divisor, n_users, n_jobs), KIND_OF_TERM.get(type(value.divisor))
        divisor = None if kind is None else kind.divisors(value.divisor)
        if kind is None or divisor is None:
            raise ModelError(
                f"component {name}: `terms` returned a Value whose divisor is a {type(value.divisor).__name__}. Use a "
                "UserTerm or a FlagTerm as divisor.",
                key=(name, "divisor", type(value.divisor).__name__),
            )
        kind.check(value.divisor, check)
        if (np.abs(divisor) < 1 / LARGEST).any():
            raise check.error(f"as a divisor, it must not contain 0 or a value between ±{1 / LARGEST:g}", "divisor")


def _check_link(name: str, link: object) -> None:
    """Require a link of this package that does not decrease."""
    if not isinstance(link, AffineLink | SigmoidLink):
        raise ModelError(
            f"component {name}: `terms` returned a Value whose link is a {type(link).__name__}. Use an AffineLink or a "
            "SigmoidLink.",
            key=(name, "link", type(link).__name__),
        )
    origin, factor, missing = link.parameters
    if not (np.isfinite([origin, factor]).all() and factor > 0 and 0 <= missing <= 100):
        raise ModelError(
            f"component {name}: `terms` returned a Value with an invalid link {link}. An AffineLink must have low < "
            "high, a SigmoidLink a positive slope, and both a `missing` from 0 to 100.",
            key=(name, "link", "range"),
        )
