"""Weights on two levels (groups and components), and the flat weight of each component."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from scoring.errors import ModelError

__all__ = ["GROUPS", "TOLERANCE", "WeightProfile"]

GROUPS = ("base", "match", "personal")
"""base: what the job offers; match: how it fits the user; personal: the user's past actions."""

_Level = tuple[str, ...]
"""Keys of a level in a model file: of all groups, or of the components of one group."""
_GROUPS: _Level = ("groups",)

TOLERANCE = 1e-6
"""Maximum difference between 1 and the sum of the weights of a level."""


@dataclass(frozen=True)
class WeightProfile:
    """Group weights and, per group, the weights of its components in the model's order.

    Weights are finite, not negative and sum to 1 within a level. A group without components, or whose components
    all have weight 0, has weight 0.

    Raises
    ------
    ModelError: If a rule above does not hold. The message names the level.
    """

    groups: Mapping[str, float]
    components: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        unknown = (set(self.groups) | set(self.components)) - set(GROUPS)
        if unknown:
            name = sorted(unknown)[0]
            raise ModelError(f"unknown group {name!r}; the groups are {', '.join(GROUPS)}.", key=("groups", name))
        whole = {group: float(self.groups.get(group, 0.0)) for group in GROUPS}
        parts = {
            group: {name: float(weight) for name, weight in self.components.get(group, {}).items()} for group in GROUPS
        }
        _check_level(_GROUPS, whole)
        for group, weights in parts.items():
            _check_group(group, whole[group], weights)
        object.__setattr__(self, "groups", whole)
        object.__setattr__(self, "components", parts)

    @classmethod
    def normalised(cls, groups: Mapping[str, float], components: Mapping[str, Mapping[str, float]]) -> Self:
        """Return a profile with the weights of each level divided by their sum.

        Raises
        ------
        ModelError: If a weight is negative or not finite, or the weights of a level are all 0.
        """
        divided = {  # before the groups: an invalid weight of a component may also make the sum of its group invalid
            # if the group has weight 0, all of its components may have weight 0
            group: dict(weights)
            if not any(weights.values()) and not groups.get(group)
            else _divide_weights(("groups", group), weights)
            for group, weights in components.items()
        }
        return cls(_divide_weights(_GROUPS, groups), divided)

    def flat(self, group: str, name: str) -> float:
        """Return the group's weight × the component's weight in the group."""
        return self.groups[group] * self.components[group][name]

    def as_dict(self) -> dict[str, dict[str, object]]:
        """Return the section `groups` of a model or weight file."""
        return {
            group: {"weight": self.groups[group], "components": dict(self.components[group])}
            for group in GROUPS
            if self.components[group]
        }


def _label(level: _Level) -> str:
    return f"group {level[1]}" if len(level) > 1 else "the groups"


def _check_weights(level: _Level, weights: Mapping[str, float]) -> None:
    for name, weight in weights.items():
        if not math.isfinite(weight) or weight < 0:
            key = (*level, "components", name) if len(level) > 1 else (*level, name)
            raise ModelError(
                f"the weight of {name} in {_label(level)} is {weight}; it must be a finite number of 0 or more.",
                key=key,
            )


def _sum_weights(level: _Level, weights: Mapping[str, float]) -> float:
    try:
        return math.fsum(weights.values())
    except OverflowError as error:
        raise ModelError(
            f"the weights of {_label(level)} are too large: their sum overflows. Use weights from 0 to 1.", key=level
        ) from error


def _check_level(level: _Level, weights: Mapping[str, float]) -> None:
    _check_weights(level, weights)
    total = _sum_weights(level, weights)
    if abs(total - 1) > TOLERANCE:
        raise ModelError(
            f"the weights of {_label(level)} sum to {total:.10g}, not 1. Correct them or add `normalise: true` to the "
            "file. In Python, use WeightProfile.normalised.",
            key=level,
        )


def _check_group(group: str, weight: float, weights: Mapping[str, float]) -> None:
    level = ("groups", group)
    _check_weights(level, weights)
    if any(weights.values()):
        _check_level(level, weights)
    elif weight:
        problem = "all its components have weight 0" if weights else "it has no components"
        raise ModelError(
            f"group {group} has weight {weight:g}, but {problem}. Set the weight of the group to 0, or give it a "
            "component with a weight above 0.",
            key=level,
        )


def _divide_weights(level: _Level, weights: Mapping[str, float]) -> dict[str, float]:
    _check_weights(level, weights)
    total = _sum_weights(level, weights)
    if not total > 0:
        raise ModelError(f"the weights of {_label(level)} sum to 0. At least one must be above 0.", key=level)
    return {name: weight / total for name, weight in weights.items()}
