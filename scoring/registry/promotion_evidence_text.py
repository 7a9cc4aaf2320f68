"""The evidence for a promotion in words, as the command and the panel show it."""

from __future__ import annotations

from scoring.errors import make_printable, pluralize
from scoring.registry.evaluation_log import Change, TestAccess
from scoring.registry.promotion_evidence import Evidence

__all__ = ["describe_result", "describe_slices", "list_facts"]

_MAX_SLICES = 5
"""Number of worse slices that the sentence names."""


def list_facts(evidence: Evidence) -> list[tuple[str, str]]:
    """Return label and text of the facts about the evaluation; empty without one."""
    access = evidence.access
    if access is None:
        return []
    users = "an unknown number of users" if access.n_users is None else pluralize(access.n_users, "user")
    split = "test users" if access.split == "test" else "users of all splits"
    commands = "1 command has" if evidence.n_looks == 1 else f"{evidence.n_looks:,} commands have"
    facts = [
        ("evaluated", f"{access.at:%Y-%m-%d %H:%M} UTC on {users} ({split})"),
        ("looks", f"{commands} evaluated models on these users, including this one"),
    ]
    if access.n_fitted_users is not None:
        n_fitted = f"{access.n_fitted_users:,}" if access.n_fitted_users else "none"
        facts.append(("overlap", f"{n_fitted} of these users fitted or selected its weights"))
    if access.held_out is not None:
        facts.append(("held out", make_printable(access.held_out)))
    if access.n_cuts is not None:
        facts.append(("cuts", f"{access.n_cuts:,}; differences are over all cuts"))
    if access.baseline is not None:
        facts.append(("baseline", make_printable(access.baseline)))
    return facts


def describe_result(evidence: Evidence, measure: str, change: Change) -> tuple[str, str]:
    """Return the kind of a difference (better, worse, changed or quiet), and a text such as `worse, guard`."""
    role = ", goal" if measure in evidence.goals else ", guard" if measure in evidence.guards else ""
    if not change.has_test:
        return "quiet", f"no test{role}"
    if not evidence.is_significant(measure):
        return "quiet", f"may be chance{role}"
    kind = {True: "better", False: "worse", None: "changed"}[change.is_good]
    return kind, f"{kind}{role}"


def describe_slices(access: TestAccess) -> str:
    """Return which slices got significantly worse, as a sentence."""
    if access.worse_slices is None:
        return "Slices were not compared. `scoring evaluate` without --cuts compares them."
    tested = ""
    if access.n_slices is not None and access.n_tested_slices is not None:
        tested = f" {access.n_tested_slices:,} of {pluralize(access.n_slices, 'slice')} have enough users for a test."
    if not access.worse_slices:
        return f"No slice is significantly worse.{tested}"
    first = ", ".join(make_printable(text) for text in access.worse_slices[:_MAX_SLICES])
    more = len(access.worse_slices) - _MAX_SLICES
    return f"Significantly worse slices: {first}{f' and {more:,} more' if more > 0 else ''}.{tested}"
