"""What differs between two settings of a model, in words: `location 12 → 18 %`, `freshness.half_life_days 14 → 7`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from scoring.errors import make_printable
from scoring.model import GROUPS, ScoringModel
from scoring.model.setting_text import format_setting

__all__ = ["describe_changes", "list_changes"]

_MAX_NAMED: Final = 3
"""Number of changes that a sentence names."""
_MAX_RULE: Final = 60
"""Number of characters of a rule that a sentence names."""
_SAME: Final = 1e-9
"""Relative difference up to which two ratios of weights are equal: a move scales the other weights by one factor."""


def describe_changes(before: ScoringModel, after: ScoringModel, moved: str = "") -> str:
    """Return the changes in one line; "" if the models do not differ. `moved` as in `list_changes`."""
    changes = list_changes(before, after, moved)
    more = f" and {len(changes) - _MAX_NAMED} more" if len(changes) > _MAX_NAMED else ""
    return ", ".join(changes[:_MAX_NAMED]) + more


def list_changes(before: ScoringModel, after: ScoringModel, moved: str = "") -> list[str]:
    """Return one text per moved weight, parameter and rule. The models have the same components.

    Weights are shares of the total in percent. Weights that only made room for a moved one are left out: all of them
    changed by the same factor. If two weights changed, `moved` is the one that the user moved, if known.
    """
    return [*_list_weights(before, after, moved), *_list_parameters(before, after), *_list_rules(before, after)]


def _list_weights(before: ScoringModel, after: ScoringModel, moved: str) -> list[str]:
    old, new = before.weights, after.weights
    groups = find_moved(old.groups, new.groups, moved)
    found = [_describe_weight(f"group {group}", old.groups[group], new.groups[group]) for group in groups]
    for group in GROUPS:
        names = find_moved(old.components[group], new.components[group], moved)
        found += [_describe_weight(name, old.flat(group, name), new.flat(group, name)) for name in names]
    return [text for _, text in sorted(found, key=lambda one: -one[0])]


def _describe_weight(name: str, old: float, new: float) -> tuple[float, str]:
    return abs(new - old), f"{name} {_format_percent(old)} → {_format_percent(new)} %"


def find_moved(before: Mapping[str, float], after: Mapping[str, float], moved: str = "") -> list[str]:
    """Return the names of the weights of a level that were moved, not only scaled to make room.

    The factor that most weights share is that of the scaled ones. Of two changed weights, the moved one is `moved`,
    otherwise the one that rose.
    """
    changed = [name for name in before if not math.isclose(before[name], after[name], rel_tol=_SAME, abs_tol=1e-12)]
    if len(changed) <= 2:
        return [moved] if moved in changed else sorted(changed, key=lambda name: before[name] - after[name])[:1]
    factors = {name: after[name] / before[name] for name in changed if before[name] > 0}
    shared = {
        name: sum(math.isclose(factor, other, rel_tol=1e-6) for other in factors.values())
        for name, factor in factors.items()
    }
    most = max(shared.values(), default=0)
    if 2 * most <= len(changed):  # the weights were set independently
        return changed
    scaled = next(factors[name] for name in factors if shared[name] == most)
    return [name for name in changed if name not in factors or not math.isclose(factors[name], scaled, rel_tol=1e-6)]


def _list_parameters(before: ScoringModel, after: ScoringModel) -> list[str]:
    found = []
    for old, new in zip(before.parts, after.parts, strict=True):
        for field in type(old.component).model_fields:
            values = getattr(old.component, field), getattr(new.component, field)
            if values[0] != values[1]:
                found.append(f"{old.name}.{field} {_format_change(*values)}")
    return found


def _format_change(old: object, new: object) -> str:
    """Return both values. A curve is reduced to its changed points."""
    if isinstance(old, tuple) and isinstance(new, tuple) and old and new and isinstance(old[0], tuple):
        if len(old) != len(new):
            return f"{len(old)} → {len(new)} points"
        pairs = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        return ", ".join(f"{format_setting(a)} → {format_setting(b)}" for a, b in pairs)
    return f"{format_setting(old)} → {format_setting(new)}"


def _list_rules(before: ScoringModel, after: ScoringModel) -> list[str]:
    old, new = before.eligibility, after.eligibility
    found = [
        f"rule {field} {format_setting(getattr(old, field))} → {format_setting(getattr(new, field))}"
        for field in type(old).model_fields
        if field != "rules" and getattr(old, field) != getattr(new, field)
    ]
    found += [f"rule {make_printable(rule.reason, _MAX_RULE)} on → off" for rule in old.rules if rule not in new.rules]
    return found + [
        f"rule {make_printable(rule.reason, _MAX_RULE)} off → on" for rule in new.rules if rule not in old.rules
    ]


def _format_percent(share: float) -> str:
    """Return a share as a percentage with at most three digits, without its sign."""
    return f"{100 * share:.3g}"
