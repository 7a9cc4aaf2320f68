"""Weights on two levels (groups and components), and the flat weight of each component."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Self

import numpy as np
import pandas as pd

from scoring.errors import ModelError, shorten_repr

__all__ = ["GROUPS", "TOLERANCE", "WeightProfile", "read_weights"]

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
        given, given_parts = read_weights(self.groups, "groups"), _read_components(self.components)
        unknown = {*given, *given_parts} - set(GROUPS)
        if unknown:
            name = sorted(unknown)[0]
            raise ModelError(f"unknown group {name!r}; the groups are {', '.join(GROUPS)}.", key=("groups", name))
        whole = {group: given.get(group, 0.0) for group in GROUPS}
        parts = {group: given_parts.get(group, {}) for group in GROUPS}
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
        ModelError: If a weight is not a number, negative or not finite, or the weights of a level are all 0.
        """
        groups, components = read_weights(groups, "groups"), _read_components(components)
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


def read_weights(weights: Mapping[str, Any] | pd.Series, argument: str = "weights") -> dict[str, float]:
    """Return weights by name, as floats: a mapping, or a Series with names as its index.

    Text is accepted if it is a number. Whether the numbers are valid weights is checked later.

    Raises
    ------
    ModelError: If `weights` is neither of both, has a duplicate name, or a value that is not a number. The message
        contains the name.
    """
    if isinstance(weights, pd.Series):
        if not weights.index.is_unique:
            name = str(weights.index[weights.index.duplicated()][0])
            raise ModelError(f"{argument}: duplicate name {name!r}. Give each weight once.", key=(name,))
        weights = {str(name): value for name, value in weights.items()}
    if not isinstance(weights, Mapping):
        raise ModelError(
            f"{argument} is {shorten_repr(weights)}. Use a dict of names to weights, or a Series with names as its "
            "index.",
            key=(argument,),
        )
    return {str(name): _read_weight(str(name), value) for name, value in weights.items()}


def _read_weight(name: str, value: Any) -> float:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    is_number = isinstance(value, Real | Decimal | str) and not isinstance(value, bool)
    try:
        return float(value if is_number else "")
    except (ValueError, OverflowError):
        raise ModelError(
            f"the weight of {name} is {shorten_repr(value)}; it must be a finite number of 0 or more.", key=(name,)
        ) from None


def _read_components(components: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    if not isinstance(components, Mapping):
        raise ModelError(
            f"components is {shorten_repr(components)}. Use a mapping of groups to the weights of their components.",
            key=("components",),
        )
    return {str(group): read_weights(weights, str(group)) for group, weights in components.items()}


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
