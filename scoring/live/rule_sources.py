"""What each eligibility rule reads, which decides when live lists evaluate it again."""

from __future__ import annotations

from typing import Final, Literal

from scoring.errors import ModelError
from scoring.model import EligibilityRule
from scoring.model.eligibility import Eligibility
from scoring.model.rule_expression import (
    AllOf,
    AnyOf,
    ColumnValue,
    Comparison,
    Constant,
    Constants,
    DaysSince,
    IsMissing,
    Not,
)

__all__ = ["Source", "find_sources", "list_sources"]

Source = Literal["job row", "user row", "own actions", "clock"]
"""A job row, a user row and the user's own actions are read at once; the clock changes at a tick."""

_ROW: Final[dict[str, Source]] = {"jobs": "job row", "users": "user row"}


def find_sources(rule: EligibilityRule) -> frozenset[Source]:
    """Return what a rule reads.

    Raises
    ------
    ModelError: If the rule reads something else, such as other users. Live lists cannot keep such a rule exact.

    Example
    -------
    >>> sorted(find_sources(EligibilityRule("days_since(user, job, 'view') > 7")))
    ['clock', 'own actions']
    """
    return frozenset(_collect(rule, rule.expression))


def _collect(rule: EligibilityRule, part: object) -> set[Source]:
    match part:
        case ColumnValue(table=table):
            return {_ROW[table]}
        case DaysSince(of_company=of_company):
            return {"own actions", "clock", "job row"} if of_company else {"own actions", "clock"}
        case Constant() | Constants():
            return set()
        case IsMissing(column=column):
            return _collect(rule, column)
        case Not(part=inner):
            return _collect(rule, inner)
        case Comparison(left=left, right=right):
            return _collect(rule, left) | _collect(rule, right)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            return set().union(*(_collect(rule, inner) for inner in parts))
    raise ModelError(
        f"rule {rule.reason!r} reads {type(part).__name__}, which live lists cannot keep exact. Use columns of the job "
        "and the user, and days_since.",
        key=("eligibility", "rules", rule.reason),
    )


def list_sources(rules: Eligibility) -> dict[str, frozenset[Source]]:
    """Return what each rule of a model reads, by field of the model file or reason.

    Raises
    ------
    ModelError: As `find_sources`.
    """
    shipped: dict[str, tuple[bool, tuple[Source, ...]]] = {
        "open": (rules.open, ("job row", "clock")),
        "employment_types": (rules.employment_types is not None, ("job row",)),
        "min_fee": (rules.min_fee is not None, ("job row",)),
        "not_applied": (rules.not_applied, ("own actions",)),
        "company_cooldown_days": (rules.company_cooldown_days is not None, ("own actions", "job row", "clock")),
        "max_per_company": (rules.max_per_company is not None, ("job row",)),
    }
    found = {name: frozenset(sources) for name, (is_used, sources) in shipped.items() if is_used}
    return found | {rule.reason: find_sources(rule) for rule in rules.rules}
